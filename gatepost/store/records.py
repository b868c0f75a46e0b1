"""Writing what came of attempts to send, those of many deliveries in a handful of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, union_all, update
from sqlmodel import Session

from gatepost.ids import new_id
from gatepost.model import Conversation, Delivery, DeliveryEvent, Message, Transcript
from gatepost.store.deliveries import Claim, Result, announce, learn
from gatepost.store.events import add_events, event_values
from gatepost.store.many import execute_many
from gatepost.store.rows import connection, insert_values
from gatepost.store.suppressions import SANDBOX, forgive_all
from gatepost.words import DeliveryState

DELIVERIES: Any = Delivery.__table__  # type: ignore[attr-defined]
CONVERSATIONS: Any = Conversation.__table__  # type: ignore[attr-defined]
MESSAGES: Any = Message.__table__  # type: ignore[attr-defined]
HELD = (
    select(DELIVERIES.c.id, DELIVERIES.c.fence)
    .where(DELIVERIES.c.id.in_(bindparam("ids", expanding=True)), DELIVERIES.c.state == DeliveryState.SENDING)
    .with_for_update()
)
RECORD = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("its_id"))
    .values(
        state=bindparam("its_state"),
        attempts=bindparam("its_attempts"),
        lease_until=None,
        next_attempt_at=bindparam("due"),
        code=bindparam("its_code"),
        status=bindparam("its_status"),
        text=bindparam("its_text"),
        remote_host=bindparam("host"),
        route=bindparam("way"),
        updated_at=bindparam("now"),
    )
)
SHOWN = union_all(
    select(MESSAGES.c.id).where(
        MESSAGES.c.id.in_(bindparam("messages", expanding=True)), MESSAGES.c.conversation_id.is_not(None)
    ),
    select(CONVERSATIONS.c.origin_id).where(CONVERSATIONS.c.origin_id.in_(bindparam("messages", expanding=True))),
)
"""Built once: building them for every answer costs more than running them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt, to be written."""

    claim: Claim
    result: Result
    now: datetime


def record_replies(session: Session, answers: Sequence[Answer]) -> list[bool]:
    """Write what came of attempts, in order; False for each whose lease another process has: its result holds."""
    ids = [answer.claim.delivery_id for answer in answers]
    fences = {row[0]: row[1] for row in connection(session).execute(HELD, {"ids": ids})}
    holds = [fences.get(answer.claim.delivery_id) == answer.claim.fence for answer in answers]
    held = [answer for answer, hold in zip(answers, holds, strict=True) if hold]
    if held:
        execute_many(connection(session), RECORD, [record_values(answer) for answer in held])
        add_history(session, held)
        announce_all(session, held)
        learn_all(session, held)
    return holds


def record_values(answer: Answer) -> dict[str, Any]:
    taken, result = answer.claim, answer.result
    return {
        "its_id": taken.delivery_id,
        "its_state": result.state,
        "its_attempts": taken.attempts + 1,
        "due": result.next_attempt_at,
        "its_code": result.reply.code,
        "its_status": result.reply.status,
        "its_text": result.reply.text,
        "host": result.remote_host,
        "way": result.route,
        "now": answer.now,
    }


def add_history(session: Session, answers: Sequence[Answer]) -> None:
    """Append to the deliveries' histories, with what was said."""
    lines = [(new_id("dev"), answer) for answer in answers]
    insert_values(session, DeliveryEvent, [history_values(event_id, answer) for event_id, answer in lines])
    said = [
        {"event_id": event_id, "text": answer.result.transcript, "at": answer.now}
        for event_id, answer in lines
        if answer.result.transcript
    ]
    if said:
        insert_values(session, Transcript, said)


def history_values(event_id: str, answer: Answer) -> dict[str, Any]:
    result = answer.result
    return {
        "id": event_id,
        "delivery_id": answer.claim.delivery_id,
        "at": answer.now,
        "state": result.state,
        "source": "dialogue",
        "attempt": answer.claim.attempts + 1,
        "code": result.reply.code,
        "status": result.reply.status,
        "text": result.reply.text,
        "remote_host": result.remote_host,
        "next_attempt_at": result.next_attempt_at,
    }


def announce_all(session: Session, answers: Sequence[Answer]) -> None:
    """Tell everybody who listens; a message that a conversation shows is told there too, one by one."""
    messages = list({answer.claim.message_id for answer in answers})
    shown = set(connection(session).execute(SHOWN, {"messages": messages}).scalars())
    add_events(session, [told(answer) for answer in answers if answer.claim.message_id not in shown])
    for answer in answers:
        taken = answer.claim
        if taken.message_id in shown:
            announce(
                session,
                taken.delivery_id,
                taken.message_id,
                taken.recipient,
                answer.result,
                answer.now,
                **passed_on(answer),
            )


def told(answer: Answer) -> dict[str, Any]:
    taken, result = answer.claim, answer.result
    return event_values(
        f"delivery.{result.state}",
        now=answer.now,
        message_id=taken.message_id,
        delivery_id=taken.delivery_id,
        data={
            "recipient": taken.recipient,
            "reply": str(result.reply),
            "remote_host": result.remote_host,
            **passed_on(answer),
        },
    )


def passed_on(answer: Answer) -> Mapping[str, str]:
    """Whether the next server tells of a success, which we then need not (RFC 3461 section 6.2)."""
    return {"dsn": "told on"} if answer.result.told_on else {}


def learn_all(session: Session, answers: Sequence[Answer]) -> None:
    """Let a success speak for its address and a permanent failure against it; what the sandbox says does neither."""
    reached = [
        answer.claim.recipient
        for answer in answers
        if answer.result.state == DeliveryState.DELIVERED and answer.result.route != SANDBOX
    ]
    forgive_all(session, reached, answers[0].now)
    for answer in answers:
        if answer.result.state == DeliveryState.FAILED:
            taken = answer.claim
            learn(session, taken.delivery_id, taken.recipient, answer.result, "dialogue", answer.now)
