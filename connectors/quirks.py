"""What single providers do otherwise: words that ask us to wait, stand-ins for mail, limits a day."""

import re
from dataclasses import dataclass

LONGEST_WAIT = 900.0
STAND_IN = b"subject: retrieval using the imap4 protocol failed for the following message"
STAND_IN_HEAD = 4_096
BACKOFF = re.compile(r"back-?off time:? (\d{1,9}) (milliseconds|ms|seconds|s)\b", re.IGNORECASE)
DAY_OCTETS = {"imap.gmail.com": 2_000_000_000, "imap.googlemail.com": 2_000_000_000}
"""Gmail ends a day's IMAP at 2,500 MB, and locks the mailbox then; other programs of its owner need some too."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Words (lower case) of a server that is there, but wants no more just now; how many seconds to stay away."""

    needle: str
    seconds: float


WAITS = (
    Wait("[overquota]", 4 * 3600),
    Wait("bandwidth limits", 4 * 3600),
    Wait("too many simultaneous connections", 300),
    Wait("too many", 300),
    Wait("authenticated but not connected", 120),
    Wait("server unavailable", 60),
    Wait("throttled", 60),
)


def wait_asked(text: str) -> float:
    """The seconds that a server's words ask us to stay away; 0 where they ask for nothing.

    Exchange: `Request is throttled. Suggested Backoff Time: 299961 milliseconds`; at most 15 minutes are believed.
    """
    found = BACKOFF.search(text[:500])
    if found:
        seconds = int(found[1]) / (1000 if found[2].lower().startswith("m") else 1)
        return min(max(seconds, 1.0), LONGEST_WAIT)
    lowered = text[:500].lower()
    return next((wait.seconds for wait in WAITS if wait.needle in lowered), 0.0)


def is_stand_in(raw: bytes) -> bool:
    """Whether Exchange made this text up because it cannot hand over the mail; it may be able to later."""
    head = raw[:STAND_IN_HEAD].lower().partition(b"\r\n\r\n")[0]
    return (
        STAND_IN in head and b"\nreceived:" not in b"\n" + head and b"microsoft exchange" in raw[:STAND_IN_HEAD].lower()
    )


def octets_a_day(host: str) -> int:
    """How much may be fetched from an account in a day; 0: as much as there is."""
    return DAY_OCTETS.get(host.lower().rstrip("."), 0)
