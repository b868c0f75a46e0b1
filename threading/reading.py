"""Reading a mail before the transaction that stores what it says: here where it is small, else in a limited child."""

from dataclasses import dataclass
from hashlib import sha256

from gatepost.child import Children, JobFailed
from gatepost.mail import Mail, digest, parse
from gatepost.threading.automatic import classify
from gatepost.threading.quoted import reply_head
from gatepost.threading.report import Report, read_report
from gatepost.words import Kind

SNIPPET = 200
SMALL = 16 * 1024
SMALL_PLAIN = 64 * 1024
TRIES = 3
REPORTS = (Kind.BOUNCE, Kind.DELAY, Kind.REPORT, Kind.FEEDBACK)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail says, read before the transaction: reading is slow, the writer is shared."""

    mail: Mail
    digest: str
    kind: Kind
    why: tuple[str, ...]
    report: Report | None
    snippet: str


def read(raw: bytes, envelope_from: str | None) -> Reading:
    """Parse and classify; total, for `parse` is."""
    mail = parse(raw)
    kind, why = classify(mail, envelope_from)
    report = read_report(mail) if kind in REPORTS else None
    snippet = "" if report else " ".join(reply_head(mail, SNIPPET * 4).split())[:SNIPPET]
    return Reading(mail, digest(raw), kind, tuple(why), report, snippet)


def read_all(*raws: bytes) -> list[Reading]:
    """As `read`, for several mails that came without an envelope."""
    return [read(raw, None) for raw in raws]


def read_hashed(*raws: bytes) -> list[tuple[Reading, str]]:
    """As `read_all`, each with the SHA-256 of its octets."""
    return [(read(raw, None), sha256(raw).hexdigest()) for raw in raws]


CHILDREN = Children((__name__, "gatepost.child_ready", "gatepost.html_clean"))
"""The children of this process; started at the first mail that is not small."""


def read_safely(raw: bytes, envelope_from: str | None, tries: int = 1) -> Reading:
    """As `read`, in a child where the mail is not small. Raises JobFailed with a named cause after so many tries."""
    if is_harmless(raw):
        return read(raw, envelope_from)
    return read_apart(raw, envelope_from, tries)


def is_harmless(raw: bytes) -> bool:
    """Whether the worst mail of this kind is read in less than 50 ms: it is small, or has no HTML and is not large."""
    return len(raw) <= SMALL or (len(raw) <= SMALL_PLAIN and b"text/html" not in raw.lower())


def read_apart(raw: bytes, envelope_from: str | None, tries: int = 1) -> Reading:
    """As `read`, in a child whatever the size: what failed before may end the process that reads it."""
    for _ in range(tries - 1):
        try:
            return CHILDREN.call(read, raw, envelope_from)
        except JobFailed:
            continue
    return CHILDREN.call(read, raw, envelope_from)
