"""Credentials that systems submit with, by SMTP or by the API."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Credential
from gatepost.seal import Keys, secret_hash, secret_matches
from gatepost.store.users import new_token

KINDS = ("smtp", "api")
SYSTEM_SCOPES = ("messages:send", "messages:read", "conversations:read", "conversations:write", "webhooks:write")
"""What an API key gets where no scopes are named."""
SENDERS_SCOPE = "senders:manage"
DESK_SCOPE = "desk:manage"
SCOPES = (*SYSTEM_SCOPES, "routes:manage", SENDERS_SCOPE, DESK_SCOPE)
CONVERSATIONS = ("always", "answer", "never")
USED_STEP = timedelta(minutes=1)


def create_credential(
    session: Session,
    keys: Keys,
    *,
    kind: str,
    name: str,
    senders: Sequence[str],
    scopes: Sequence[str] = (),
    networks: Sequence[str] = (),
    conversations: str = "answer",
    held: bool = False,
    tag: str = "",
    now: datetime,
) -> tuple[Credential, str]:
    """A new credential and its secret, which is never readable again.

    `senders` are addresses or domains; `networks` (CIDR) may submit without a password, for benchmarks and appliances.
    Mail of a `held` credential is accepted and waits for a person; `tag` is written into the events of its mail.
    An API secret is `gp_` + username + `_` + 256 bit, one word to paste. Raises ValueError.
    """
    check(kind in KINDS, f"a credential is of kind {' or '.join(KINDS)}")
    check(conversations in CONVERSATIONS, f"conversations is one of {', '.join(CONVERSATIONS)}")
    check(set(scopes) <= set(SCOPES), f"scopes are {', '.join(SCOPES)}")
    for network in networks:
        ip_network(network)
    username = secrets.token_hex(6)
    secret = new_token()
    credential = Credential(
        id=new_id("crd"),
        kind=kind,
        name=name,
        username=username,
        secret_hash=secret_hash(keys, secret),
        scopes=list(scopes or (SYSTEM_SCOPES if kind == "api" else ())),
        senders=[sender.lower() for sender in senders],
        networks=list(networks),
        conversations=conversations,
        held=held,
        tag=tag,
        created_at=now,
    )
    session.add(credential)
    session.flush()
    return credential, f"gp_{username}_{secret}" if kind == "api" else secret


def check(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def check_credential(session: Session, keys: Keys, username: str, secret: str) -> Credential | None:
    """The enabled SMTP credential with this name and secret; the same work for an unknown name."""
    return proven(session, keys, username, "smtp", secret)


def credential_by_secret(session: Session, keys: Keys, secret: str) -> Credential | None:
    """The enabled API credential of a bearer key `gp_username_secret`."""
    prefix, _, rest = secret.partition("_")
    username, _, proof = rest.partition("_")
    if prefix != "gp" or not username or not proof:
        return None
    return proven(session, keys, username, "api", proof)


def proven(session: Session, keys: Keys, username: str, kind: str, secret: str) -> Credential | None:
    """The enabled credential of this kind and name, if the secret is its own."""
    query = select(Credential).where(Credential.username == username, Credential.kind == kind)
    credential = session.exec(query).first()
    matches = secret_matches(keys, secret, credential.secret_hash if credential else f"{keys.current}:{'0' * 64}")
    return credential if credential and matches and not credential.disabled_at else None


def network_credential(session: Session, ip: str) -> Credential | None:
    """The enabled SMTP credential bound to the network of this address, if any."""
    address = ip_address(ip)
    bound = session.exec(select(Credential).where(Credential.kind == "smtp", col(Credential.disabled_at).is_(None)))
    return next((row for row in bound if any(address in ip_network(net) for net in row.networks)), None)


def mark_used(session: Session, credential: Credential, now: datetime) -> None:
    """Remember when a credential was last used, at most once a minute."""
    if credential.last_used_at is None or now - credential.last_used_at > USED_STEP:
        session.execute(update(Credential).where(col(Credential.id) == credential.id).values(last_used_at=now))


def get_credential(session: Session, credential_id: str) -> Credential | None:
    """A credential by its id."""
    return session.get(Credential, credential_id)


def list_credentials(session: Session) -> Sequence[Credential]:
    """All credentials by name."""
    return session.exec(select(Credential).order_by(Credential.name, Credential.id)).all()


def disable_credential(session: Session, credential_id: str, now: datetime | None) -> None:
    """Switch a credential off at a time, or on again with None."""
    session.execute(update(Credential).where(col(Credential.id) == credential_id).values(disabled_at=now))
