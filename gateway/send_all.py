"""One mail to several recipients in one SMTP transaction: for servers that keep a copy of each that they take."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gatepost.blobs import ContentFile
from gatepost.gateway.dsn_parameters import NO_REQUEST
from gatepost.gateway.route import Hop
from gatepost.gateway.send import (
    TIMEOUTS,
    MailObject,
    Sent,
    accepts,
    address_trouble,
    body,
    connect,
    ended,
    mail_options,
    refusal,
    settle,
    transact,
)
from gatepost.gateway.send_connection import Connection, Timeouts
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.send_transcript import Dialogue, secrets_of
from gatepost.reply import Reply

MOST = 50
"""Recipients of one transaction; RFC 5321 section 4.5.3.1.8 has servers take 100."""


async def transact_all(
    hop: Hop,
    mail_from: str,
    recipients: Sequence[str],
    content: bytes | ContentFile,
    *,
    pool: Pool,
    timeouts: Timeouts = TIMEOUTS,
) -> dict[str, Sent]:
    """As `send.transact`, for each of at most 50 recipients; the answer to the content is that of all who were taken.

    Requests for delivery notices are not passed on.
    """
    if len(recipients) == 1:
        utf8 = not recipients[0].isascii()
        return {recipients[0]: await transact(hop, mail_from, recipients[0], content, smtputf8=utf8, pool=pool)}
    problems = {each: problem for each in recipients if (problem := address_trouble(mail_from, each))}
    good = [each for each in recipients if each not in problems]
    found = {each: Sent(problem, hop.host, None, "mail") for each, problem in problems.items()}
    if not good:
        return found
    said = Dialogue(secrets_of(hop))
    mail = MailObject(mail_from, good[0], content, not all(each.isascii() for each in good), said, NO_REQUEST)
    try:
        async with asyncio.timeout(timeouts.until_dot) as limit:
            found |= await deliver(hop, mail, good, pool, timeouts, limit)
    except TimeoutError:
        text = f"{hop.host} was too slow: the mail was not through after {timeouts.until_dot:g} s"
        said.note(text)
        found |= dict.fromkeys(good, Sent(Reply(None, "4.4.2", text), hop.host, None, "data"))
    return {each: replace(sent, transcript=said.text()) for each, sent in found.items()}


async def deliver(
    hop: Hop, mail: MailObject, recipients: Sequence[str], pool: Pool, timeouts: Timeouts, limit: asyncio.Timeout
) -> dict[str, Sent]:
    """The transaction over a new connection, which is kept for the next mail where it can be."""
    connection = await connect(hop, timeouts, mail.said)
    if isinstance(connection, Sent):
        return dict.fromkeys(recipients, connection)
    kept = False
    connection.begin(mail.said)
    answers: dict[str, Sent] = {}
    try:
        await speak(connection, mail, recipients, answers, limit)
        kept = await settle(connection, pool, last(answers))
    except Exception as error:
        rest(answers, recipients, ended(connection, error))
    finally:
        if not kept:
            connection.wire.abort()
    return answers


async def speak(
    connection: Connection,
    mail: MailObject,
    recipients: Sequence[str],
    answers: dict[str, Sent],
    limit: asyncio.Timeout,
) -> None:
    """MAIL, RCPT for each, and DATA where one of them was taken; `answers` is filled. Raises Trouble."""
    options, refused = mail_options(connection, mail)
    reply = refused or await connection.command("mail", f"MAIL FROM:<{mail.mail_from}>{options}")
    if not accepts(reply):
        rest(answers, recipients, refusal(connection, reply, "mail"))
        return
    taken = []
    for recipient in recipients:
        reply = await connection.command("rcpt", f"RCPT TO:<{recipient}>")
        if accepts(reply):
            taken.append(recipient)
        else:
            answers[recipient] = refusal(connection, reply, "rcpt")
    if not taken:
        return
    reply = await connection.command("data", "DATA", connection.timeouts.data)
    if reply.code == 354:
        answers |= dict.fromkeys(taken, await body(connection, mail.content, limit))
    else:
        rest(answers, taken, refusal(connection, reply, "data"))


def rest(answers: dict[str, Sent], recipients: Sequence[str], sent: Sent) -> None:
    """The same for all who have no answer yet."""
    for recipient in recipients:
        answers.setdefault(recipient, sent)


def last(answers: dict[str, Sent]) -> Sent:
    """What ended the transaction: the answer to the content, where there was one."""
    return next((sent for sent in answers.values() if sent.stage == "dot"), next(iter(answers.values())))
