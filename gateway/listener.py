"""The SMTP dialogue of both listeners (RFC 5321): one class, told by a `Duty` what submission and MX do differently."""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial

import structlog

from gatepost.blobs import Blobs, ContentFile
from gatepost.database import is_full
from gatepost.disk import NO_ROOM
from gatepost.envelope import NOTHING_ASKED, Asked, Envelope
from gatepost.gateway.commands import read_command, read_mail, read_rcpt
from gatepost.gateway.connection import Connection, Gone, LineTooLong, reply_line
from gatepost.gateway.data import DataReader
from gatepost.gateway.data_checks import TOO_BIG
from gatepost.gateway.duty import Duty
from gatepost.gateway.limits import accept_batch
from gatepost.gateway.login import read_login
from gatepost.gateway.spooling import Spooling
from gatepost.gateway.spooling_behind import SpoolingBehind
from gatepost.gateway.tls_door import TlsDoor
from gatepost.model import Credential
from gatepost.reply import TROUBLE, Refused, Reply

log = structlog.get_logger()

OK = Reply(250, "2.0.0", "OK")
COMMANDS = ("EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")
NOT_OFFERED = (
    "VRFY",
    "EXPN",
    "HELP",
    "ETRN",
    "TURN",
    "ATRN",
    "BDAT",
    "BURL",
    "SEND",
    "SOML",
    "SAML",
    "XCLIENT",
    "XFORWARD",
)
NOT_SMTP = ("GET", "POST", "PUT", "CONNECT", "HEAD", "OPTIONS", "PROXY")
LONG_LINES = ("MAIL", "RCPT")
JUNK = ("NOOP", "RSET", "HELO", "EHLO")
QUEUE = 512
"""Connections that wait in the kernel until they are taken."""
BARE_LINE_COST = 7
"""A command without CRLF counts as so many errors: the third one ends the session."""


async def listen(duty: Duty, host_port: str) -> asyncio.Server:
    """Serve at `host:port`, port 0 for any free one. Raises OSError where that cannot be."""
    host, _, port = host_port.rpartition(":")
    listener = partial(Listener, duty)
    loop = asyncio.get_running_loop()
    door: Callable[[], asyncio.Protocol] = listener
    if duty.implicit_tls and duty.tls:
        door = partial(TlsDoor, duty.limits, duty.connections, duty.tls, listener)
    server = await loop.create_server(door, host.strip("[]"), int(port), backlog=accept_batch())
    for listening in server.sockets:  # the loop takes a batch at a time; the others wait in the kernel's queue
        with socket.socket(fileno=os.dup(listening.fileno())) as twin:
            twin.listen(QUEUE)
    return server


class Listener(Connection):
    """One session; a `smtp_*` method for each command that is offered."""

    def __init__(self, duty: Duty) -> None:
        super().__init__(duty.limits, duty.connections, counted=duty.implicit_tls)
        self.duty = duty
        self.errors = 0
        self.junk = 0
        self.beyond = 0
        self.behind: SpoolingBehind | None = None
        self.midway = False  # the client sends content, or TLS: after a fault of ours that is no command
        self.forget()

    def forget(self) -> None:
        """Back to the state before EHLO (RFC 3207 section 4.2)."""
        self.helo = ""
        self.credential: Credential | None = None
        self.reset()

    def reset(self) -> None:
        """No transaction."""
        self.in_mail = False
        self.mail_from = ""
        self.smtputf8 = False
        self.dsn = ("", "")
        self.recipients: dict[str, Asked] = {}

    async def converse(self) -> None:
        """Greet, then one command after the other until the client or we have enough."""
        if not self.tls:
            await self.expect_silence()
        self.say(f"220 {self.duty.host} ESMTP Gatepost\r\n".encode())
        while not self.wire.is_closing():
            await self.obey(await self.next_line())

    async def expect_silence(self) -> None:
        """Turn away a client that speaks before the greeting. Raises Gone."""
        for _ in range(2):  # the loop needs two turns to read what has come with the connection
            await asyncio.sleep(0)
        if self.incoming:
            self.leave(Reply(554, "5.5.0", "You spoke before the greeting"))
            raise Gone

    async def next_line(self) -> bytes:
        """A line of the client's; one without end is the last. Raises Gone."""
        try:
            return await self.read_line(self.limits.login_line)
        except LineTooLong:
            self.leave(Reply(500, "5.5.6", "The line is too long"))
            raise Gone from None

    async def obey(self, line: bytes) -> None:
        """One command and its reply, whatever happens."""
        try:
            await self.command(line)
        except Refused as refused:
            self.errors += 1
            self.answer(refused.reply)
        except (Gone, asyncio.CancelledError):
            raise
        except Exception as error:
            self.errors += 1
            self.say((await self.handle_exception(error)).encode() + b"\r\n")
            if self.midway:
                self.hang_up()
        if self.errors >= self.limits.errors or self.junk >= self.limits.junk or self.beyond >= self.limits.beyond:
            self.leave(Reply(421, "4.7.0", "Too many errors, idle commands or recipients; closing the connection"))

    async def command(self, line: bytes) -> None:
        """Find the method for a command and run it. Raises Refused."""
        if line.endswith(b"\n"):
            self.errors += BARE_LINE_COST - 1
        verb, argument = read_command(line)
        if verb not in COMMANDS:
            self.unknown(verb)
        if verb != "AUTH" and len(line) + 2 > (
            self.limits.extended_line if verb in LONG_LINES else self.limits.command_line
        ):
            raise Refused(500, "5.5.6", "The line is too long")
        if verb in JUNK:
            self.junk += 1
        await getattr(self, f"smtp_{verb}")(argument)

    def unknown(self, verb: str) -> None:
        """Refuse what is not offered; a web client is shown the door."""
        if verb in NOT_SMTP:
            self.leave(Reply(554, "5.5.1", "This is an SMTP server"))
            raise Gone
        if verb in NOT_OFFERED:
            raise Refused(502, "5.5.1", f"{verb} is not offered here")
        raise Refused(500, "5.5.1", "The command is not known")

    async def handle_exception(self, error: Exception) -> str:
        """Trouble of ours is temporary and tells nothing, but that there is no room."""
        if is_full(error):
            log.error("smtp.no_room", ip=self.ip, error=str(error))
            return str(NO_ROOM)
        log.error("smtp.trouble", ip=self.ip, exc_info=error)
        return str(TROUBLE)

    def answer(self, reply: Reply) -> None:
        """Queue a reply."""
        self.say(reply_line(reply))

    def leave(self, reply: Reply) -> None:
        """A last reply, then the end."""
        self.answer(reply)
        self.hang_up()

    def nothing_pending(self) -> None:
        """End the session of a client that sends on where it has to wait (RFC 2920 section 3.1). Raises Gone."""
        if self.incoming:
            self.leave(Reply(554, "5.5.0", "You must wait for the reply to this command; closing the connection"))
            raise Gone

    def need_hello(self) -> None:
        """Raises Refused before EHLO or HELO."""
        if not self.helo:
            raise Refused(503, "5.5.1", "Send EHLO first")

    def bare(self, argument: str, verb: str) -> None:
        """Raises Refused where a command has an argument that takes none."""
        if argument:
            raise Refused(501, "5.5.4", f"{verb} takes no argument")

    async def smtp_HELO(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.1."""
        self.hello(argument)
        self.say(f"250 {self.duty.host}\r\n".encode())

    async def smtp_EHLO(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.1; lists just what is offered at this moment."""
        self.hello(argument)
        words = [self.duty.host, f"SIZE {self.limits.message_size}", "8BITMIME", "SMTPUTF8", "PIPELINING"]
        words += ["ENHANCEDSTATUSCODES", "DSN"] if self.duty.dsn else ["ENHANCEDSTATUSCODES"]
        if self.duty.tls and not self.tls:
            words.append("STARTTLS")
        if self.duty.authenticate and self.tls:
            words.append("AUTH PLAIN LOGIN")
        self.say("".join(f"250-{word}\r\n" for word in words[:-1]).encode() + f"250 {words[-1]}\r\n".encode())

    def hello(self, argument: str) -> None:
        """Take the client's name and end any transaction."""
        self.nothing_pending()
        if not argument or not argument.isprintable() or len(argument) > 255:
            raise Refused(501, "5.5.4", "Give the name of your host")
        self.reset()
        self.helo = argument.partition(" ")[0]

    async def smtp_STARTTLS(self, argument: str) -> None:
        """RFC 3207."""
        self.bare(argument, "STARTTLS")
        self.nothing_pending()
        if self.tls or not self.duty.tls:
            raise Refused(503, "5.5.1", "TLS is already in use" if self.tls else "STARTTLS is not offered here")
        self.say(b"220 2.0.0 Ready to start TLS\r\n")
        self.midway = True
        await self.start_tls(self.duty.tls)
        self.midway = False
        self.forget()

    async def smtp_AUTH(self, argument: str) -> None:
        """RFC 4954; the answer to a wrong secret is that to an unknown name."""
        self.need_hello()
        if not self.duty.authenticate:
            raise Refused(502, "5.5.1", "AUTH is not offered here")
        if not self.tls:
            raise Refused(538, "5.7.11", "Encryption is required: send STARTTLS before AUTH")
        if self.credential or self.in_mail:
            raise Refused(503, "5.5.1", "AUTH is possible once, and before MAIL")
        self.nothing_pending()
        username, secret = await read_login(argument, self.ask)
        now = self.loop.time()
        if self.duty.throttle.blocked(username, self.ip, now):
            raise Refused(454, "4.7.0", "Too many failed log-ins; try again in an hour")
        self.credential = await self.duty.authenticate(username, secret, self.ip)
        if not self.credential:
            self.duty.throttle.failed(username, self.ip, now)
            log.warning("smtp.login_refused", ip=self.ip)
            raise Refused(535, "5.7.8", "The user name or the secret is wrong")
        self.answer(Reply(235, "2.7.0", "Logged in"))

    async def ask(self, challenge: bytes) -> bytes:
        """One challenge of AUTH and the client's line. Raises Gone and Refused."""
        self.say(b"334 " + challenge + b"\r\n")
        line = await self.next_line()
        self.nothing_pending()
        return line

    async def need_credential(self) -> None:
        """Raises Refused where a log-in is needed."""
        if self.credential or not self.duty.authenticate:
            return
        if self.duty.network_credential:
            self.credential = await self.duty.network_credential(self.ip)
        if not self.credential:
            hint = "" if self.tls else "; send STARTTLS first"
            raise Refused(530, "5.7.0", f"authentication required{hint}")

    async def smtp_MAIL(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.2, RFC 1870, RFC 3461, RFC 6152, RFC 6531."""
        self.need_hello()
        await self.need_credential()
        if self.in_mail:
            raise Refused(503, "5.5.1", "A transaction is open already; send RSET first")
        mail = read_mail(argument, dsn=self.duty.dsn)
        if mail.size > self.limits.message_size:
            raise Refused(552, "5.3.4", f"The message is larger than {self.limits.message_size} octets")
        self.need_disk()
        self.in_mail = True
        self.mail_from = str(mail.address or "")
        self.smtputf8 = mail.smtputf8
        self.dsn = (mail.ret, mail.envid)
        self.answer(Reply(250, "2.1.0", "Sender taken"))

    def need_disk(self) -> None:
        """Raises Refused where there is no room for mail, and Gone where the disk has failed."""
        refusal = self.duty.blobs.disk.refusal() if self.duty.blobs else None
        if refusal and refusal.code == 421:
            self.leave(refusal)
            raise Gone
        if refusal:
            raise Refused(refusal.code or 452, refusal.status or "4.3.1", refusal.text)

    async def smtp_RCPT(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.3."""
        self.need_hello()
        await self.need_credential()
        if not self.in_mail:
            raise Refused(503, "5.5.1", "Send MAIL first")
        if len(self.recipients) >= self.limits.recipients:
            self.one_too_many()
            return
        recipient = read_rcpt(argument, self.smtputf8, self.duty.postmaster, dsn=self.duty.dsn)
        if str(recipient.address) in self.recipients:
            self.junk += 1  # a flood of these would cost a look-up each
        else:
            await self.duty.check_recipient(recipient.address)
            self.recipients[str(recipient.address)] = recipient.asked
        self.answer(Reply(250, "2.1.5", "Recipient taken"))

    def one_too_many(self) -> None:
        """Refuse a recipient for now (RFC 5321 section 4.5.3.1.10): no error, but a stranger may not flood us so."""
        text = f"At most {self.limits.recipients} recipients; send the others afterwards"
        self.answer(Reply(452, "4.5.3", text))
        self.beyond += not self.credential

    async def smtp_DATA(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.4; the reply to the dot is that of `deliver`."""
        self.bare(argument, "DATA")
        self.nothing_pending()
        if not self.recipients:
            raise Refused(503, "5.5.1", "Send MAIL and at least one valid RCPT first")
        self.say(b"354 Send the message; end with <CRLF>.<CRLF>\r\n")
        limits, blobs = self.limits, self.duty.blobs
        sink = DataReader(
            limits.message_size,
            strict=self.duty.strict,
            line_limit=limits.data_line,
            spool=blobs.spool if blobs else None,
            behind=partial(self.spool_behind, blobs) if blobs else None,
        )
        self.midway = True
        try:
            await self.read_data(sink)
            self.midway = False
            if sink.overrun:
                self.leave(TOO_BIG)
                raise Gone
            if self.behind:
                await self.behind.written()
            reply = await self.hand_over(sink)
        finally:
            sink.drop()
            self.behind = None
        if reply.positive:  # the limits count what comes without a mail taken
            self.errors = self.junk = self.beyond = 0
        else:
            self.errors += 1
        self.answer(reply)

    def spool_behind(self, blobs: Blobs, begin: Callable[[], Spooling]) -> SpoolingBehind:
        """Have threads write a large mail, which the client is not to send faster than the disk takes it."""
        self.behind = SpoolingBehind(begin, blobs.sync, self.duty.writers, self.hold_back, self.catch_up)
        return self.behind

    async def hand_over(self, sink: DataReader) -> Reply:
        """Deliver the transaction, and end it whatever happens."""
        asked = {recipient: asked for recipient, asked in self.recipients.items() if asked != NOTHING_ASKED}
        content = sink.content()
        envelope = Envelope(
            self.mail_from,
            tuple(self.recipients),
            b"" if isinstance(content, ContentFile) else content,
            self.ip,
            self.helo,
            self.tls,
            self.smtputf8,
            *self.dsn,
            asked,
            content if isinstance(content, ContentFile) else None,
        )
        self.reset()
        return sink.fault or await self.duty.deliver(envelope, self.credential)

    async def smtp_RSET(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.5."""
        self.bare(argument, "RSET")
        self.reset()
        self.answer(OK)

    async def smtp_NOOP(self, _argument: str) -> None:
        """RFC 5321 section 4.1.1.9."""
        self.answer(OK)

    async def smtp_QUIT(self, argument: str) -> None:
        """RFC 5321 section 4.1.1.10."""
        self.bare(argument, "QUIT")
        self.leave(Reply(221, "2.0.0", "Goodbye"))
