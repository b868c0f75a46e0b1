"""The guide: setting up mail in steps, each with a picture of its screen and whether it is done here already."""

from dataclasses import dataclass

from starlette.responses import Response

from gatepost.store import accounts, channels, credentials, domains
from gatepost.web.render import show
from gatepost.web.route import Visit


@dataclass(frozen=True, slots=True)
class Done:
    """Which steps are done in this installation."""

    mailbox: bool
    inlet: bool
    domain: bool
    credential: bool
    leaves: bool


def guide(visit: Visit) -> Response:
    """The steps."""
    session = visit.session
    boxes = channels.list_channels(session)
    fetched = {account.channel_id for account in accounts.list_accounts(session)}
    done = Done(
        mailbox=any(box.state == "active" for box in boxes),
        inlet=any(box.by_mx or box.id in fetched for box in boxes),
        domain=bool(domains.list_domains(session)),
        credential=bool(credentials.list_credentials(session)),
        leaves=visit.app.settings.route != "sandbox",
    )
    return show(visit, "guide.html", {"section": "guide", "done": done, "settings": visit.app.settings})
