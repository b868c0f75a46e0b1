"""Reading a mail before the transaction that stores what it says: here where it is small, else in a limited child."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import ParamSpec, TypeVar

from gatepost.child import Children, JobFailed
from gatepost.mail import Mail, digest, parse
from gatepost.threading.automatic import classify
from gatepost.threading.quoted import Quoted, reply_head, reply_text
from gatepost.threading.report import Report, read_report
from gatepost.words import Kind

SNIPPET = 200
SMALL = 16 * 1024
SMALL_PLAIN = 64 * 1024
TRIES = 3
P = ParamSpec("P")
T = TypeVar("T")
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
    return Reading(mail, digest(raw, mail), kind, tuple(why), report, snippet)


def read_all(*raws: bytes) -> list[Reading]:
    """As `read`, for several mails that came without an envelope."""
    return [read(raw, None) for raw in raws]


def read_hashed(*raws: bytes) -> list[tuple[Reading, str]]:
    """As `read_all`, each with the SHA-256 of its octets."""
    return [(read(raw, None), sha256(raw).hexdigest()) for raw in raws]


def read_reply(raw: bytes, parent: str | None = None) -> tuple[Mail, Quoted]:
    """A mail, and what its writer wrote himself; `parent` is the text of the mail that it answers, if it is known."""
    mail = parse(raw)
    return mail, reply_text(mail, parent)


CHILDREN = Children((__name__, "gatepost.child_ready", "gatepost.html_clean"))
"""The children of this process; started at the first mail that is not small."""


def read_safely(raw: bytes, envelope_from: str | None, tries: int = 1) -> Reading:
    """As `read`, in a child where the mail is not small. Raises JobFailed with a named cause after so many tries."""
    if is_harmless(raw):
        return read(raw, envelope_from)
    return read_apart(raw, envelope_from, tries)


def parse_safely(raw: bytes, tries: int = 1) -> Mail:
    """As `parse`, in a child where the mail is not small. Raises JobFailed after so many tries."""
    return parse(raw) if is_harmless(raw) else call_apart(tries, parse, raw)


def read_reply_safely(raw: bytes, parent: str | None = None, tries: int = 1) -> tuple[Mail, Quoted]:
    """As `read_reply`, in a child where the mail or what it answers is not small. Raises JobFailed."""
    if is_harmless(raw) and len(parent or "") <= SMALL_PLAIN:
        return read_reply(raw, parent)
    return call_apart(tries, read_reply, raw, parent)


def is_harmless(raw: bytes) -> bool:
    """Whether the worst mail of this kind is read in less than 0.1 s: it is small, or has no HTML and is not large."""
    return len(raw) <= SMALL or (len(raw) <= SMALL_PLAIN and b"text/html" not in raw.lower())


def read_apart(raw: bytes, envelope_from: str | None, tries: int = 1) -> Reading:
    """As `read`, in a child whatever the size: what failed before may end the process that reads it."""
    return call_apart(tries, read, raw, envelope_from)


def call_apart(tries: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function gives in a child, tried so often. Raises JobFailed."""
    for _ in range(tries - 1):
        try:
            return CHILDREN.call(function, *args, **kwargs)
        except JobFailed:
            continue
    return CHILDREN.call(function, *args, **kwargs)
