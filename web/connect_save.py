"""Trying a mailbox with the token that its owner gave, and saving it: nothing is stored that does not work."""

import structlog
from sqlmodel import Session

from gatepost.connectors import oauth
from gatepost.connectors.connected import connect_account, connect_app, renews
from gatepost.connectors.consent import explain
from gatepost.connectors.grant import Granted, Refused, Tokens, Unreachable
from gatepost.connectors.probe import before_saving, probe
from gatepost.connectors.problem import Problem
from gatepost.connectors.wire import Connect
from gatepost.gateway.approved import tell_connected
from gatepost.model import Account, ConnectAttempt
from gatepost.reply import Refused as NotSent
from gatepost.seal import SealError
from gatepost.store import accounts, approvals, attempts, imports, oauth_clients, users
from gatepost.store.sending import set_sending
from gatepost.web.journey import Journey, guard_of, not_registered, organisation
from gatepost.web.route import Guest
from gatepost.web.state import App


def held_account(session: Session, channel_id: str) -> Account | None:
    """The account that is fetched into a mailbox."""
    return next(iter(accounts.list_accounts(session, channel_id)), None)


def lacks_refresh(guest: Guest, journey: Journey, granted: Granted) -> bool:
    """Whether nothing would be left once the access token ends: none came, and none is stored for this mailbox."""
    try:
        return not renews(guest.app.keys, held_account(guest.session, journey.channel.id), granted)
    except SealError:
        return not granted.tokens.refresh_token


def try_mailbox(app: App, journey: Journey, mailbox: str, tokens: Tokens) -> Problem | None:
    """A real round trip: log in, open the folder, put a mail into Drafts and take it away; why it does not work.

    A mailbox that can be read but not written to is connected all the same.
    """
    provider, settings = journey.provider, app.settings
    imap = provider.imap
    wanted = Connect(
        imap.host, imap.port, imap.security, mailbox, bearer=tokens.access_token, expires_at=tokens.expires_at
    )
    keeps = provider.name if provider.copies_sent_itself else ""
    private = settings.private_hosts
    tried = probe(before_saving(wanted, mailbox, settings.domain, app.now(), private_hosts=private, keeps_copies=keeps))
    wrong = None if tried.receives else tried.problem
    if wrong is None:
        return None
    asked = wrong.field in ("username", "password")
    said = f"{wrong.sentence} {wrong.fix}".strip()
    return Problem(provider.key, "login", "", text=said if asked else f"[unavailable] {said}")


def save(guest: Guest, attempt: ConnectAttempt, journey: Journey, granted: Granted) -> str:
    """Save it, new or connected again with its identity kept; where to go next. A link is used up by this."""
    app, now, channel_id = guest.app, guest.now, journey.channel.id
    user_id = journey.user_id or link_maker(guest, journey)

    def write(session: Session) -> bool:
        if journey.link_hash and not attempts.use_link(session, journey.link_hash, now):
            raise LookupError("the link was used meanwhile")
        account = held_account(session, channel_id)
        before = account.provider if account else ""
        row = connect_account(
            session,
            app.keys,
            journey.provider,
            granted,
            channel_id=channel_id,
            user_id=user_id,
            now=now,
            account=account,
        )
        if account is None:
            imports.ask_import(session, row)
        if before != journey.provider.key:
            name_server(session, row, journey)
        attempts.end_asking(session, channel_id, now)
        attempts.note_result(session, attempt, attempts.CONNECTED, "", now)
        return account is None

    new = app.ledger.write(write)
    app.bell.ring()
    if journey.link_hash:
        tell_maker(guest, journey, user_id)
        return "/connect/done"
    return f"/mailboxes/{channel_id}/import" if new else f"/mailboxes/{channel_id}?done=again"


def name_server(session: Session, account: Account, journey: Journey) -> None:
    """Where the account would send; whether its mail goes that way is chosen on the mailbox's page."""
    smtp = journey.provider.smtp
    set_sending(session, account, smtp_host=smtp.host, smtp_port=smtp.port, smtp_security=smtp.security)


def tell_maker(guest: Guest, journey: Journey, user_id: str | None) -> None:
    """Tell who sent the link that the mailbox is connected, and that it asks what of its mail shall be fetched."""
    guest.session.rollback()
    user = users.get_user(guest.session, user_id) if user_id else None
    if user is None:
        return
    to, link = user.email, f"{guest.app.settings.base_url}/mailboxes/{journey.channel.id}/import"
    guest.session.rollback()
    try:
        tell_connected(guest.app.gate, to=to, address=journey.address, link=link, now=guest.now)
    except NotSent as refused:
        structlog.get_logger("web").warning("connection not told", why=refused.reply.text)


def link_maker(guest: Guest, journey: Journey) -> str | None:
    """Who sent the link, and so is told about the mailbox later."""
    link = attempts.link_by_hash(guest.session, journey.link_hash, guest.now) if journey.link_hash else None
    return link.user_id if link else None


def connect_app_only(guest: Guest, journey: Journey, tenant: str) -> str:
    """Connect with the app's own login, without a person; a sentence where that does not work (yet)."""
    tokens = app_tokens(guest, journey, tenant)
    return tokens if isinstance(tokens, str) else open_app_only(guest, journey, tenant, tokens)


def app_tokens(guest: Guest, journey: Journey, tenant: str) -> Tokens | str:
    """What an organisation gives the app itself; a sentence where it gives none, so that nothing can be approved."""
    app, now = guest.app, guest.now
    row = oauth_clients.get_client(guest.session, journey.provider.key)
    if row is None:
        return not_registered(journey)
    client = oauth.client_of(row, app.keys)
    guest.session.expunge_all()
    guest.session.rollback()
    try:
        return oauth.app_token(journey.provider, client, tenant, now=now, guard=guard_of(app))
    except Refused as refused:
        return explain(refused.problem, tenant=organisation(journey.address)).sentence
    except Unreachable as error:
        return str(error)


def open_app_only(guest: Guest, journey: Journey, tenant: str, tokens: Tokens, approval_id: str = "") -> str:
    """Try the mailbox with such a token and save it; a sentence where it cannot be opened (yet).

    For a stranger who brought an approval back, it is only saved if that is still waited for at the end.
    """
    app = guest.app
    problem = try_mailbox(app, journey, journey.address, tokens)
    if problem:
        return explain(problem, tenant=organisation(journey.address)).sentence

    def write(session: Session) -> bool:
        wanted = not approval_id or approvals.is_waited_for(session, approval_id)
        if wanted:
            save_app_only(session, app, journey, tenant, guest)
        return wanted

    if not app.ledger.write(write):
        return "Nobody waits for this approval any more."
    app.bell.ring()
    return ""


def save_app_only(session: Session, app: App, journey: Journey, tenant: str, guest: Guest) -> None:
    """Write an account that is opened by client credentials."""
    account = held_account(session, journey.channel.id)
    before = account.provider if account else ""
    row = connect_app(
        session,
        app.keys,
        journey.provider,
        mailbox=journey.address,
        tenant=tenant,
        channel_id=journey.channel.id,
        user_id=journey.user_id,
        now=guest.now,
        account=account,
    )
    if account is None:
        imports.choose_import(session, row, "new", 0, guest.now)
    if before != journey.provider.key:
        name_server(session, row, journey)
    attempts.end_asking(session, journey.channel.id, guest.now)
