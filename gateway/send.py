"""One SMTP transaction for one recipient (RFC 5321 section 3.3); whatever the remote does comes back as a Reply."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from aiosmtplib.response import SMTPResponse

from gatepost.blobs import ContentFile
from gatepost.gateway.dsn_parameters import NO_REQUEST, DsnRequest
from gatepost.gateway.route import Hop
from gatepost.gateway.send_connection import Connection, Timeouts, open_connection
from gatepost.gateway.send_data import LostAfterDot, send_content
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.send_transcript import Dialogue, secrets_of
from gatepost.gateway.send_trouble import Trouble, read_response, trouble_reply
from gatepost.reply import HIDDEN, Reply, clean_text

ADDRESS_LIMIT = 320
FORBIDDEN = re.compile('[ <>"]')
RESET_SECONDS = 10
TIMEOUTS = Timeouts()
STAGES = ("mail", "rcpt", "data")


@dataclass(frozen=True, slots=True)
class Sent:
    """How a transaction ended.

    `remote_host` is `name [ip]`; `tls` the protocol or None; `stage` the last step: connect, tls, auth, mail, rcpt,
    data or dot. `uncertain`: the connection was lost after the final dot, so the mail may have been accepted.
    `transcript` is what was said, for people; `told_on`: the server took over the notifications that were asked for;
    `route` names the way that was chosen, where there are several.
    """

    reply: Reply
    remote_host: str
    tls: str | None
    stage: str
    uncertain: bool = False
    transcript: str = ""
    told_on: bool = False
    route: str = ""


async def transact(
    hop: Hop,
    mail_from: str,
    recipient: str,
    content: bytes | ContentFile,
    *,
    smtputf8: bool = False,
    pool: Pool | None = None,
    timeouts: Timeouts = TIMEOUTS,
    dsn: DsnRequest | None = None,
) -> Sent:
    """Hand `content` to the hop for one recipient; an empty `mail_from` is the null reverse-path.

    With a `pool` (the outbox has one) the connection is kept for the next mail; without it the end of the connection is
    waited for, a second at most. What `dsn` asks for is passed on where the server offers it (RFC 3461 section 5.2).
    Never raises, except CancelledError.
    """
    problem = address_trouble(mail_from, recipient)
    if problem:
        return Sent(problem, hop.host, None, "mail")
    mail = MailObject(mail_from, recipient, content, smtputf8, Dialogue(secrets_of(hop)), dsn or NO_REQUEST)
    try:
        async with asyncio.timeout(timeouts.until_dot) as limit:
            sent = await deliver(hop, mail, pool, timeouts, limit)
    except TimeoutError:
        text = f"{hop.host} was too slow: the mail was not through after {timeouts.until_dot:g} s"
        mail.said.note(text)
        sent = Sent(Reply(None, "4.4.2", text), hop.host, None, "data")
    return replace(sent, transcript=mail.said.text())


@dataclass(frozen=True, slots=True)
class MailObject:
    """What one transaction hands over (RFC 5321 section 2.3.1), and where what is said is kept."""

    mail_from: str
    recipient: str
    content: bytes | ContentFile
    smtputf8: bool
    said: Dialogue
    dsn: DsnRequest


async def deliver(hop: Hop, mail: MailObject, pool: Pool | None, timeouts: Timeouts, limit: asyncio.Timeout) -> Sent:
    """The transaction over a kept connection, or over a new one; the limit is lifted before the final dot."""
    while pool is not None and (kept := pool.take(hop)) is not None:
        sent = await over(kept, pool, mail, limit)
        if sent.stage != "mail" or kept.alive or sent.reply.permanent:
            return sent  # otherwise it had been closed while it was idle: nothing was said yet, the next one is tried
    opened = await connect(hop, timeouts, mail.said)
    return opened if isinstance(opened, Sent) else await over(opened, pool, mail, limit)


async def connect(hop: Hop, timeouts: Timeouts, said: Dialogue) -> Connection | Sent:
    """A new connection, or why there is none."""
    try:
        return await open_connection(hop, timeouts, said)
    except Trouble as trouble:
        return Sent(trouble.reply, hop.host, None, trouble.stage)
    except Exception as error:
        return Sent(trouble_reply(error, hop), hop.host, None, "connect")


async def over(connection: Connection, pool: Pool | None, mail: MailObject, limit: asyncio.Timeout) -> Sent:
    """One transaction over an open connection, which is afterwards kept, or closed."""
    kept = False
    connection.begin(mail.said)
    try:
        sent = await speak(connection, mail, limit)
        kept = await settle(connection, pool, sent)
        return sent
    except Exception as error:
        return ended(connection, error)
    finally:
        if not kept:
            connection.wire.abort()


def ended(connection: Connection, error: Exception) -> Sent:
    """What ended a transaction before its answer."""
    if isinstance(error, Trouble):
        return Sent(error.reply, connection.host, connection.tls, error.stage)
    return Sent(trouble_reply(error, connection.hop), connection.host, connection.tls, "mail")


async def speak(connection: Connection, mail: MailObject, limit: asyncio.Timeout) -> Sent:
    """MAIL, RCPT, DATA, together where the server offers PIPELINING (RFC 2920). Raises Trouble."""
    options, refused = mail_options(connection, mail)
    if refused:
        return Sent(refused, connection.host, connection.tls, "mail")
    asked = mail.dsn.rcpt_words if "dsn" in connection.extensions else ""
    lines = (f"MAIL FROM:<{mail.mail_from}>{options}", f"RCPT TO:<{mail.recipient}>{asked}", "DATA")
    together = "pipelining" in connection.extensions
    speaking = speak_together if together else speak_in_turn
    reply, stage = await speaking(connection, lines)
    if stage == "data" and reply.code == 354:
        sent = await body(connection, mail.content, limit)
        return replace(sent, told_on="NOTIFY=" in asked)
    return refusal(connection, reply, stage)


def refusal(connection: Connection, reply: Reply, stage: str) -> Sent:
    """A server's no; a yes in the wrong place is none."""
    if reply.positive:
        reply = out_of_step(connection, reply)
    return Sent(reply, connection.host, connection.tls, stage)


async def speak_in_turn(connection: Connection, lines: Sequence[str]) -> tuple[Reply, str]:
    """One command after the other, up to the first that is not accepted: its reply and stage. Raises Trouble."""
    reply = Reply(None, None)
    for stage, line in zip(STAGES, lines, strict=True):
        reply = await connection.command(stage, line, connection.timeouts.data if stage == "data" else None)
        if not accepts(reply):
            break
    return reply, stage


async def speak_together(connection: Connection, lines: Sequence[str]) -> tuple[Reply, str]:
    """All commands at once, then their answers, as `speak_in_turn`, and so it is written down. Raises Trouble.

    A server that refuses the recipient and wants the content all the same gets none: the connection is closed, where
    RFC 2920 section 3.1 would have an empty mail sent.
    """
    connection.write(lines)
    for stage, line in zip(STAGES, lines, strict=True):
        connection.said.client(line)
        reply = await connection.answer(stage, connection.timeouts.data if stage == "data" else None)
        if not accepts(reply):
            break
    if stage != "data":
        await pass_over(connection, len(STAGES) - STAGES.index(stage) - 1)
    return reply, stage


async def pass_over(connection: Connection, answers: int) -> None:
    """Read the answers to commands that were already on their way when one was refused; its refusal is what counts."""
    said, connection.said = connection.said, Dialogue()
    with suppress(Trouble):
        for _ in range(answers):
            if (await connection.answer("data")).code == 354:
                connection.wire.abort()
    connection.said = said


def accepts(reply: Reply) -> bool:
    """Whether a server said yes with a 2xx code; a status alone, or 3xx, is no yes."""
    return reply.code is not None and 200 <= reply.code < 300


async def body(connection: Connection, content: bytes | ContentFile, limit: asyncio.Timeout) -> Sent:
    """The content and the final dot. Raises Trouble when the connection is lost before the dot.

    What stands behind the 354 already is no answer to the dot.
    """
    times = connection.timeouts
    if early := connection.wire.early():
        return ended_early(connection, early)
    connection.said.client(f"({len(content)} bytes)")
    try:
        response, dotted = await send_content(
            connection.wire,
            content,
            block_seconds=times.block,
            dot_seconds=times.dot,
            before_dot=lambda: limit.reschedule(None),
        )
    except LostAfterDot as lost:
        connection.wire.abort()
        text = f"the connection to {connection.hop.host} was lost after the mail had been sent in full: {lost}"
        connection.said.note(text)
        return Sent(Reply(None, "4.4.2", clean_text(text)), connection.host, connection.tls, "dot", uncertain=True)
    except Exception as error:
        raise connection.trouble(error, "data") from error
    if not dotted:
        return ended_early(connection, response)
    connection.said.response(response)
    reply = read_response(response)
    if reply.code is None or reply.code // 100 == 3:
        return Sent(out_of_step(connection, reply), connection.host, connection.tls, "dot", uncertain=True)
    return Sent(reply, connection.host, connection.tls, "dot")


def ended_early(connection: Connection, response: SMTPResponse) -> Sent:
    """A server's answer before the final dot: its refusal counts, its yes does not; the connection is closed."""
    connection.said.response(response)
    connection.wire.abort()
    reply = read_response(response)
    return Sent(out_of_step(connection, reply) if reply.positive else reply, connection.host, connection.tls, "data")


def out_of_step(connection: Connection, reply: Reply) -> Reply:
    """A temporary reply for a positive answer in the wrong place; the connection is closed."""
    connection.wire.abort()
    return Reply(None, "4.5.0", clean_text(f"{connection.hop.host} answered out of step: {reply}"))


async def settle(connection: Connection, pool: Pool | None, sent: Sent) -> bool:
    """Give the connection back to the pool, after RSET where the transaction ended early; True if it was kept."""
    if pool is None:
        await connection.leave()
        return False
    if not connection.alive or sent.uncertain:
        return False
    if sent.stage != "dot":
        connection.said = Dialogue()
        try:
            if not (await connection.command("mail", "RSET", RESET_SECONDS)).positive:
                return False
        except Trouble:
            return False
    if not connection.wire.in_step:
        return False
    pool.give(connection)
    return True


def mail_options(connection: Connection, mail: MailObject) -> tuple[str, Reply | None]:
    """The parameters of MAIL (RFC 1870, 3461, 6152, 6531), or the reply that says why the server cannot take it."""
    offered, size, host = connection.extensions, len(mail.content), connection.hop.host
    options = ""
    if "size" in offered:
        limit = offered["size"].strip()
        if limit.isascii() and limit.isdigit() and len(limit) < 16 and 0 < int(limit) < size:
            text = f"the mail has {size} bytes and {host} takes at most {limit}"
            return "", Reply(None, "5.3.4", text)
        options += f" SIZE={size}"
    if "8bitmime" in offered and not is_ascii(mail.content):
        options += " BODY=8BITMIME"
    if mail.smtputf8 or not (mail.mail_from + mail.recipient).isascii():
        if "smtputf8" not in offered:
            return "", Reply(None, "5.6.7", f"{host} takes no addresses or headers with non-English letters (SMTPUTF8)")
        options += " SMTPUTF8"
    if "dsn" in offered:
        options += mail.dsn.mail_words
    return options, None


def is_ascii(content: bytes | ContentFile) -> bool:
    """Whether content is known to be ASCII; what lies in a file is not read for it."""
    return isinstance(content, bytes) and content.isascii()


def address_trouble(mail_from: str, recipient: str) -> Reply | None:
    """The reply for an address that cannot go on the wire: the last guard against a smuggled command."""
    if mail_from and (problem := address_problem(mail_from)):
        return Reply(None, "5.1.7", f"the sender's address cannot be used: {problem}")
    if problem := address_problem(recipient):
        return Reply(None, "5.1.3", f"the recipient's address cannot be used: {problem}")
    return None


def address_problem(address: str) -> str:
    """What is wrong with an address, or an empty string."""
    if len(address) > ADDRESS_LIMIT:
        return "it is too long"
    if HIDDEN.search(address):
        return "there is a control character in it"
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        return "it is not written as name@domain"
    quoted = len(local) > 1 and local[0] == local[-1] == '"'
    if FORBIDDEN.search(domain if quoted else address):
        return "there is a space, a quote or a bracket in it"
    return ""
