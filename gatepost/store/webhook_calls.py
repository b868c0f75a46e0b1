"""Calls of webhooks: one per event and webhook, claimed by lease with a fence, and kept as the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, or_, select

from gatepost.ids import new_id
from gatepost.model import Conversation, Event, Message, Webhook, WebhookCall
from gatepost.store.events import events_after
from gatepost.store.rows import insert_rows
from gatepost.store.webhooks import WAITING, disable_webhook
from gatepost.webhook_payload import TEST, is_wanted, payload_of, thread_of

EVENTS_AT_ONCE = 200
MANY_FAILURES = 20
LOG_KEPT = timedelta(days=30)
PRUNED_AT_ONCE = 1000
EARLIER = aliased(WebhookCall)


@dataclass(frozen=True, slots=True)
class CallClaim:
    """A call that this process may make until its lease ends; a later fence makes its result void."""

    id: str
    webhook_id: str
    url: str
    secret_sealed: bytes
    old_secret_sealed: bytes | None
    seq: int
    payload: dict[str, Any]
    attempts: int
    fence: int


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of one attempt: the new state, the HTTP status if any, what was answered, when it is tried again."""

    state: str
    code: int | None
    answer: str
    next_attempt_at: datetime | None = None
    disable: str = ""


def has_work(session: Session, horizon: int, now: datetime) -> bool:
    """Whether an enabled webhook has unread events, or a call that is due."""
    open_ones = col(Webhook.disabled_at).is_(None)
    if session.exec(select(Webhook.id).where(open_ones, col(Webhook.position) < horizon).limit(1)).first():
        return True
    due = select(WebhookCall.id).join(Webhook, col(Webhook.id) == col(WebhookCall.webhook_id))
    return session.exec(due.where(open_ones, *is_due(now)).limit(1)).first() is not None


def next_call(session: Session) -> datetime | None:
    """When the next call of an enabled webhook is due, or was, where it is under way; None where none waits."""
    time = col(WebhookCall.next_attempt_at)
    query = select(time).join(Webhook, col(Webhook.id) == col(WebhookCall.webhook_id))
    query = query.where(col(Webhook.disabled_at).is_(None), time.is_not(None)).order_by(time).limit(1)
    first = [session.exec(query.where(WebhookCall.state == state)).first() for state in WAITING]
    return min(filter(None, first), default=None)


def is_due(now: datetime) -> tuple[Any, ...]:
    return (
        col(WebhookCall.state).in_(WAITING),
        col(WebhookCall.next_attempt_at) <= now,
        or_(col(WebhookCall.lease_until).is_(None), col(WebhookCall.lease_until) <= now),
    )


def put_calls(session: Session, horizon: int, now: datetime) -> int:
    """Read the next events of every enabled webhook up to the horizon into calls; how many events were read."""
    query = select(Webhook).where(col(Webhook.disabled_at).is_(None), col(Webhook.position) < horizon)
    read = 0
    for webhook in session.exec(query.with_for_update(skip_locked=True)).all():
        events = [row for row in events_after(session, webhook.position, EVENTS_AT_ONCE) if (row.seq or 0) <= horizon]
        heard = [event for event in events if hears(webhook, event)]
        if webhook.credential_id:
            heard = of_credential(session, webhook.credential_id, heard)
        insert_rows(session, [call_of(webhook, event, now) for event in heard])
        webhook.position = events[-1].seq or webhook.position if events else webhook.position
        read += len(events)
    return read


def hears(webhook: Webhook, event: Event) -> bool:
    """Whether this kind of event is for this webhook; nobody is told of imported mail."""
    if event.data.get("inlet") == "import":
        return False
    if event.kind == TEST:
        return event.data.get("webhook") == webhook.id
    return is_wanted(event.kind, webhook.kinds)


def of_credential(session: Session, credential_id: str, events: Sequence[Event]) -> list[Event]:
    """The events about a credential's own messages and the conversations that answer them, and tests."""
    messages = {event.message_id for event in events if event.message_id}
    conversations = {event.conversation_id for event in events if event.conversation_id}
    own_messages = set(
        session.exec(
            select(Message.id).where(col(Message.id).in_(messages), Message.credential_id == credential_id)
        ).all()
    )
    own_conversations = set(
        session.exec(
            select(Conversation.id).where(
                col(Conversation.id).in_(conversations), Conversation.credential_id == credential_id
            )
        ).all()
    )
    return [
        event
        for event in events
        if event.kind == TEST or event.message_id in own_messages or event.conversation_id in own_conversations
    ]


def call_of(webhook: Webhook, event: Event, now: datetime) -> WebhookCall:
    """One event for one webhook, due at once."""
    return WebhookCall(
        id=new_id("whc"),
        webhook_id=webhook.id,
        seq=event.seq or 0,
        kind=event.kind,
        thread=thread_of(event),
        payload=payload_of(event),
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )


def claim_calls(session: Session, at_once: int, lease: timedelta, now: datetime) -> list[CallClaim]:
    """Take due calls, at most `at_once` of a webhook and one of a failing webhook; none overtakes its thread."""
    webhooks = session.exec(select(Webhook).where(col(Webhook.disabled_at).is_(None))).all()
    claims: list[CallClaim] = []
    for webhook in webhooks:
        claims += claim_of_webhook(session, webhook, 1 if webhook.failures else at_once, lease, now)
    return claims


def claim_of_webhook(
    session: Session, webhook: Webhook, at_once: int, lease: timedelta, now: datetime
) -> list[CallClaim]:
    """The due calls of one webhook."""
    under_way = session.exec(
        select(func.count())
        .select_from(WebhookCall)
        .where(WebhookCall.webhook_id == webhook.id, col(WebhookCall.state).in_(WAITING))
        .where(col(WebhookCall.lease_until) > now)
    ).one()
    earlier = (
        select(col(EARLIER.id))
        .where(
            col(EARLIER.webhook_id) == col(WebhookCall.webhook_id),
            col(EARLIER.thread) == col(WebhookCall.thread),
            col(EARLIER.seq) < col(WebhookCall.seq),
            col(EARLIER.state).in_(WAITING),
        )
        .exists()
    )
    rows = session.exec(
        select(WebhookCall)
        .where(WebhookCall.webhook_id == webhook.id, *is_due(now), ~earlier)
        .order_by(col(WebhookCall.seq))
        .limit(max(at_once - under_way, 0))
        .with_for_update(skip_locked=True, of=WebhookCall)
    ).all()
    return [take(webhook, row, now + lease) for row in rows]


def take(webhook: Webhook, call: WebhookCall, until: datetime) -> CallClaim:
    call.lease_until = until
    call.fence += 1
    return CallClaim(
        call.id,
        webhook.id,
        webhook.url,
        webhook.secret_sealed,
        webhook.old_secret_sealed,
        call.seq,
        call.payload,
        call.attempts,
        call.fence,
    )


def record_call(session: Session, claim: CallClaim, result: CallResult, now: datetime) -> bool:
    """Write what came of a call; False when its lease was lost, or it was deleted meanwhile."""
    call = session.get(WebhookCall, claim.id, populate_existing=True)
    webhook = session.get(Webhook, claim.webhook_id, populate_existing=True)
    if call is None or webhook is None or call.fence != claim.fence or call.state not in WAITING:
        return False
    call.state, call.code, call.answer = result.state, result.code, result.answer
    call.attempts, call.lease_until = claim.attempts + 1, None
    call.next_attempt_at, call.updated_at = result.next_attempt_at, now
    webhook.failures = 0 if result.state == "delivered" else webhook.failures + 1
    why = result.disable or why_disable(webhook, result)
    if why and webhook.disabled_at is None:
        disable_webhook(session, webhook, why, now)
    return True


def why_disable(webhook: Webhook, result: CallResult) -> str:
    """Why a webhook is switched off after this failure; empty when it is not."""
    if result.state != "failed" or webhook.failures < MANY_FAILURES:
        return ""
    return f"A call was tried for two days and the last {webhook.failures} attempts all failed: {result.answer}"


def calls_of(session: Session, webhook_id: str, *, limit: int = 50, before: str | None = None) -> Sequence[WebhookCall]:
    """A webhook's log, the latest first; `before` is the id of the last call on the page above."""
    query = select(WebhookCall).where(WebhookCall.webhook_id == webhook_id).order_by(col(WebhookCall.id).desc())
    return session.exec((query.where(col(WebhookCall.id) < before) if before else query).limit(limit)).all()


def replay_call(session: Session, webhook_id: str, call_id: str, now: datetime) -> WebhookCall | None:
    """Make a call once more, with the same event id; None when it is not one of this webhook."""
    call = session.get(WebhookCall, call_id)
    if call is None or call.webhook_id != webhook_id:
        return None
    call.state, call.attempts, call.lease_until = "queued", 0, None
    call.next_attempt_at, call.updated_at = now, now
    call.fence += 1
    return call


def prune_calls(session: Session, now: datetime) -> None:
    """Forget calls that ended 30 days ago, a thousand at a time."""
    old = select(WebhookCall.id).where(
        col(WebhookCall.state).not_in(WAITING), col(WebhookCall.updated_at) < now - LOG_KEPT
    )
    session.execute(delete(WebhookCall).where(col(WebhookCall.id).in_(old.limit(PRUNED_AT_ONCE))))
