"""Every event that code can leave has words; a kind that is added without them fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

from gatepost.web.looks import DELIVERY, EVENTS, event_look

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("gatepost/store", "gateway", "threading", "connectors", "web")
KINDS: tuple[str, ...] = (
    "account",
    "conversation",
    "delivery",
    "domain",
    "dsn",
    "message",
    "note",
    "route",
    "sender",
    "stream",
)
KINDS += ("suppression", "unsubscribe", "user", "webhook")


def kinds() -> Iterator[str]:
    """The kinds in calls of `add_event`, and constants that look like one in the modules that call it."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "add_event" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and looks_like(node.value):
                    yield node.value


def looks_like(text: str) -> bool:
    family, dot, rest = text.partition(".")
    return bool(dot) and family in KINDS and rest.isidentifier() and rest not in ("id", "html")


def test_every_kind_that_code_leaves_has_words() -> None:
    found = set(kinds())
    assert {"webhook.disabled", "suppression.added", "message.queued", "note.added"} <= found
    named = {kind for kind in found if kind in EVENTS or kind.removeprefix("delivery.") in list(DELIVERY)}
    assert found - named == set()
    assert {"dsn.sent", "delivery.retried", "delivery.released", "delivery.readdressed"} <= set(EVENTS)


def test_a_kind_of_a_later_version_is_shown_as_it_is() -> None:
    assert event_look("moon.landed").label == "Moon landed"
    assert event_look("dsn.sent").label == "Sending system notified"
    assert event_look("delivery.failed").label == "Failed"
