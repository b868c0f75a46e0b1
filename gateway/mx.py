"""The listener for the world (RFC 5321): no log-in, mail to known addresses of ours and to nobody else."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from gatepost.address import Address
from gatepost.blobs import Blobs
from gatepost.envelope import Envelope
from gatepost.gateway.duty import Duty
from gatepost.gateway.limits import Connections, limits_of
from gatepost.gateway.listener import listen
from gatepost.model import Credential
from gatepost.reply import Refused, Reply
from gatepost.settings import Settings

HOPS = 50
HEADER_BLOCK = 256 * 1024


def hops(content: bytes) -> int:
    """How many Received fields the header has (RFC 5321 section 6.3)."""
    end = content.find(b"\r\n\r\n", 0, HEADER_BLOCK)
    header = content[: end if end >= 0 else HEADER_BLOCK].lower()
    return header.count(b"\r\nreceived:") + header.startswith(b"received:")


async def start_mx(
    settings: Settings,
    host_port: str,
    *,
    tls: ssl.SSLContext | None,
    known_recipient: Callable[[str], Awaitable[bool]],
    receive: Callable[[Envelope], Awaitable[Reply]],
    connections: Connections | None = None,
    blobs: Blobs | None = None,
) -> asyncio.Server:
    """Serve MX at `host:port`, with STARTTLS where `tls` is given.

    `known_recipient` gets an address as written, its domain in A-labels; `receive` returns the reply to the final dot.
    `connections` is given where several listeners count together; `blobs` is where large mail goes.
    """

    async def check_recipient(recipient: Address) -> None:
        if not await known_recipient(str(recipient)):
            raise Refused(550, "5.1.1", "No such address here")

    async def deliver(envelope: Envelope, _credential: Credential | None) -> Reply:
        if hops(envelope.head(HEADER_BLOCK)) > HOPS:
            raise Refused(554, "5.4.6", f"The message has passed more than {HOPS} servers; it goes in a loop")
        return await receive(envelope)

    duty = Duty(
        host=settings.host,
        limits=limits_of(settings, settings.recipients_mx),
        check_recipient=check_recipient,
        deliver=deliver,
        tls=tls,
        postmaster=f"postmaster@{settings.domain}",
        connections=connections or Connections(),
        blobs=blobs,
    )
    return await listen(duty, host_port)
