"""What mails about delivery are built of (RFC 3464): MIME parts and lines of octets, and text that is safe in them."""

import hashlib

from gatepost.gateway.large import Body
from gatepost.reply import shown


def part(content_type: str, content: bytes) -> bytes:
    """A MIME part."""
    return part_head(content_type, lambda: (content,)) + content + b"\r\n"


def part_head(content_type: str, content: Body) -> bytes:
    """The header of a MIME part with this content, and its empty line."""
    encoding = "7bit" if all(piece.isascii() for piece in content()) else "8bit"
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()


def block(lines: list[str]) -> bytes:
    """Lines as octets with CRLF."""
    return "".join(f"{line}\r\n" for line in lines).encode()


def wire(text: str) -> str:
    """Text for an ASCII header or body line; other letters as `\\x{F6}` (RFC 6533 section 3)."""
    return "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in shown(text))


def typed_address(address: str) -> str:
    """An address with its type for a report's field (RFC 3464 section 2.1.2, RFC 6533)."""
    return f"{'rfc822' if address.isascii() else 'utf-8'}; {wire(address)}"


def digest(*values: str) -> str:
    """A name that is the same for the same values."""
    return hashlib.sha256("\0".join(values).encode("utf-8", "replace")).hexdigest()[:32]
