"""Webhooks: where systems want to hear of events, with their sealed secrets."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Webhook, WebhookCall
from gatepost.seal import Keys, seal
from gatepost.store.events import add_event, last_seq
from gatepost.webhook_payload import TEST

WAITING = ("queued", "delayed")
"""States of a call that is still to be made; the others are `delivered` and `failed`."""

PREFIX = "whsec_"


def create_webhook(
    session: Session, keys: Keys, *, url: str, kinds: Sequence[str], credential_id: str | None, now: datetime
) -> tuple[Webhook, str]:
    """A webhook that hears what happens from now on, and its secret, `whsec_` and base64, which is shown once."""
    webhook_id = new_id("whk")
    secret = new_secret()
    webhook = Webhook(
        id=webhook_id,
        url=url,
        secret_sealed=seal(keys, secret_place(webhook_id), secret.encode()),
        kinds=list(kinds),
        credential_id=credential_id,
        position=last_seq(session),
        created_at=now,
    )
    session.add(webhook)
    session.flush()
    return webhook, secret


def new_secret() -> str:
    """256 bit, as Standard Webhooks writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_place(webhook_id: str) -> str:
    """What the secret is sealed for; an old one is sealed for the same place."""
    return f"webhook.secret:{webhook_id}"


def rotate_secret(session: Session, keys: Keys, webhook_id: str) -> str | None:
    """A new secret; calls carry signatures by both until `forget_old_secret`. None for an unknown webhook."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None:
        return None
    secret = new_secret()
    webhook.old_secret_sealed = webhook.secret_sealed
    webhook.secret_sealed = seal(keys, secret_place(webhook_id), secret.encode())
    return secret


def forget_old_secret(session: Session, webhook_id: str) -> None:
    """The end of a rotation: only the new secret signs."""
    session.execute(update(Webhook).where(col(Webhook.id) == webhook_id).values(old_secret_sealed=None))


def get_webhook(session: Session, webhook_id: str) -> Webhook | None:
    """A webhook by its id."""
    return session.get(Webhook, webhook_id)


def list_webhooks(session: Session, credential_id: str | None = None) -> Sequence[Webhook]:
    """All webhooks, or those of one credential, oldest first."""
    query = select(Webhook).order_by(Webhook.id)
    return session.exec(query.where(Webhook.credential_id == credential_id) if credential_id else query).all()


def delete_webhook(session: Session, webhook_id: str) -> bool:
    """Delete a webhook with its calls; False for an unknown one."""
    session.execute(delete(WebhookCall).where(col(WebhookCall.webhook_id) == webhook_id))
    gone: Any = session.execute(delete(Webhook).where(col(Webhook.id) == webhook_id))
    return bool(gone.rowcount)


def enable_webhook(session: Session, webhook_id: str, now: datetime) -> None:
    """Switch a webhook on again; it then hears what happened meanwhile."""
    values = {"disabled_at": None, "disabled_why": "", "failures": 0}
    session.execute(update(Webhook).where(col(Webhook.id) == webhook_id).values(values))
    waiting = and_(col(WebhookCall.webhook_id) == webhook_id, col(WebhookCall.state).in_(WAITING))
    session.execute(update(WebhookCall).where(waiting).values(next_attempt_at=now, attempts=0))


def disable_webhook(session: Session, webhook: Webhook, why: str, now: datetime) -> None:
    """Switch a webhook off and say so in the history; its calls wait until somebody enables it."""
    webhook.disabled_at, webhook.disabled_why = now, why
    add_event(session, "webhook.disabled", now=now, data={"webhook": webhook.id, "url": webhook.url, "why": why})


def send_test(session: Session, webhook: Webhook, now: datetime) -> None:
    """An event that only this webhook hears."""
    add_event(session, TEST, now=now, data={"webhook": webhook.id, "why": "Somebody asked for a test"})
