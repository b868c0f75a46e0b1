"""How mail of a stream (RFC 8058) is known in the store: a placeholder on top, where each link will stand."""

from gatepost.blobs import ContentFile
from gatepost.gateway.canonical import split_mail

MARK = b"List-Unsubscribe: <gatepost-stream:>\r\n"
OWN = (b"list-unsubscribe", b"list-unsubscribe-post")


def with_mark(content: bytes) -> bytes:
    """A stamped mail of a stream as it is stored: with the placeholder, and without links of its own."""
    fields, body = split_mail(content)
    kept = [name + b":" + value for name, value in fields if name.lower() not in OWN]
    return MARK + b"".join(kept) + b"\r\n" + body


def is_marked(content: bytes | ContentFile) -> bool:
    """Whether a mail waits for its recipient's link. Other mail never begins so: its Received stands first."""
    return (content if isinstance(content, bytes) else content.head(len(MARK))).startswith(MARK)
