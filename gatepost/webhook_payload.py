"""What a webhook is told of an event: which kinds there are to hear, and the payload. No bodies, no subjects."""

import re
from collections.abc import Sequence
from typing import Any

from gatepost.codes import explain
from gatepost.model import Event
from gatepost.reply import Reply, read_reply

HEARD = (
    "message.",
    "delivery.",
    "conversation.",
    "report.",
    "account.",
    "domain.",
    "suppression.",
    "sender.",
    "expiry.",
)
"""Beginnings of the kinds that webhooks may hear; logins and the like are for nobody outside."""

TEST = "webhook.test"
KIND = re.compile(r"[a-z]{1,30}(?:\.[a-z_]{1,30}|\.\*)")
KINDS_LIMIT = 50
CODE = re.compile(r"([2-5]\d\d)(?: |$)")
TOLD = (
    *("recipient", "remote_host", "trigger", "recipients", "why", "state", "source", "domain", "address"),
    *("account", "next", "missing", "provider", "accounts", "what", "name", "days", "ends_at"),
)
VALUE_LIMIT = 2048


def read_kinds(entries: Sequence[str]) -> list[str]:
    """The kinds that a webhook wants, such as `delivery.failed` or `delivery.*`. Raises ValueError."""
    found = list(dict.fromkeys(entry.strip() for entry in entries if entry.strip()))
    if len(found) > KINDS_LIMIT:
        raise ValueError(f"name at most {KINDS_LIMIT} kinds of events")
    for kind in found:
        if not KIND.fullmatch(kind) or not kind.startswith(HEARD):
            raise ValueError(
                f"{kind[:60]!r} is no kind of event that can be heard: write delivery.failed or delivery.*"
            )
    return found


def is_wanted(kind: str, kinds: Sequence[str]) -> bool:
    """Whether a kind of event fits the list of a webhook; an empty list wants all that can be heard."""
    if not kind.startswith(HEARD):
        return False
    return not kinds or kind in kinds or f"{kind.partition('.')[0]}.*" in kinds


def event_id(seq: int) -> str:
    """The name of an event, the same in every attempt and for every webhook."""
    return f"evt_{seq}"


def thread_of(event: Event) -> str:
    """What keeps its order: the conversation, else the message, else the event alone."""
    return event.conversation_id or event.message_id or event_id(event.seq or 0)


def payload_of(event: Event) -> dict[str, Any]:
    """The body of a call: type, timestamp (RFC 3339) and data with ids, recipient, reply and its explanation."""
    data: dict[str, Any] = {"id": event_id(event.seq or 0)}
    for name in ("message_id", "delivery_id", "conversation_id", "channel_id"):
        if value := getattr(event, name):
            data[name] = value
    data |= {name: short(event.data[name]) for name in TOLD if event.data.get(name) not in (None, "")}
    if reply := read_said(str(event.data.get("reply") or "")):
        meaning = explain(reply, str(event.data.get("recipient") or ""))
        data["reply"] = {"code": reply.code, "status": reply.status, "text": reply.text}
        data["explanation"] = {
            "reason": meaning.reason,
            "advice": meaning.advice,
            "who": meaning.who,
            "retryable": meaning.retryable,
        }
    return {"type": event.kind, "timestamp": event.at.isoformat().replace("+00:00", "Z"), "data": data}


def read_said(text: str) -> Reply | None:
    """The Reply whose str() this is; None for nothing."""
    if not text:
        return None
    found = CODE.match(text)
    rest = read_reply(0, text[found.end() :] if found else text)
    return Reply(int(found[1]) if found else None, rest.status, rest.text)


def short(value: Any) -> Any:
    """A value that a receiver can take: numbers as they are, text of limited length."""
    return value if isinstance(value, int | float) else str(value)[:VALUE_LIMIT]
