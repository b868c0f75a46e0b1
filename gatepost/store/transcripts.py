"""What was said in each attempt, kept 30 days beside the history of its delivery."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from gatepost.model import Delivery, DeliveryEvent, Transcript
from gatepost.store.rows import insert_values

KEPT = timedelta(days=30)
PRUNED_AT_ONCE = 1000


def put_transcript(session: Session, event_id: str, text: str, now: datetime) -> None:
    """Keep the transcript of one attempt."""
    insert_values(session, Transcript, [{"event_id": event_id, "text": text, "at": now}])


def transcripts_of(session: Session, delivery_id: str) -> dict[str, str]:
    """The transcripts of a delivery's attempts, by the id of their DeliveryEvent."""
    query = select(Transcript.event_id, Transcript.text).join(
        DeliveryEvent, col(DeliveryEvent.id) == col(Transcript.event_id)
    )
    return dict(session.exec(query.where(DeliveryEvent.delivery_id == delivery_id)).all())


def transcripts_of_message(session: Session, message_id: str) -> dict[str, str]:
    """The transcripts of all of a message's deliveries, by the id of their DeliveryEvent."""
    query = (
        select(Transcript.event_id, Transcript.text)
        .join(DeliveryEvent, col(DeliveryEvent.id) == col(Transcript.event_id))
        .join(Delivery, col(Delivery.id) == col(DeliveryEvent.delivery_id))
    )
    return dict(session.exec(query.where(Delivery.message_id == message_id)).all())


def prune_transcripts(session: Session, now: datetime) -> None:
    """Forget those that are 30 days old, a thousand at a time."""
    old = select(Transcript.event_id).where(col(Transcript.at) < now - KEPT).limit(PRUNED_AT_ONCE)
    session.execute(delete(Transcript).where(col(Transcript.event_id).in_(old)))
