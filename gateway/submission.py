"""The listener for our own systems (RFC 6409): log-in over TLS, then mail to anybody."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from gatepost.address import Address
from gatepost.blobs import Blobs
from gatepost.envelope import Envelope
from gatepost.gateway.duty import Duty
from gatepost.gateway.limits import Connections, Throttle, limits_of
from gatepost.gateway.listener import listen
from gatepost.gateway.patience import in_time
from gatepost.model import Credential
from gatepost.reply import Refused, Reply
from gatepost.settings import Settings


async def start_submission(
    settings: Settings,
    host_port: str,
    *,
    implicit_tls: bool,
    tls: ssl.SSLContext | None,
    authenticate: Callable[[str, str, str], Awaitable[Credential | None]],
    network_credential: Callable[[str], Awaitable[Credential | None]],
    accept: Callable[[Envelope, Credential], Awaitable[str]],
    connections: Connections | None = None,
    blobs: Blobs | None = None,
    throttle: Throttle | None = None,
) -> asyncio.Server:
    """Serve submission at `host:port`.

    `authenticate` gets user name, secret and IP address; `network_credential` the IP address of a client that has not
    logged in; both may return None. `accept` returns the id of the message or raises Refused. `connections` and
    `throttle` are given where several listeners count together; `blobs` is where large mail goes. Raises ValueError for
    implicit TLS without `tls`.
    """

    if implicit_tls and tls is None:
        raise ValueError("implicit TLS needs a certificate")

    async def any_recipient(_recipient: Address) -> None:
        """Any address that can be read may be sent to."""

    async def deliver(envelope: Envelope, credential: Credential | None) -> Reply:
        if credential is None:
            raise Refused(530, "5.7.0", "authentication required")
        return Reply(250, "2.0.0", f"queued as {await in_time(accept(envelope, credential), envelope.size)}")

    duty = Duty(
        host=settings.host,
        limits=limits_of(settings, settings.recipients_submission),
        check_recipient=any_recipient,
        deliver=deliver,
        tls=tls,
        implicit_tls=implicit_tls,
        strict=False,
        dsn=settings.dsn != "never",
        authenticate=authenticate,
        network_credential=network_credential,
        connections=connections or Connections(),
        blobs=blobs,
        throttle=throttle or Throttle(),
    )
    return await listen(duty, host_port)
