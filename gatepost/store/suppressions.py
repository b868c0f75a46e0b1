"""Addresses that are not written to for a while: the proof why, since when, until when, and who took them off."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete
from sqlalchemy import select as core_select
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.codes import explain
from gatepost.model import Delivery, DeliveryEvent, Message, Suppression
from gatepost.reply import Reply
from gatepost.store.events import add_event
from gatepost.store.rows import connection, insert_row
from gatepost.suppression import EXPIRES, REMEMBERED, is_hard, would_suppress
from gatepost.words import DeliveryState

ASKED_AT_ONCE = 500
LOOKED_BACK = 20
SANDBOX = "sandbox"
SUPPRESSIONS: Any = Suppression.__table__  # type: ignore[attr-defined]
AMONG = core_select(SUPPRESSIONS).where(SUPPRESSIONS.c.address.in_(bindparam("asked", expanding=True)))
FORGET = delete(SUPPRESSIONS).where(SUPPRESSIONS.c.address == bindparam("reached"))
FORGIVE = (
    delete(SUPPRESSIONS)
    .where(SUPPRESSIONS.c.address.in_(bindparam("reached", expanding=True)), SUPPRESSIONS.c.source != "person")
    .returning(SUPPRESSIONS.c.address)
)
"""Built once: the hot path runs them for every message and every delivery."""


def suppressed_among(session: Session, addresses: Iterable[str], now: datetime) -> list[Suppression]:
    """Which of these addresses (any writing) are on the list now, by address; for a composer and the door alike."""
    found: list[Suppression] = []
    asked = sorted({address.lower() for address in addresses})
    for at in range(0, len(asked), ASKED_AT_ONCE):
        rows = connection(session).execute(AMONG, {"asked": asked[at : at + ASKED_AT_ONCE]}).mappings()
        found += [Suppression(**row) for row in rows]
    return sorted((row for row in found if is_in_force(row, now)), key=lambda row: row.address)


def is_in_force(row: Suppression, now: datetime) -> bool:
    """Whether an entry has not ended yet."""
    return row.expires_at is None or row.expires_at > now


def sentence(row: Suppression) -> str:
    """What a sender is told instead of sending: since when, why, and the way out."""
    until = f" until {row.expires_at:%Y-%m-%d}" if row.expires_at else ""
    return (
        f"Not sent: {row.address} is on the suppression list since {row.at:%Y-%m-%d}{until}: {row.reason}. "
        "If the address works, remove it on the Suppressions page and send again"
    )


def suppress(
    session: Session,
    address: str,
    reason: str,
    *,
    source: str,
    now: datetime,
    expires_at: datetime | None,
    evidence: str = "",
    delivery_id: str | None = None,
    user_id: str | None = None,
) -> Suppression:
    """Put an address on the list, or renew its entry; a person's entry stays what it is when a failure confirms it."""
    key = address.lower()
    row = session.get(Suppression, key, populate_existing=True)
    if row and row.source == "person" and source != "person" and is_in_force(row, now):
        return row
    session.execute(delete(Suppression).where(col(Suppression.address) == key))
    row = Suppression(
        address=key,
        reason=reason,
        evidence=evidence,
        source=source,
        delivery_id=delivery_id,
        at=now,
        expires_at=expires_at,
    )
    insert_row(session, row)
    data = {"address": key, "reason": reason, "source": source, "expires_at": expires_at and expires_at.isoformat()}
    add_event(session, "suppression.added", now=now, delivery_id=delivery_id, user_id=user_id, data=data)
    return row


def unsuppress(session: Session, address: str, why: str, now: datetime, user_id: str | None = None) -> bool:
    """Take an address off the list because a person says so; False when it was not on it."""
    if not connection(session).execute(FORGET, {"reached": address.lower()}).rowcount:
        return False
    tell_taken_off(session, address.lower(), why, now, user_id)
    return True


def forgive_all(session: Session, addresses: Iterable[str], now: datetime) -> None:
    """Take addresses off the list because they took a mail, unless a person had put them there."""
    reached = sorted({address.lower() for address in addresses})
    if not reached:
        return
    gone = connection(session).execute(FORGIVE, {"reached": reached}).scalars().all()
    for address in gone:
        tell_taken_off(session, address, "A mail was accepted there", now, None)


def tell_taken_off(session: Session, address: str, why: str, now: datetime, user_id: str | None) -> None:
    add_event(session, "suppression.removed", now=now, user_id=user_id, data={"address": address, "why": why})


def count_failure(
    session: Session, delivery_id: str, recipient: str, reply: Reply, source: str, now: datetime
) -> tuple[bool, str]:
    """Weigh a permanent failure against its address, in the caller's transaction: whether it is suppressed, and why."""
    hard, why = is_hard(reply)
    if not hard:
        return False, why
    earlier = hard_failures(session, recipient, delivery_id, now)
    suppressed, why = would_suppress(reply, source, earlier)
    if suppressed:
        suppress(
            session,
            recipient,
            explain(reply, recipient).reason,
            source=source,
            now=now,
            expires_at=now + EXPIRES,
            evidence=f"{reply} ({why})",
            delivery_id=delivery_id,
        )
    return suppressed, why


def hard_failures(session: Session, recipient: str, delivery_id: str, now: datetime) -> int:
    """How many proven hard failures other mail to an address had in the last 30 days, since it last took one.

    What the sandbox answered proves nothing.
    """
    written = and_(col(Delivery.recipient).in_((recipient, recipient.lower())), Delivery.route != SANDBOX)
    newest = select(Delivery.id).where(written).order_by(col(Delivery.id).desc()).limit(LOOKED_BACK)
    others = select(newest.subquery().c.id)
    history = (
        select(DeliveryEvent)
        .where(col(DeliveryEvent.delivery_id).in_(others), DeliveryEvent.delivery_id != delivery_id)
        .where(col(DeliveryEvent.at) > now - REMEMBERED)
        .order_by(col(DeliveryEvent.at).desc(), col(DeliveryEvent.id).desc())
    )
    failed: set[str] = set()
    for event in session.exec(history):
        if event.state == DeliveryState.DELIVERED:
            break
        reply = Reply(event.code, event.status, event.text)
        if would_suppress(reply, event.source, LOOKED_BACK)[0]:
            failed.add(event.delivery_id)
    return len(failed)


def list_suppressions(session: Session, text: str = "", offset: int = 0, limit: int = 50) -> Sequence[Suppression]:
    """The list, newest first, with those that have ended but were not removed; `text` is looked for in the address."""
    query = select(Suppression)
    if text:
        query = query.where(col(Suppression.address).contains(text.lower(), autoescape=True))
    order = (col(Suppression.at).desc(), col(Suppression.address))
    return session.exec(query.order_by(*order).offset(offset).limit(limit)).all()


def count_suppressions(session: Session, now: datetime) -> int:
    """How many addresses are on the list now."""
    lasting = or_(col(Suppression.expires_at).is_(None), col(Suppression.expires_at) > now)
    return session.exec(select(func.count()).select_from(Suppression).where(lasting)).one()


def suppressed_for(session: Session, credential_id: str, now: datetime, limit: int = 1000) -> list[Suppression]:
    """The suppressed recipients of a credential's mail, by address; at most 1,000."""
    own = select(Message.id).where(Message.credential_id == credential_id)
    written = select(func.lower(col(Delivery.recipient))).where(col(Delivery.message_id).in_(own))
    query = select(Suppression).where(col(Suppression.address).in_(written)).order_by(Suppression.address)
    return [row for row in session.exec(query.limit(limit)) if is_in_force(row, now)]
