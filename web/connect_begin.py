"""Going to a provider: the attempt is noted, bound to this browser, and the browser is led there."""

import json

from sqlmodel import Session
from starlette.responses import Response

from gatepost.connectors import oauth
from gatepost.connectors.grant import Unreachable
from gatepost.model import OAuthClient
from gatepost.store import approvals, attempts, oauth_clients
from gatepost.store.users import new_token
from gatepost.web.journey import Journey, asked_tenant, browser_of, cookie_name, guard_of, not_registered, redirect_uri
from gatepost.web.render import show
from gatepost.web.route import Guest

FIRST, FORCED = "c-", "k-"
SECONDS = 600


def begin(guest: Guest, journey: Journey, *, shared: bool = False, forced: bool = False) -> Response | str:
    """Lead to the provider; a sentence where that is not possible. `forced` asks for consent once more."""
    row = oauth_clients.get_client(guest.session, journey.provider.key)
    if row is None:
        return not_registered(journey)
    state, browser = (FORCED if forced else FIRST) + new_token(), browser_of(guest) or new_token()
    client = oauth.client_of(row, guest.app.keys)
    guest.session.rollback()
    try:
        begun = oauth.begin(
            journey.provider,
            client,
            redirect_uri=redirect_uri(guest.app.settings),
            state=state,
            login_hint=journey.address,
            mailbox=journey.address,
            shared=shared,
            consent=forced,
            guard=guard_of(guest.app),
        )
        note(guest, journey, row, state, browser, begun.flow, shared)
    except (Unreachable, attempts.TooMany) as error:
        return str(error)
    return going(guest, journey, begun.url, browser)


def note(
    guest: Guest, journey: Journey, client: OAuthClient, state: str, browser: str, flow: str, shared: bool
) -> None:
    """Keep the attempt, and at Microsoft have the approval at hand that an administrator may have to give."""
    app, now, tenant = guest.app, guest.now, asked_tenant(journey, client)
    channel_id, kept = journey.channel.id, json.dumps({"flow": flow, "back": journey.path})

    def write(session: Session) -> None:
        link = attempts.link_by_hash(session, journey.link_hash, now) if journey.link_hash else None
        attempts.begin_attempt(
            session,
            app.keys,
            state=state,
            browser=browser,
            provider=journey.provider.key,
            channel_id=channel_id,
            address=journey.address,
            flow=kept,
            now=now,
            user_id=journey.user_id,
            link_hash=journey.link_hash,
            shared=shared,
        )
        if tenant:
            approvals.ask_approval(
                session,
                channel_id=channel_id,
                provider=journey.provider.key,
                address=journey.address,
                tenant=tenant,
                user_id=link.user_id if link else journey.user_id,
                by_link=bool(journey.link_hash),
                now=now,
            )

    app.ledger.write(write)


def going(guest: Guest, journey: Journey, url: str, browser: str) -> Response:
    """A page that leads on by itself: a redirect of a form would be held to our own pages by their policy."""
    response = show(guest, "connect_going.html", {"url": url, "provider": journey.provider})
    response.headers["refresh"] = f"0; url={url}"
    secure = guest.app.secure
    response.set_cookie(
        cookie_name(secure), browser, max_age=SECONDS, path="/", secure=secure, httponly=True, samesite="lax"
    )
    return response
