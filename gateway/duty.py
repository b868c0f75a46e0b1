"""What submission and MX do differently, as values and functions for the one listener class."""

import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from gatepost.address import Address
from gatepost.blobs import Blobs
from gatepost.envelope import Envelope
from gatepost.gateway.limits import Connections, Limits, Throttle
from gatepost.gateway.spooling_behind import writers
from gatepost.model import Credential
from gatepost.reply import Reply


@dataclass(frozen=True, slots=True)
class Duty:
    """What a listener does, besides speaking SMTP.

    `check_recipient` raises Refused for a recipient that is not taken; `deliver` returns the reply to the final dot or
    raises Refused, and any other exception of the functions here is answered with 451 4.3.0. `authenticate` is None
    where no log-in is needed; `network_credential` gives what a client may use without one. `strict` is DataReader's;
    `dsn` offers RFC 3461. With `blobs` large mail goes there while it comes, written by the threads of `writers`, and
    none is taken where its disk is full.
    """

    host: str
    limits: Limits
    check_recipient: Callable[[Address], Awaitable[None]]
    deliver: Callable[[Envelope, Credential | None], Awaitable[Reply]]
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    strict: bool = True
    authenticate: Callable[[str, str, str], Awaitable[Credential | None]] | None = None
    network_credential: Callable[[str], Awaitable[Credential | None]] | None = None
    postmaster: str = ""
    dsn: bool = False
    blobs: Blobs | None = None
    writers: Executor = field(default_factory=writers)
    connections: Connections = field(default_factory=Connections)
    throttle: Throttle = field(default_factory=Throttle)
