"""What a transcript tells at a glance: whether the mail went over an encrypted connection."""

import re

ENCRYPTED = re.compile(r"^\* the connection is encrypted with (\S{1,40})", re.MULTILINE)
HANDED = re.compile(r"^C: MAIL ", re.MULTILINE)


def tls_of(transcript: str, route: str) -> str:
    """`over TLSv1.3`, `without TLS`, or empty where nothing was handed over or nothing left us."""
    if route in ("", "sandbox") or not HANDED.search(transcript):
        return ""
    found = ENCRYPTED.findall(transcript)
    return f"over {found[-1]}" if found else "without TLS"
