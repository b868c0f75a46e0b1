"""Mail of a stream: each recipient has an unsubscribe link and address of his own, signed when it is sent (RFC 8058).

Such a mail is stored once, unsigned, with a placeholder on top; whatever else goes out is not touched.
"""

from datetime import datetime

from gatepost.blobs import ContentFile
from gatepost.gateway.accept import Gate, signers_for
from gatepost.gateway.canonical import Field, split_mail, values
from gatepost.gateway.senders import one_from
from gatepost.gateway.signing import sign_all
from gatepost.gateway.stamp import decoded
from gatepost.gateway.stream_mark import MARK
from gatepost.tokens import make_token, read_token, unsubscribe_address

PURPOSE = "unsubscribe"


def personal(gate: Gate, content: bytes | ContentFile, delivery_id: str, now: datetime) -> bytes:
    """The mail for one recipient: with his link, and signed; for who has a share of its size. Raises SigningError."""
    whole = content if isinstance(content, bytes) else b"".join(content.pieces())
    mail = links(gate, delivery_id).encode("ascii") + whole.removeprefix(MARK)
    return sign_all(mail, signers_for(gate, from_domain(split_mail(mail)[0]), now), now)


def from_domain(fields: list[Field]) -> str:
    """The domain in From, which was checked when the mail was taken."""
    mailbox = one_from([decoded(value) for value in values(fields, b"from")])
    return mailbox.address.domain if mailbox.address else ""


def links(gate: Gate, delivery_id: str) -> str:
    """The fields of one recipient: the link to post to (RFC 8058), and an address to write to (RFC 2369)."""
    address = f"{unsubscribe_address(gate.keys, delivery_id)}@{gate.settings.replies}"
    both = f"<{link(gate, delivery_id)}>,\r\n <mailto:{address}?subject=unsubscribe>"
    return f"List-Unsubscribe: {both}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def link(gate: Gate, delivery_id: str) -> str:
    """The recipient's own link."""
    return f"{gate.settings.base_url.rstrip('/')}/u/{make_token(gate.keys, PURPOSE, delivery_id)}"


def read_link(gate: Gate, token: str) -> str | None:
    """The delivery whose link this is, or None."""
    return read_token(gate.keys, PURPOSE, "dlv", token)
