"""A mail that came in, as a row: what it says itself, and what was decided about it."""

from datetime import datetime
from typing import Any

from gatepost.ids import new_id
from gatepost.mail import Mail
from gatepost.model import Arrival, Message
from gatepost.store.rows import made
from gatepost.threading.identity import name_of
from gatepost.threading.place import Sender
from gatepost.words import Kind


def inbound_row(
    arrival: Arrival, mail: Mail, digest: str, kind: Kind, snippet: str, sender: Sender, now: datetime, **decided: Any
) -> Message:
    """The row of a mail; `decided` are its other columns. `sent_at` is what its Date says, true or not."""
    return made(
        Message,
        id=new_id("msg"),
        direction="in",
        digest=digest,
        kind=kind,
        message_id=mail.message_id or "",
        raw_id=arrival.raw_id,
        subject=mail.subject[:500],
        from_name=name_of(mail),
        from_address=sender.key or (mail.from_[0].raw[:200] if mail.from_ else ""),
        snippet=snippet,
        at=now,
        sent_at=mail.date,
        size=mail.size,
        envelope_from=arrival.envelope_from,
        auth=arrival.auth,
        attachments=len(mail.attachments),
        **decided,
    )
