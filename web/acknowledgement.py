"""What a mailbox answers by itself, as its page shows it."""

from typing import Any

from gatepost.gateway.acknowledge import DEFAULT, preview
from gatepost.model import Channel
from gatepost.store import automatic
from gatepost.web.forms import Form, filled
from gatepost.web.route import Visit


def acknowledgement_context(visit: Visit, channel: Channel, form: Form | None = None) -> dict[str, Any]:
    """What a mailbox answers by itself, as its page shows it."""
    row = automatic.acknowledgement_of(visit.session, channel.id)
    known = filled(on="yes" if row.on else "", text=row.text)
    subject, text = preview((form or known).text("text"), channel, 1042)
    return {
        "acknowledgement": form or known,
        "acknowledgement_default": DEFAULT,
        "preview_subject": subject,
        "preview_text": text,
        "breakers": automatic.list_breakers(visit.session, visit.now),
    }
