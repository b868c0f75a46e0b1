"""A client's second try: after a lost 250 it sends the same octets again and must make no second mail (RFC 1047)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.envelope import Envelope
from gatepost.store.messages import outgoing_by_digest

KEPT = timedelta(hours=48)
"""As long as the receipts of inbound mail: clients try again for days, but seldom after two."""


def identity(credential_id: str, envelope: Envelope) -> str:
    """What all tries of one submission have in common: who sends which octets from whom to whom."""
    known = hashlib.sha256()
    for part in (credential_id, envelope.mail_from, *sorted(envelope.recipients)):
        known.update(part.encode() + b"\0")
    for piece in (envelope.content,) if envelope.spool is None else envelope.spool.pieces():
        known.update(piece)
    return f"again:{known.hexdigest()}"


def sent_before(session: Session, digests: Sequence[str], now: datetime) -> dict[str, str]:
    """By identity the ids of the mails of the last 48 h that were sent in an earlier try."""
    asked = [digest for digest in digests if digest.startswith("again:")]
    return outgoing_by_digest(session, asked, now - KEPT) if asked else {}
