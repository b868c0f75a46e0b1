"""Placing mails as live mail is placed: through the one door, over a scratch database that is gone afterwards."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlmodel import Session

from gatepost.blobs import Blobs, Content
from gatepost.database import migrate, open_database
from gatepost.ledger import Ledger
from gatepost.parts import clock
from gatepost.seal import make_keys
from gatepost.settings import Settings
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import read


@dataclass(frozen=True, slots=True)
class Placed:
    """The number of the conversation that a mail came to, None for one that belongs to none, and the reasons."""

    conversation: int | None
    why: tuple[str, ...]


def place_all(mails: Sequence[bytes]) -> list[Placed]:
    """Receive mails one after the other in the given order, as an installation that knows nothing yet would."""
    with tempfile.TemporaryDirectory(prefix="gatepost-thread-") as folder:
        home = Path(folder)
        settings = Settings.model_construct(home=home)
        desk = Desk(settings, make_keys(home / "key"), Blobs(home / "blobs"))
        url = f"sqlite:///{home / 'gatepost.db'}"
        migrate(url)
        database = open_database(url)
        ledger = Ledger(database).start()
        try:
            placing = [
                ledger.submit(partial(place_one, desk=desk, raw=raw, number=number)) for number, raw in enumerate(mails)
            ]
            return [future.result() for future in placing]
        finally:
            ledger.close()
            database.close()


def place_one(session: Session, *, desk: Desk, raw: bytes, number: int) -> Placed:
    """One mail; each is a receipt of its own, so that a copy is told as one."""
    now = clock()
    arriving = Arriving(raw=raw, inlet="import", receipt=f"thread:{number}")
    arrival = store_arrival(session, arriving, Content(raw, None, len(raw)), now)
    received = receive(session, desk, arrival, read(raw, None), now)
    message = get_message(session, received.message_id) if received.message_id else None
    conversation = get_conversation(session, received.conversation_id) if received.conversation_id else None
    reasons = [str(reason.get("text", "")) for reason in message.why] if message else []
    if received.why and received.why not in reasons:
        reasons.append(received.why)
    return Placed(conversation.number if conversation else None, tuple(reasons))
