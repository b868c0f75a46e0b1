"""What stored words tell at a glance: a transcript, whether the mail went over an encrypted connection; a reason."""

import re
from collections.abc import Mapping
from typing import Any

ENCRYPTED = re.compile(r"^\* the connection is encrypted with (\S{1,40})", re.MULTILINE)
HANDED = re.compile(r"^C: MAIL ", re.MULTILINE)


def tls_of(transcript: str, route: str) -> str:
    """`over TLSv1.3`, `without TLS`, or empty where nothing was handed over or nothing left us."""
    if route in ("", "sandbox") or not HANDED.search(transcript):
        return ""
    found = ENCRYPTED.findall(transcript)
    return f"over {found[-1]}" if found else "without TLS"


def text_of(reason: Mapping[str, Any]) -> str:
    """A stored reason as people read it; empty where it has no words."""
    return str(reason.get("text") or reason.get("why") or "")
