"""The fields of delivery status and feedback parts (RFC 3464 section 2, RFC 6533, RFC 5965 section 3)."""

import re
from dataclasses import dataclass

from gatepost.reply import clean_text

ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
ACTION_WORDS = {
    "failure": "failed",
    "fail": "failed",
    "error": "failed",
    "delay": "delayed",
    "deliverable": "delivered",
}
"""What some servers write instead of the actions of RFC 3464."""
GROUP_LIMIT = 1000
LINE_LIMIT = 20000
VALUE_LIMIT = 4096
ADDRESS = re.compile(r"[^\s<>\"(),;:\[\]]{1,200}@[^\s<>\"(),;:@]{1,254}")
QUOTED_ADDRESS = re.compile(r"\"[^\"\r\n]{1,200}\"@[^\s<>\"(),;:@]{1,254}")
STATUS = re.compile(r"\s{0,20}([245])[. ](\d{1,3})[. ](\d{1,3})")
ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
RECIPIENT_FIELDS = (
    "final-recipient",
    "x-actual-recipient",
    "original-recipient",
    "original-rcpt-to",
    "removal-recipient",
)


@dataclass(frozen=True, slots=True)
class Fields:
    """One per-recipient group; `address` as submitted ("" if none can be read), `original` its other name.

    `diagnostic` is without its type, `remote` the server that answered, `lines` are the fields as they were read.
    """

    address: str
    original: str | None
    action: str
    status: str | None
    diagnostic: str
    remote: str = ""
    lines: tuple[str, ...] = ()


def read_fields(text: str) -> list[Fields]:
    """All groups with a recipient field; blank lines or a repeated Final-Recipient set them apart."""
    groups: list[Fields] = []
    current: dict[str, str] = {}
    name = ""
    for line in text.splitlines()[:LINE_LIMIT]:
        if not line.strip():
            name = ""
            _finish(current, groups)
            continue
        if line[0] in " \t":
            if name:
                current[name] = f"{current[name]} {line.strip()}"[:VALUE_LIMIT]
            continue
        field, colon, value = line.partition(":")
        name = field.strip().lower() if colon and len(field) < 80 else ""
        if name == "final-recipient" and name in current:
            _finish(current, groups)
        if name and name not in current:
            current[name] = value.strip()[:VALUE_LIMIT]
        elif name:
            name = ""
    _finish(current, groups)
    return groups[:GROUP_LIMIT]


def _finish(current: dict[str, str], groups: list[Fields]) -> None:
    """Turn the collected fields into a group when they name a recipient, and forget them."""
    if not any(name in current for name in RECIPIENT_FIELDS):
        current.clear()
        return
    named = [read_address(current[name]) for name in RECIPIENT_FIELDS if name in current]
    known = [address for address in named if address]
    original = read_address(current.get("original-recipient", "")) or None
    found = STATUS.match(current.get("status", ""))
    action = current.get("action", "").split("(")[0].split(";")[0].strip().lower()
    diagnostic = clean_text(_without_type(current.get("diagnostic-code", "") or current.get("x-diagnostic-code", "")))
    address = original or next(iter(known), "")
    groups.append(
        Fields(
            address,
            next((name for name in known if name.lower() != address.lower()), None),
            ACTION_WORDS.get(action, action),
            ".".join(found.groups()) if found else None,
            diagnostic,
            clean_text(_without_type(current.get("remote-mta", "")))[:255],
            tuple(f"{name.title()}: {value}"[:1000] for name, value in current.items())[:12],
        )
    )
    current.clear()


def _without_type(value: str) -> str:
    """`smtp; 550 ...` without the type of RFC 3464 section 2.3.6."""
    head, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and len(head) < 30 and " " not in head.strip() else value.strip()


def read_address(value: str) -> str:
    """The address of `rfc822; a@b`, `utf-8; ...` (RFC 6533 section 3, escapes resolved) or a bare one; else ""."""
    value = ESCAPE.sub(lambda found: _character(found[1]), value[:VALUE_LIMIT])
    kind, semicolon, rest = value.partition(";")
    found = QUOTED_ADDRESS.search(rest if semicolon else value) or ADDRESS.search(rest if semicolon else value)
    if not found and semicolon:
        found = ADDRESS.search(kind)
    return found[0].strip(".'") if found else ""


def _character(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if 32 < code < 0x110000 and not 0xD800 <= code <= 0xDFFF else "?"
