"""The API of connecting, for the keys of operators: how each mailbox is connected, since when, why, what is next."""

from datetime import datetime
from typing import Literal

from sqlmodel import Session

from gatepost.connectors.consent import by_key
from gatepost.model import Account, AdminApproval, Channel
from gatepost.store import accounts, approvals, attempts, channels
from gatepost.store.credentials import DESK_SCOPE
from gatepost.web.api_call import Answer, Call, Operation, read_query
from gatepost.web.api_errors import HERE, Problem
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery


class LoginOut(Given):
    """The login at a provider that is fetched into a mailbox; `why` holds the reason and the next step."""

    address: str
    provider: str
    auth: Literal["password", "oauth", "app"]
    state: str
    since: datetime
    why: str
    last_sync_at: datetime | None


class ApprovalOut(Given):
    """An approval by an organisation's administrator: asked for; its link came back saying so at `approved_at`."""

    provider: str
    organisation: str
    asked_at: datetime
    expires_at: datetime
    approved_at: datetime | None


class RefusalOut(Given):
    """Why the last login at a provider did not connect the mailbox; `who` acts: owner, it, admin or nobody."""

    key: str
    what: str
    who: Literal["owner", "it", "admin", "nobody"]
    steps: list[str]
    at: datetime


class ConnectionOut(Given):
    """How a mailbox is connected; all three are null for one that only takes mail by MX."""

    mailbox: str
    login: LoginOut | None
    approval: ApprovalOut | None
    refusal: RefusalOut | None


class ConnectionList(Given):
    """All mailboxes by name."""

    data: list[ConnectionOut]


def list_connections(call: Call) -> Answer:
    """How every mailbox is connected."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        found = [connection_out(session, channel, call.now) for channel in channels.list_channels(session)]
        return Answer(ConnectionList(data=found))


def get_connection(call: Call) -> Answer:
    """How one mailbox, named by its address, is connected."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        channel = channels.channel_by_address(session, call.path("address").lower())
        if channel is None:
            raise Problem("not-found")
        return Answer(connection_out(session, channel, call.now))


def connection_out(session: Session, channel: Channel, now: datetime) -> ConnectionOut:
    account = next(iter(accounts.list_accounts(session, channel.id)), None)
    approval = approvals.open_approval(session, channel.id, now)
    return ConnectionOut(
        mailbox=channel.address,
        login=login_out(account) if account else None,
        approval=approval_out(approval) if approval else None,
        refusal=refusal_out(session, channel),
    )


def login_out(account: Account) -> LoginOut:
    return LoginOut(
        address=account.address or account.username,
        provider=account.provider,
        auth="oauth" if account.auth == "oauth" else "app" if account.auth == "app" else "password",
        state=account.state,
        since=account.state_since,
        why=account.state_why,
        last_sync_at=account.last_sync_at,
    )


def approval_out(approval: AdminApproval) -> ApprovalOut:
    return ApprovalOut(
        provider=approval.provider,
        organisation=approval.tenant,
        asked_at=approval.created_at,
        expires_at=approval.expires_at,
        approved_at=approval.approved_at,
    )


def refusal_out(session: Session, channel: Channel) -> RefusalOut | None:
    """What the newest attempt ended in, if that was no success."""
    last = next(iter(attempts.attempts_of(session, channel.id)), None)
    advice = by_key(last.result.partition(" ")[0], tenant=channel.address.rpartition("@")[2]) if last else None
    if last is None or advice is None:
        return None
    return RefusalOut(
        key=advice.key, what=advice.what, who=advice.who, steps=list(advice.steps), at=last.used_at or last.created_at
    )


CONNECTING: tuple[Operation, ...] = (
    Operation("GET", "/mailboxes", list_connections, DESK_SCOPE, ConnectionList, NoQuery),
    Operation(
        "GET", "/mailboxes/{address}/connection", get_connection, DESK_SCOPE, ConnectionOut, NoQuery, problems=HERE
    ),
)
