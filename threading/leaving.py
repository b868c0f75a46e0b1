"""Mail to the unsubscribe address of a stream (RFC 2369 section 3.2): who writes there leaves it, whatever it says."""

from datetime import datetime

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.model import Arrival
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.unsubscribes import leave, stream_of
from gatepost.tokens import read_unsubscribe_address

HOW = "a mail to its unsubscribe address"


def take_leaving(session: Session, settings: Settings, keys: Keys, arrival: Arrival, now: datetime) -> str | None:
    """Let the recipient whose token the address has leave the stream; what was done, or None for any other mail.

    The token alone counts, as behind the link: the mail may come from another address of the recipient, or by a robot.
    """
    if arrival.recipient[:2].lower() != "u+":
        return None
    try:
        address = parse_address(arrival.recipient)
    except AddressError:
        return None
    delivery_id = read_unsubscribe_address(keys, address.local) if address.domain == settings.replies else None
    if not delivery_id:
        return None
    if not leave(session, delivery_id, HOW, now):
        return "This unsubscribe address belongs to mail that is of no stream any more: there was nothing to leave"
    stream, who = stream_of(session, delivery_id) or ("", "")
    return f"{who} left the stream {stream} by {HOW}"
