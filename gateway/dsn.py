"""Tells the system that submitted a mail what it asked to be told (RFC 3461): a duty that reads the history.

A notification is a mail with the null reverse-path, so that it cannot loop; none is ever sent about another one.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.blobs import IN_ROW, Content, ContentFile
from gatepost.envelope import Asked, Envelope
from gatepost.gateway.accept import Gate, signers_for
from gatepost.gateway.dsn_mail import Fact, Original, compose_notice
from gatepost.gateway.dsn_parameters import DSN_TRIGGER
from gatepost.gateway.large import Body, body_digest
from gatepost.gateway.put import Prepared, Submission, put
from gatepost.gateway.signing import Signer, sign_all, signed_words
from gatepost.ids import new_id
from gatepost.model import Delivery, Event, Message
from gatepost.reply import Reply
from gatepost.rounds import Duty, When, rounds
from gatepost.settings import Settings
from gatepost.store.messages import RawLost, open_raw
from gatepost.store.notices import WINDOW, News, move_on, news_between, note_told, told_before, told_until
from gatepost.store.outgoing import NewMessage
from gatepost.store.settled import Horizon, mark
from gatepost.tokens import mint_message_id
from gatepost.webhook_payload import read_said
from gatepost.words import Kind

ROUND_SECONDS = 1.0
DELAY_TOLD_AFTER = timedelta(hours=4)
KINDS = {"failed": Kind.BOUNCE, "delayed": Kind.DELAY}
FROM_NEXT_SERVER = "return path"


@dataclass(frozen=True, slots=True)
class Owed:
    """A notification that is owed: the news, and the action that is told."""

    news: News
    action: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification, ready to be stored, and what it tells."""

    prepared: Prepared
    owed: tuple[Owed, ...]


def action_owed(event: Event, delivery: Delivery, setting: str, now: datetime) -> tuple[str, str]:
    """The action to tell the submitter of, or an empty string; and why."""
    if setting == "never":
        return "", "notifications are off"
    asked = delivery.notify or ("FAILURE" if setting == "always" else "")
    if not asked:
        return "", "nobody asked for a notification (NOTIFY)"
    state = event.kind.partition(".")[2]
    wanted = {"delivered": "SUCCESS", "delayed": "DELAY"}.get(state, "FAILURE")
    if wanted not in asked.split(","):
        return "", f"NOTIFY={asked} does not ask for {wanted}"
    told_by_next = event.data.get("source") == FROM_NEXT_SERVER
    if state == "delivered":
        if event.data.get("dsn"):
            return "", "the next server was asked to tell of the success"
        return ("delivered" if told_by_next else "relayed"), "NOTIFY asks for SUCCESS"
    if state == "delayed":
        if delivery.notified_at:
            return "", "the delay was told before"
        if not told_by_next and now - delivery.created_at < DELAY_TOLD_AFTER:
            return "", "the mail waits for less than four hours"
        return "delayed", "NOTIFY asks for DELAY"
    if state == "bounced" and delivery.reported:
        return "", "the bounce is not proven"
    return "failed", "NOTIFY asks for FAILURE" if delivery.notify else "the setting dsn is always"


def may_be_told(message: Message, settings: Settings) -> bool:
    """Whether the reverse-path is one that a mail can be sent to, and not one of our own tokens."""
    try:
        return parse_address(message.envelope_from).domain not in (settings.bounces, settings.replies)
    except AddressError:
        return False


def find_owed(session: Session, settings: Settings, after: int, until: int, now: datetime) -> list[Owed]:
    """What is owed for the events of a window, each delivery and action once."""
    news = [each for each in news_between(session, after, until) if may_be_told(each.message, settings)]
    owed = [Owed(each, action_owed(each.event, each.delivery, settings.dsn, now)[0]) for each in news]
    owed = [each for each in owed if each.action]
    told = told_before(session, [each.news.message.id for each in owed]) if owed else set()
    found: dict[tuple[str, str], Owed] = {}
    for each in owed:
        key = (each.news.delivery.id, each.action)
        if key not in told:
            found.setdefault(key, each)
    return list(found.values())


def fact_of(owed: Owed, days: float) -> Fact:
    """What is told of one recipient."""
    event, delivery = owed.news.event, owed.news.delivery
    reply = read_said(str(event.data.get("reply") or "")) or Reply(None, None, delivery.text)
    until = delivery.created_at + timedelta(days=days) if owed.action == "delayed" else None
    host = str(event.data.get("remote_host") or "")
    return Fact(delivery.recipient, owed.action, reply, host, delivery.orcpt, event.at, until)


def make_notice(gate: Gate, message: Message, owed: Sequence[Owed], now: datetime) -> Notice:
    """One notification for the news of one message."""
    settings, row_id = gate.settings, new_id("msg")
    facts = [fact_of(each, settings.retry_days) for each in owed]
    to, author = message.envelope_from, f"mailer-daemon@{settings.domain}"
    minted = mint_message_id(gate.keys, row_id, settings.domain)

    def composed(content: bytes | ContentFile) -> tuple[bytes, Body, int]:
        ret, envid = message.dsn.get("ret", ""), message.dsn.get("envid", "")
        original = Original(content, message.subject, message.at, ret, envid)
        about = {"author": author, "host": settings.host, "to": to, "message_id": minted}
        head, body = compose_notice(original, facts, **about, now=now)
        return head, body, sum(map(len, body()))  # reads it all: what cannot be read is noticed here

    try:
        with gate.database.session() as session:
            content = open_raw(session, message.raw_id, gate.blobs)
        head, body, size = composed(content)
    except (RawLost, OSError):
        head, body, size = composed(b"\r\n")
    subject = next(line for line in head.split(b"\r\n") if line.startswith(b"Subject: ")).decode()[9:]
    signers = signers_for(gate, settings.domain, now)
    stored = keep_signed(gate, head, body, size, signers, now)
    row = NewMessage(
        id=row_id,
        digest=row_id,
        kind=KINDS.get(facts[0].action, Kind.REPORT),
        message_id=minted,
        subject=subject,
        from_name="Mail Delivery System",
        from_address=author,
        recipients_shown=[{"field": "to", "address": to.lower(), "name": ""}],
        snippet=f"About the mail to {', '.join(fact.recipient for fact in facts)}"[:200],
        at=now,
        size=stored.size,
        trigger=DSN_TRIGGER,
        auth={"signed": signed_words(signers)},
    )
    submission = Submission(Envelope("", (to,), b"", asked={to: Asked("NEVER")}), (), DSN_TRIGGER)
    return Notice(Prepared(row, stored, (to,), (), submission), tuple(owed))


def keep_signed(gate: Gate, head: bytes, body: Body, size: int, signers: Sequence[Signer], now: datetime) -> Content:
    """Sign a notification and make it durable; one that returns a large mail is never held whole. Raises OSError."""
    if size <= IN_ROW:
        return gate.blobs.keep(sign_all(head + b"".join(body()), signers, now))
    signed = sign_all(head, signers, now, body_digest(body) if signers else b"")
    return gate.blobs.put(chain([signed], body()))


def tell_once(gate: Gate, horizon: Horizon, now: datetime) -> bool:
    """Tell what is owed for the next events; True when there are more. Notices and position are one transaction."""
    with gate.database.session() as session:
        horizon_now = horizon.move(mark(session))
        stored = told_until(session)
        after = max(stored, horizon.passed)
        until = min(horizon_now, after + WINDOW)
        if until <= after:
            return False
        owed = find_owed(session, gate.settings, after, until, now)
    if not owed and horizon.pass_over(stored, until):
        return until < horizon_now
    by_message: dict[str, list[Owed]] = {}
    for each in owed:
        by_message.setdefault(each.news.message.id, []).append(each)
    notices = [make_notice(gate, of_one[0].news.message, of_one, now) for of_one in by_message.values()]
    if gate.ledger.write(lambda session: store_notices(session, notices, stored, until, now)) and notices:
        gate.wake()
    return until < horizon_now


def store_notices(session: Session, notices: Sequence[Notice], after: int, until: int, now: datetime) -> bool:
    """Queue the notifications, unless another process has told the same events."""
    if not move_on(session, after, until):
        return False
    for notice in notices:
        notice_id = put(session, notice.prepared, now)
        for each in notice.owed:
            note_told(session, each.news.delivery, each.action, notice.prepared.recipients[0], notice_id, now)
    return True


def telling(gate: Gate, clock: Callable[[], datetime]) -> AbstractAsyncContextManager[None]:
    """Submitters are told while this context is open."""
    horizon = Horizon()

    def work(now: datetime) -> When:
        return tell_once(gate, horizon, now) or (now if horizon.behind else None)

    return rounds(Duty("telling submitters", work, ROUND_SECONDS, gate.ledger, clock))
