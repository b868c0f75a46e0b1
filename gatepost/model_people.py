"""Rows of people, mailboxes and systems: who may do what, and which addresses are ours."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, LargeBinary
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class User(SQLModel, table=True):
    """An agent or an admin; `show_codes` is his choice about delivery codes, None as the installation is set.

    With `follows_assigned` he gets the mail of conversations that are assigned to him, at his confirmed address.
    """

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    role: str
    password_hash: str | None = None
    must_change_password: bool = False
    show_codes: bool | None = None
    follows_assigned: bool = True
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class LoginSession(SQLModel, table=True):
    """A browser session; the cookie holds the token, the row its SHA-256."""

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    agent: str = ""
    ip: str = ""


class Invite(SQLModel, table=True):
    """An invitation or a password reset: one mechanism, 256 bit, hashed, single use, 72 h."""

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    purpose: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LoginFailure(SQLModel, table=True):
    """A refused login, by web or SMTP AUTH, or a mail that asked an address, for the throttle; it is kept for a day."""

    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(index=True)
    net: str = Field(index=True)
    at: datetime = Field(sa_type=UTCDateTime, index=True)


class Channel(SQLModel, table=True):
    """An address of ours that people write to; pages call it a mailbox."""

    id: str = Field(primary_key=True)
    name: str
    address: str = Field(unique=True)
    sender_name: str = ""
    footer: str = ""
    state: str = "active"
    visible: bool = True
    by_mx: bool = True
    created_at: datetime = Field(sa_type=UTCDateTime)


class ChannelAlias(SQLModel, table=True):
    """A further address of a channel."""

    __tablename__ = "channel_alias"
    address: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)


class Membership(SQLModel, table=True):
    """A user works in a channel."""

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", primary_key=True)


class Account(SQLModel, table=True):
    """A login at a provider that is polled into a channel; its secrets are sealed.

    `auth` is `password`, `oauth` (tokens of a person) or `app` (client credentials); `user_id` connected it and is told
    about it. `token_expires_at` is the access token's end; who holds `token_lease_until` refreshes. `import_choice` is
    what of the mail that was there before shall be fetched (`asking`, `new`, `days`, `all`), since `import_from` with
    `days`; `import_preview` is what was there when that was asked. `told` is the state that its owner knows of.

    Mail is sent over `smtp_host`, where that is known. `sent_copy` says whether we put a copy into `sent_folder`
    (empty: the one that the server marks): `auto` where the provider does not, `always`, `never`. With `two_way` what
    is done here to its mail is done there too.
    """

    id: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)
    host: str
    port: int
    security: str
    username: str
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    folder: str = "INBOX"
    authserv_id: str | None = None
    state: str = "connecting"
    state_since: datetime = Field(sa_type=UTCDateTime)
    state_why: str = ""
    last_sync_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    next_poll_at: datetime = Field(sa_type=UTCDateTime)
    failures: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lease_fence: int = 0
    lease_process: int = 0
    created_at: datetime = Field(sa_type=UTCDateTime)
    address: str = ""
    provider: str = "other"
    auth: str = "password"
    tenant: str = ""
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    tokens_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    token_expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    token_lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    granted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refreshed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    user_id: str | None = None
    import_choice: str = "all"
    import_from: datetime | None = Field(default=None, sa_type=UTCDateTime)
    import_state: str = ""
    import_total: int = 0
    import_done: int = 0
    import_preview: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    told: str = ""
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_security: str = ""
    sent_copy: str = "auto"
    sent_folder: str = ""
    two_way: bool = False


class Cursor(SQLModel, table=True):
    """How far a folder of an account has been read: every UID above `floor_uid` up to `last_uid` is in Gatepost.

    `floor_uid`: what is below was left out by choice at the first import. `role` is what the folder is for
    (`folders.ROLES`), `by_role` whether it is read by that alone and `role_why` why (None: not listed since that is
    kept); `chosen` what a person said about reading it, None where its role decides. `messages` and
    `highestmodseq` are what the server said when all was seen, `checked_at` when all flags and places were compared;
    `changes` counts changes of UIDVALIDITY in a row, `trouble` says why the folder is not read now.
    """

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=BigInteger)
    last_uid: int = Field(default=0, sa_type=BigInteger)
    highestmodseq: int = Field(default=0, sa_type=BigInteger)
    messages: int = Field(default=0, sa_type=BigInteger)
    floor_uid: int = Field(default=0, sa_type=BigInteger)
    role: str = ""
    chosen: bool | None = None
    by_role: bool | None = None
    role_why: str = ""
    changes: int = 0
    import_until: int = Field(default=0, sa_type=BigInteger)
    checked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    trouble: str = ""


class Credential(SQLModel, table=True):
    """What a system submits with; the secret is 256 bit random and kept as a keyed SHA-256.

    With a `stream` its mails carry an unsubscribe link for just that stream (RFC 8058).
    """

    id: str = Field(primary_key=True)
    kind: str
    name: str
    username: str = Field(unique=True)
    secret_hash: str
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    senders: list[str] = Field(default_factory=list, sa_type=JSON)
    networks: list[str] = Field(default_factory=list, sa_type=JSON)
    conversations: str = "answer"
    held: bool = False
    tag: str = ""
    stream: str = ""
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
