"""The ways out that the outbox takes: a relay, straight to the recipients' servers, or the sandbox that keeps all."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from gatepost.gateway.accept import Gate
from gatepost.gateway.direct import Direct
from gatepost.gateway.direct import attempt as attempt_directly
from gatepost.gateway.direct_plan import Lookup
from gatepost.gateway.outbox import Outgoing, Route
from gatepost.gateway.pace import Pace
from gatepost.gateway.route import Hop, relay_hop
from gatepost.gateway.sandbox import FOLLOW_UP_AFTER, REMOTE_HOST, SandboxAnswer, answer, deliver_follow_up
from gatepost.gateway.sandbox_mail import FollowUp, follow_up, from_address
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.send_transcript import pretended
from gatepost.mail_header import read_header
from gatepost.reply import Reply
from gatepost.resolver import Resolver
from gatepost.store.channels import channel_by_address
from gatepost.store.sandbox import keep_sandbox_mail

DIRECT_PLACES = 5
"""Times `deliveries_at_once`: most places of this route wait for somebody far away."""

log = structlog.get_logger("sandbox")


def relay_route(gate: Gate, pool: Pool) -> Route:
    """Everything goes to the relay of the settings, over kept connections."""
    hop = relay_hop(gate.settings)

    async def attempt(outgoing: Outgoing) -> Sent:
        return await hand_over(hop, outgoing, pool)

    return Route("relay", attempt)


async def hand_over(hop: Hop, outgoing: Outgoing, pool: Pool) -> Sent:
    """One mail to a hop, over a kept connection where there is one."""
    return await transact(
        hop,
        outgoing.mail_from,
        outgoing.recipient,
        outgoing.content,
        smtputf8=not outgoing.recipient.isascii(),
        pool=pool,
        dsn=outgoing.dsn,
    )


def direct_route(
    gate: Gate,
    pool: Pool,
    resolver: Resolver,
    mx: Callable[[], str],
    clock: Callable[[], datetime],
    pace: Pace | None = None,
) -> Route:
    """Each mail goes to the servers that its recipient's domain names; `mx` is the `host:port` of our own, or empty."""
    pace = pace or Pace(time.monotonic)
    straight = Direct(Lookup(gate, resolver, mx), pool, pace)

    async def attempt_now(outgoing: Outgoing) -> Sent:
        return await attempt_directly(straight, outgoing, clock())

    return Route("direct", attempt_now, pace=pace, places=DIRECT_PLACES * gate.settings.deliveries_at_once)


def sandbox_route(gate: Gate, mx: Callable[[], str], clock: Callable[[], datetime]) -> Route:
    """Nothing leaves: each mail is kept, and answered by its recipient's local part.

    `mx` is the `host:port` of our own MX listener, which follow-ups (a late bounce, an automatic answer) go to.
    """
    under_way: set[asyncio.Task[None]] = set()

    async def attempt(outgoing: Outgoing) -> Sent:
        answered = answer(outgoing.recipient, outgoing.claim.attempts + 1)
        await asyncio.sleep(answered.wait)
        now = clock()
        await gate.ledger.commit(
            lambda session: keep_sandbox_mail(
                session,
                delivery_id=outgoing.claim.delivery_id,
                message_id=outgoing.claim.message_id,
                mail_from=outgoing.mail_from,
                recipient=outgoing.recipient,
                reply=answered.reply,
                now=now,
            )
        )
        if answered.follow_up:
            task = asyncio.create_task(send_follow_up(gate, mx, clock, answered, outgoing))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        return Sent(answered.reply, REMOTE_HOST, None, "dot", transcript=played(gate, outgoing, answered.reply))

    return Route("sandbox", attempt, sandbox=True)


def played(gate: Gate, outgoing: Outgoing, reply: Reply) -> str:
    """What the sandbox and we would have said; a refusal for the content's sake comes after it."""
    after_data = reply.positive or (reply.status or "")[2:3] in ("3", "6", "7")
    return pretended(
        REMOTE_HOST,
        gate.settings.host,
        outgoing.mail_from,
        outgoing.recipient,
        len(outgoing.content),
        reply,
        after_data,
    )


async def send_follow_up(
    gate: Gate, mx: Callable[[], str], clock: Callable[[], datetime], answered: SandboxAnswer, outgoing: Outgoing
) -> None:
    """What the pretended remote server writes 5 s later, by real SMTP to our MX."""
    await asyncio.sleep(FOLLOW_UP_AFTER)
    async with gate.budget.share(len(outgoing.content)):
        mail = await asyncio.to_thread(compose_follow_up, gate, answered, outgoing, clock())
    if mail is None or not mx():
        return
    sent = await deliver_follow_up(mx(), mail.mail_from, mail.recipient, mail.content)
    if not sent.reply.positive:
        log.warning("our own MX did not take a follow-up of the sandbox", reply=str(sent.reply))


def compose_follow_up(gate: Gate, answered: SandboxAnswer, outgoing: Outgoing, now: datetime) -> FollowUp | None:
    content = outgoing.content if isinstance(outgoing.content, bytes) else outgoing.content.read()
    author = from_address(read_header(content).fields)
    with gate.database.session() as session:
        is_channel = bool(author and channel_by_address(session, author.lower()))
    return follow_up(
        answered.follow_up or "",
        return_path=outgoing.mail_from,
        recipient=outgoing.recipient,
        content=content,
        now=now,
        from_is_channel=is_channel,
    )
