"""One connection to one hop: connect, EHLO, STARTTLS and AUTH by aiosmtplib, with every trouble turned into a Reply."""

import asyncio
import base64
import logging
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected, SMTPStatus

from gatepost.gateway.dane import check_chain
from gatepost.gateway.route import Hop
from gatepost.gateway.send_transcript import Dialogue
from gatepost.gateway.send_trouble import Trouble, is_tls, login_status, read_response, refusal, trouble_reply
from gatepost.gateway.send_wire import Wire, take_over
from gatepost.reply import Reply, clean_text

log = logging.getLogger(__name__)
AUTH_METHODS = ("plain", "login")
CONTROLS = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each step (RFC 5321 section 4.5.3.2), and for all up to the final dot; made to be scaled.

    A transaction ends within `until_dot + dot`; whoever leases a delivery leases it for longer.
    """

    connect: float = 60
    command: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    until_dot: float = 900

    def scaled(self, factor: float) -> "Timeouts":
        """All of them times `factor`."""
        seconds = (self.connect, self.command, self.data, self.block, self.dot, self.until_dot)
        return Timeouts(*(factor * each for each in seconds))


@dataclass(slots=True)
class Connection:
    """An open SMTP session: `host` is `name [ip]`, `tls` such as `TLSv1.3`, `used` the transactions so far.

    `extensions` are those of EHLO in small letters with their parameters; `said` is the dialogue of the transaction
    under way, `opening` what was said before the first one.
    """

    hop: Hop
    wire: Wire
    extensions: Mapping[str, str]
    timeouts: Timeouts
    host: str
    tls: str | None = None
    used: int = 0
    said: Dialogue = field(default_factory=Dialogue)
    opening: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether it can still be spoken on."""
        return self.wire.alive

    def write(self, lines: Sequence[str]) -> None:
        """Send command lines, all at once. Raises Trouble."""
        words = "\r\n".join((*lines, "")).encode("utf-8")
        try:
            if words.count(b"\n") != len(lines) or words.count(b"\r") != len(lines) or CONTROLS.search(words):
                raise ValueError("a command with a control character in it")
            self.wire.write(words)
        except Exception as error:
            raise self.trouble(error, "mail") from error

    async def answer(self, stage: str, seconds: float | None = None) -> Reply:
        """The answer to the next command that was sent. Raises Trouble when there is none."""
        try:
            response = await self.wire.answer(seconds or self.timeouts.command)
        except Exception as error:
            self.wire.abort()
            raise self.trouble(error, stage) from error
        self.said.response(response)
        if response.code == SMTPStatus.domain_unavailable:
            self.wire.close()
        return read_response(response)

    async def command(self, stage: str, line: str, seconds: float | None = None) -> Reply:
        """Send one command line and return the answer. Raises Trouble when there is none."""
        self.said.client(line)
        self.write([line])
        return await self.answer(stage, seconds)

    def trouble(self, error: Exception, stage: str) -> Trouble:
        """What an exception means, noted in the dialogue."""
        reply = trouble_reply(error, self.hop)
        self.said.note(str(reply))
        return Trouble(reply, stage)

    def begin(self, said: Dialogue) -> None:
        """The next transaction has this dialogue; on a kept connection it begins with how that was opened."""
        if self.used:
            said.lines += self.opening
            said.note("this connection was kept from an earlier mail")
        else:
            self.opening = tuple(said.lines)
        self.used += 1
        self.said = said

    def quit(self) -> None:
        """Say goodbye and close. The answer is not waited for: a result that is known must not hang on it."""
        with suppress(SMTPException, OSError):
            self.wire.write(b"QUIT\r\n")
        self.wire.close()

    async def leave(self) -> None:
        """Quit, and wait a second at most until the transport (TLS says goodbye too) is closed."""
        self.quit()
        for _ in range(100):
            if self.wire.closed:
                return
            await asyncio.sleep(0.01)


async def open_connection(hop: Hop, timeouts: Timeouts, said: Dialogue | None = None) -> Connection:
    """A connection that is ready for MAIL. Raises Trouble.

    Where TLS is only opportunistic and its handshake fails, one more connection is made in the clear.
    """
    said = said or Dialogue()
    try:
        return await attempt_connection(hop, timeouts, said, use_starttls=hop.starttls != "none")
    except Trouble as trouble:
        if trouble.stage != "tls" or hop.encrypted:
            raise
        log.info("TLS with %s failed, trying in the clear: %s", hop, trouble.reply)
        said.note("TLS is not required here: once more in the clear")
        return await attempt_connection(hop, timeouts, said, use_starttls=False)


async def attempt_connection(hop: Hop, timeouts: Timeouts, said: Dialogue, *, use_starttls: bool) -> Connection:
    """Connect, and see EHLO, STARTTLS and AUTH through. Raises Trouble; then nothing stays open."""
    client = SMTP(
        hostname=hop.address or hop.host,
        port=hop.port,
        local_hostname=hop.helo,
        use_tls=hop.implicit_tls,
        start_tls=False,
        timeout=timeouts.command,
    )
    stage = "connect"
    try:
        context = tls_context(hop.verified, hop.ca) if hop.implicit_tls or use_starttls else None
        place = await place_of(hop, timeouts.connect)
        greeting = await client.connect(tls_context=context, timeout=timeouts.connect, **place)
        if hop.implicit_tls:
            said.note(f"the connection is encrypted with {tls_version(client)}")
        said.response(greeting)
        await greet(client, hop, said)
        if not hop.implicit_tls and use_starttls:
            stage = "tls"
            await start_tls(client, hop, timeouts, said)
        if hop.logs_in:
            stage = "auth"
            await log_in(client, hop, said)
        host, tls, offered = remote_host(client, hop), tls_version(client), dict(client.esmtp_extensions)
        return Connection(hop, take_over(client), offered, timeouts, host, tls)
    except Trouble as trouble:
        client.close()
        said.note(str(trouble.reply))
        raise
    except Exception as error:
        client.close()
        reply = refusal(error, stage, hop)
        said.note(str(reply))
        raise Trouble(reply, "tls" if is_tls(error) else stage) from error
    except asyncio.CancelledError:
        client.close()
        raise


async def place_of(hop: Hop, seconds: float) -> dict[str, Any]:
    """Where the client connects to, if that is not its own host and port. Raises OSError and TimeoutError.

    With TLS from the first octet it would check the certificate for the address that was looked up, which no
    certificate names; so it gets a socket there, and the name.
    """
    if not (hop.implicit_tls and hop.address):
        return {}
    there = socket.socket(socket.AF_INET6 if ":" in hop.address else socket.AF_INET, socket.SOCK_STREAM)
    there.setblocking(False)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(there, (hop.address, hop.port))
    except BaseException:
        there.close()
        raise
    return {"hostname": hop.host, "port": None, "sock": there}


async def greet(client: SMTP, hop: Hop, said: Dialogue) -> None:
    """EHLO, or HELO for a server of before 1995 (RFC 5321 section 3.2)."""
    said.client(f"EHLO {hop.helo}")
    try:
        said.response(await client.ehlo())
    except SMTPResponseException as error:
        if not client.is_connected or error.code not in (500, 501, 502, 504, 550):
            raise
        said.server(error.code, error.message)
        said.client(f"HELO {hop.helo}")
        said.response(await client.helo())


async def start_tls(client: SMTP, hop: Hop, timeouts: Timeouts, said: Dialogue) -> None:
    """STARTTLS if it is offered (RFC 3207). Raises Trouble when it is not and TLS is required."""
    if not client.supports_extension("starttls"):
        if hop.encrypted:
            text = f"{hop.host} does not offer TLS, which is required for this route; nothing was sent"
            raise Trouble(Reply(None, "4.7.10", text), "tls")
        return
    said.client("STARTTLS")
    said.response(await client.starttls(server_hostname=hop.host, timeout=timeouts.connect))
    said.note(f"the connection is encrypted with {tls_version(client)}")
    if hop.tlsa:
        check_dane(client, hop, said)
    said.client(f"EHLO {hop.helo}")
    said.response(await client.ehlo())


def check_dane(client: SMTP, hop: Hop, said: Dialogue) -> None:
    """Hold the server's certificates against its TLSA records (RFC 7672). Raises Trouble."""
    met, why = check_chain(shown_chain(client), hop.tlsa, (hop.host,), hop.now)
    if not met:
        raise Trouble(Reply(None, "4.7.5", clean_text(f"{hop.host} is not who its DANE records say: {why}")), "tls")
    said.note(f"DANE: {why}")


def shown_chain(client: SMTP) -> list[bytes]:
    """The certificates that the other end showed, its own first, in DER."""
    secured = client.get_transport_info("ssl_object")
    inner = getattr(secured, "_sslobj", secured)  # public only from Python 3.13 on
    found = inner.get_unverified_chain() if inner is not None else None
    return [each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found or ()]


async def log_in(client: SMTP, hop: Hop, said: Dialogue) -> None:
    """AUTH (RFC 4954): PLAIN or LOGIN, or by token. Raises Trouble or aiosmtplib's exceptions."""
    if hop.auth != "password":
        await show_token(client, hop, said)
        return
    method = next((name for name in AUTH_METHODS if name in client.server_auth_methods), None)
    if method == "plain":
        said.client("AUTH PLAIN ***")
        said.response(await client.auth_plain(hop.username, hop.password))
    elif method == "login":
        said.client("AUTH LOGIN ***")
        said.response(await client.auth_login(hop.username, hop.password))
    else:
        text = f"{hop.host} offers no login by PLAIN or LOGIN, but the route has a user name"
        raise Trouble(Reply(None, "4.7.4", text), "auth")


async def show_token(client: SMTP, hop: Hop, said: Dialogue) -> None:
    """AUTH XOAUTH2 or OAUTHBEARER (RFC 7628). Raises Trouble.

    A refusal comes as a challenge with the reason in JSON, which is answered before the code comes (section 3.2.2).
    """
    if hop.auth not in client.server_auth_methods:
        text = f"{hop.host} offers no login by {hop.auth.upper()}, which this route uses"
        raise Trouble(Reply(None, "4.7.4", text), "auth")
    said.client(f"AUTH {hop.auth.upper()} ***")
    words = f"AUTH {hop.auth.upper()} {base64.b64encode(token_words(hop)).decode()}"
    response = await client.execute_command(words.encode("ascii"))
    reason = ""
    if response.code == 334:
        said.server(334, "***")
        with suppress(ValueError):
            reason = base64.b64decode(response.message.strip()[:4000]).decode("utf-8", "replace")
        said.client("")
        response = await client.execute_command(b"AQ==" if hop.auth == "oauthbearer" else b"")
    said.response(response)
    if response.code != 235:
        reply = read_response(response)
        told = f"{hop.host} refused our token: {reply} {reason}"
        raise Trouble(Reply(None, login_status(reply), clean_text(told)), "auth")


def token_words(hop: Hop) -> bytes:
    """The initial response of a login by token."""
    if hop.auth == "xoauth2":
        return f"user={hop.username}\1auth=Bearer {hop.password}\1\1".encode()
    name = hop.username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1host={hop.host}\1port={hop.port}\1auth=Bearer {hop.password}\1\1".encode()


@lru_cache(maxsize=32)
def tls_context(verified: bool, ca: str | None) -> ssl.SSLContext:
    """A client context; unless `verified` it accepts any certificate. Raises OSError for an unreadable CA file."""
    context = ssl.create_default_context(cafile=ca) if verified else ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def remote_host(client: SMTP, hop: Hop) -> str:
    """`name [ip]` of the other end, or one of both where they are the same."""
    with suppress(SMTPServerDisconnected):
        peer = client.get_transport_info("peername")
        if isinstance(peer, tuple) and peer[0] != hop.host:
            return f"{hop.host} [{peer[0]}]"
    return hop.host


def tls_version(client: SMTP) -> str | None:
    """The TLS protocol in use, such as `TLSv1.3`."""
    with suppress(SMTPServerDisconnected):
        secured = client.get_transport_info("ssl_object")
        return str(secured.version()) if secured is not None else None
    return None
