"""The Message-ID that the next server gave a mail instead of ours, as far as its answer tells: data, and reading it.

Such a server passes the mail on under an id that we have never seen, and answers and bounces refer to that one.
"""

import re
from collections.abc import Callable

import structlog
from sqlmodel import Session

from gatepost.gateway.accept import Gate
from gatepost.message_ids import extract_ids

log = structlog.get_logger("sent")

TELLS = ("outlook.com", "office365.com", "brevo.com", "sendinblue.com")
"""Servers that write the mail's Message-ID in brackets into their answer, whether it is ours or theirs."""
SES = re.compile(r"email-smtp(?:-fips)?\.([a-z0-9-]{1,30})\.amazonaws\.com(?:\.cn)?")
SES_ID = re.compile(r"^[0-9a-f]{16}-[0-9a-f-]{30,40}-[0-9]{6}$")
SES_FIRST = "us-east-1"
TEXT_READ = 1000


def given_id(host: str, text: str) -> str:
    """The id that a server's yes (`text`, without code) names, without brackets; empty where it names none."""
    host = host.lower().rstrip(".")
    if any(host == end or host.endswith(f".{end}") for end in TELLS):
        ids = extract_ids(text[:TEXT_READ]) if "<" in text else ()
        return ids[0] if ids and "@" in ids[0] else ""
    ses = SES.fullmatch(host)
    if ses is None:
        return ""
    word = next((word for word in text[:TEXT_READ].split() if SES_ID.match(word)), "")
    domain = "email.amazonses.com" if ses[1] == SES_FIRST else f"{ses[1]}.amazonses.com"
    return f"{word}@{domain}" if word else ""


async def kept_in_mind(gate: Gate, note: Callable[[Session], None]) -> None:
    """Write down something of a mail that is out: whatever goes wrong with it must not have the mail sent again."""
    try:
        await gate.ledger.commit(note)
    except Exception:
        log.exception("what is known of a mail that went out could not be written down")
