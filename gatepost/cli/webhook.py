"""`gatepost webhook`: where systems are told of events, and the log of what they were told."""

from collections.abc import Sequence
from typing import Any

from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say
from gatepost.gateway.webhooks import check_url
from gatepost.model import Webhook, WebhookCall
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import webhook_calls, webhooks
from gatepost.store.credentials import list_credentials
from gatepost.webhook_payload import event_id, read_kinds


def add(settings: Settings, url: str, kinds: Sequence[str], credential: str, as_json: bool) -> None:
    """Make a webhook and show its secret once."""
    with naming(f"URL {url}"):
        checked = check_url(url, settings.private_hosts)
    with naming("--kind"):
        wanted = read_kinds(kinds)
    with opened(settings) as parts:
        owner = credential_id(parts, credential) if credential else None
        row, secret = parts.ledger.write(
            lambda s: webhooks.create_webhook(
                s, parts.keys, url=checked, kinds=wanted, credential_id=owner, now=clock()
            )
        )
    if as_json:
        print_object(row_of(row) | {"secret": secret})
    else:
        say(f"Webhook {row.id} calls {checked}. Its secret is shown only now: {secret}")


def credential_id(parts: Parts, name: str) -> str:
    """The credential of this name or id. Raises BadInput."""
    with parts.database.session() as session:
        found = next((row.id for row in list_credentials(session) if name in (row.id, row.name, row.username)), None)
    if found is None:
        raise BadInput(f"--credential {name}: there is none; `gatepost credential list` shows them")
    return found


def row_of(row: Webhook) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "kinds": ",".join(row.kinds) or "all",
        "credential": row.credential_id or "",
        "failures": row.failures,
        "disabled": row.disabled_why,
        "created": row.created_at,
    }


def list_all(settings: Settings, as_json: bool) -> None:
    """All webhooks."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [row_of(row) for row in webhooks.list_webhooks(session)]
    print_rows(rows, as_json, "There is no webhook; `gatepost webhook add URL` makes one.")


def known(parts: Parts, webhook_id: str) -> Webhook:
    """The webhook of this id. Raises BadInput."""
    with parts.database.session() as session:
        row = webhooks.get_webhook(session, webhook_id)
    if row is None:
        raise BadInput(f"ID {webhook_id}: there is no such webhook; `gatepost webhook list` shows them")
    return row


def remove(settings: Settings, webhook_id: str, as_json: bool) -> None:
    """Delete a webhook with its log."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        parts.ledger.write(lambda s: webhooks.delete_webhook(s, row.id))
    if as_json:
        print_object({"id": row.id, "removed": True})
    else:
        say(f"Webhook {row.id} is gone; {row.url} is called no more.")


def send_test(settings: Settings, webhook_id: str, as_json: bool) -> None:
    """Queue a test event for a webhook."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        parts.ledger.write(lambda s: webhooks.send_test(s, row, clock()))
    if as_json:
        print_object({"id": row.id, "queued": "webhook.test"})
    else:
        say(f"A test is queued; `gatepost serve` sends it and `gatepost webhook log {row.id}` shows the answer.")


def enable(settings: Settings, webhook_id: str, as_json: bool) -> None:
    """Switch a webhook on again."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        parts.ledger.write(lambda s: webhooks.enable_webhook(s, row.id, clock()))
    if as_json:
        print_object({"id": row.id, "enabled": True})
    else:
        say(f"Webhook {row.id} is on; what happened meanwhile is sent now.")


def rotate(settings: Settings, webhook_id: str, finish: bool, as_json: bool) -> None:
    """Make a new secret beside the old one, or with `finish` forget the old one."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        if finish:
            parts.ledger.write(lambda s: webhooks.forget_old_secret(s, row.id))
            secret = None
        else:
            secret = parts.ledger.write(lambda s: webhooks.rotate_secret(s, parts.keys, row.id))
    if as_json:
        print_object({"id": row.id, "secret": secret, "finished": finish})
    elif finish:
        say(f"Only the new secret signs the calls of {row.id} now.")
    else:
        say(f"New secret, shown only now: {secret}. Both sign until `gatepost webhook rotate {row.id} --finish`.")


def show_log(settings: Settings, webhook_id: str, limit: int, as_json: bool) -> None:
    """The latest calls of a webhook, newest first."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        with parts.database.session() as session:
            rows = [call_row(each, as_json) for each in webhook_calls.calls_of(session, row.id, limit=limit)]
    print_rows(rows, as_json, "This webhook was not called yet.")


def call_row(row: WebhookCall, as_json: bool) -> dict[str, Any]:
    shown = {
        "id": row.id,
        "event": event_id(row.seq),
        "kind": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "code": row.code,
        "next": row.next_attempt_at,
        "answer": row.answer,
    }
    return shown | {"payload": row.payload} if as_json else shown


def replay(settings: Settings, webhook_id: str, call_id: str, as_json: bool) -> None:
    """Make one call once more."""
    with opened(settings) as parts:
        row = known(parts, webhook_id)
        again = parts.ledger.write(lambda s: webhook_calls.replay_call(s, row.id, call_id, clock()))
    if again is None:
        raise BadInput(f"CALL {call_id}: this webhook has no such call; `gatepost webhook log {row.id}` shows them")
    if as_json:
        print_object(call_row(again, as_json))
    else:
        say(f"{event_id(again.seq)} is sent again.")
