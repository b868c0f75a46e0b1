"""The route straight to the recipients' mail servers: each in turn, over TLS as good as it can be had."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from gatepost.gateway.dane import usable
from gatepost.gateway.direct_plan import Lookup, Plan, Target, make_plan
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.pace import Pace
from gatepost.gateway.route import Hop, TlsPolicy, direct_hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_connection import Timeouts
from gatepost.gateway.send_pool import Pool
from gatepost.ledger import LedgerClosed
from gatepost.reply import Reply, clean_text
from gatepost.store.destinations import LEVELS, Level, remember_tls

TIMEOUTS = Timeouts(connect=30)
NO_MORE_AFTER = 200.0
"""Seconds after which no further server is begun with, so that all ends within the lease."""
DOWNGRADED = 3600.0
KEPT = 10_000
LOOKUPS = 64
NEXT: dict[Level, TlsPolicy] = {"verified": "required", "encrypted": "encrypted", "none": "none"}

log = structlog.get_logger("direct")


@dataclass(slots=True)
class Direct:
    """What the route keeps: connections, the pace, and which servers lately had no certificate, or no TLS."""

    lookup: Lookup
    pool: Pool
    pace: Pace
    timeouts: Timeouts = TIMEOUTS
    below: dict[str, tuple[Level, float]] = field(default_factory=dict)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LOOKUPS, "lookup"))


async def attempt(direct: Direct, outgoing: Outgoing, now: datetime) -> Sent:
    """One attempt for one recipient."""
    domain = outgoing.recipient.rpartition("@")[2].lower()
    loop = asyncio.get_running_loop()
    plan = await loop.run_in_executor(direct.threads, make_plan, direct.lookup, domain, now)
    if plan.ours:
        return await to_ourselves(direct, outgoing)
    if plan.reply:
        reply = Reply(plan.reply.code, plan.reply.status, clean_text(plan.reply.text))
        return Sent(reply, "", None, "connect")
    direct.pace.join(domain, plan.group)
    return await at_hosts(direct, plan, outgoing, now)


async def to_ourselves(direct: Direct, outgoing: Outgoing) -> Sent:
    """Our own MX is the domain's best: it takes the mail for who is known there, and gives nothing on, so no loop."""
    own = direct.lookup.own_address()
    if not own:
        text = "the domain's mail server is this one, which takes no mail (mx is off): it would come back to us"
        return Sent(Reply(None, "5.4.6", text), "", None, "connect")
    return await hand_over(direct, direct_hop(own, helo=direct.lookup.gate.settings.host), outgoing)


async def at_hosts(direct: Direct, plan: Plan, outgoing: Outgoing, now: datetime) -> Sent:
    """The servers in turn, each at its addresses, until one answers; trouble with a connection leads to the next."""
    time = asyncio.get_running_loop().time
    deadline = time() + NO_MORE_AFTER
    tried: list[Sent] = []
    for target, address in [(each, address) for each in plan.targets for address in each.addresses]:
        if tried and time() > deadline:
            break
        sent, level = await at_address(direct, plan, target, address, outgoing, (now, deadline))
        tried.append(sent)
        if not moves_on(sent):
            remember(direct, plan, sent, level, now)
            return replace(sent, transcript=whole(tried))
    return summed_up(tried)


def moves_on(sent: Sent) -> bool:
    """Whether the next server is tried: no connection, no TLS, or it broke before it had answered about the mail."""
    if sent.uncertain or not sent.reply.temporary:
        return False
    return sent.stage in ("connect", "tls") or (sent.stage in ("mail", "rcpt") and sent.reply.code is None)


def summed_up(tried: list[Sent]) -> Sent:
    """The answer where no server could be spoken with: that of the last, with the words of the others."""
    texts = list(dict.fromkeys(sent.reply.text for sent in tried))
    last = tried[-1]
    reply = Reply(last.reply.code, last.reply.status, clean_text("; ".join(texts)))
    return replace(last, reply=reply, transcript=whole(tried))


def whole(tried: list[Sent]) -> str:
    """What was said in all of them."""
    return "\n".join(sent.transcript for sent in tried)


async def by_dane(
    direct: Direct, target: Target, address: str, outgoing: Outgoing, now: datetime
) -> tuple[Sent, Level]:
    """One server at one address, with a certificate that its DANE records name: with nothing less (RFC 7672)."""
    settings = direct.lookup.gate.settings
    hop = Hop(target.host, settings.direct_port, False, "encrypted", helo=settings.host, address=address)
    sent = await hand_over(direct, replace(hop, tlsa=target.tlsa, now=now), outgoing)
    if sent.stage == "tls":
        text = f"{sent.reply.text}; its DANE records require such TLS: nothing was sent"
        return replace(sent, reply=Reply(sent.reply.code, sent.reply.status, clean_text(text))), "encrypted"
    return sent, "encrypted"


async def at_address(
    direct: Direct, plan: Plan, target: Target, address: str, outgoing: Outgoing, times: tuple[datetime, float]
) -> tuple[Sent, Level]:
    """One server at one address: with a checked certificate, else with any, else in the clear, not below the floor.

    `times` are the time now, and the deadline by the loop's clock. DANE records that name no certificate do not take
    the place of a checked one.
    """
    now, deadline = times
    if target.tlsa and (usable(target.tlsa) or plan.floor != "verified"):
        return await by_dane(direct, target, address, outgoing, now)
    settings, host = direct.lookup.gate.settings, target.host
    ca = str(settings.path(settings.direct_ca)) if settings.direct_ca else None
    level: Level = start_level(direct, plan, host)
    steps: list[Sent] = []
    while True:
        hop = Hop(host, settings.direct_port, False, NEXT[level], ca=ca, helo=settings.host, address=address)
        steps.append(await hand_over(direct, hop, outgoing))
        sent = replace(steps[-1], transcript=whole(steps))
        if sent.stage != "tls":
            return sent, level if sent.tls else "none"
        lower: Level = "none" if level == "encrypted" or sent.reply.status == "4.7.10" else "encrypted"
        if level == "none" or asyncio.get_running_loop().time() > deadline:
            return sent, level
        if LEVELS.index(lower) < LEVELS.index(plan.floor):
            return replace(sent, reply=not_below(plan, sent.reply)), level
        log.info("less TLS than wished for", host=host, tls=lower, reason=str(sent.reply))
        level = lower
        lowered(direct, host, level)


def not_below(plan: Plan, reply: Reply) -> Reply:
    """The reply with the reason why nothing less was tried."""
    return Reply(reply.code, reply.status, clean_text(f"{reply.text}; {plan.why}: nothing was sent"))


def start_level(direct: Direct, plan: Plan, host: str) -> Level:
    """Where to begin: at the best, or at what was the best with this server within the last hour."""
    level, until = direct.below.get(host, ("verified", 0.0))
    if until < asyncio.get_running_loop().time() or LEVELS.index(level) < LEVELS.index(plan.floor):
        return "verified"
    return level


def lowered(direct: Direct, host: str, level: Level) -> None:
    """Remember for an hour not to ask this server for more."""
    if len(direct.below) >= KEPT:
        direct.below.clear()
    direct.below[host] = (level, asyncio.get_running_loop().time() + DOWNGRADED)


def remember(direct: Direct, plan: Plan, sent: Sent, level: Level, now: datetime) -> None:
    """Keep the TLS level at which a mail was taken; written when it is new, then once a day.

    It is not waited for: the mail is delivered, and nothing may come between that and its record.
    """
    if not sent.reply.positive or level == "none" or LEVELS.index(level) < LEVELS.index(plan.level):
        return
    if level != plan.level or plan.seen_at is None or plan.seen_at < now - timedelta(days=1):
        with suppress(LedgerClosed):
            direct.lookup.gate.ledger.submit(lambda session: remember_tls(session, plan.domain, level, now))


async def hand_over(direct: Direct, hop: Hop, outgoing: Outgoing) -> Sent:
    return await transact(
        hop,
        outgoing.mail_from,
        outgoing.recipient,
        outgoing.content,
        smtputf8=not outgoing.recipient.isascii(),
        pool=direct.pool,
        timeouts=direct.timeouts,
        dsn=outgoing.dsn,
    )
