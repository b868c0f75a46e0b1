"""Disconnecting a mailbox: the permission is given back to the provider, and ours is forgotten."""

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.access import Access
from gatepost.store import accounts, attempts
from gatepost.web.journey import guard_of, known_providers
from gatepost.web.mailboxes import account_of, channel_of
from gatepost.web.route import Visit


def disconnect(visit: Visit) -> Response:
    """Stop fetching, revoke, forget; what was fetched stays. No link or approval that is out connects it again."""
    channel = channel_of(visit)
    account, app, now, channel_id = account_of(visit, channel), visit.app, visit.now, channel.id
    if account is None:
        return RedirectResponse(f"/mailboxes/{channel_id}", 303)
    account_id = account.id

    def stop(session: Session) -> None:
        held = accounts.get_account(session, account_id)
        if held:
            accounts.disable(session, held, now)
        attempts.give_up(session, channel_id, now)

    app.ledger.write(stop)
    visit.session.expunge_all()
    visit.session.rollback()
    access = Access(app.ledger, app.database, app.keys, known_providers(app.settings), guard_of(app), app.now)
    revoked, _ = access.disconnect(account) if account.auth != "password" else (False, "")
    return RedirectResponse(f"/mailboxes/{channel_id}?done={'revoked' if revoked else 'ended'}", 303)
