"""Mails in files, folders (Maildir too) and mbox files, read one after the other, never a whole mailbox at once."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HEAD = 64 * 1024
MBOX_START = b"From "
FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]{0,20}:")
TELLING = frozenset(
    [
        *(b"from", b"to", b"cc", b"sender", b"subject", b"date", b"message-id", b"received", b"return-path"),
        *(b"delivered-to", b"mime-version", b"content-type", b"in-reply-to", b"references", b"reply-to", b"x-mailer"),
    ]
)
"""Fields of which a mail has at least one; a text file with colons has none."""


@dataclass(frozen=True, slots=True)
class Source:
    """A mail and where it was found (`file`, in an mbox `file#number`), or, with empty `raw`, why there is none."""

    name: str
    raw: bytes
    problem: str = ""


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Files in the given order; those of a folder by name, hidden ones left out."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        below = (one for one in sorted(path.rglob("*")) if one.is_file())
        found += [one for one in below if not any(part.startswith(".") for part in one.relative_to(path).parts)]
    return found


def read_sources(path: Path, limit: int) -> Iterator[Source]:
    """The mails of one file; a mail over `limit` octets and a file that is none come with their problem."""
    try:
        yield from (judge(name, raw, limit) for name, raw in read_raw(path, limit))
    except OSError as error:
        yield Source(str(path), b"", f"it cannot be read: {error.strerror or error}")


def read_raw(path: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """(name, octets) of the mails of a file, each cut behind `limit` octets, whatever they are. Raises OSError."""
    with path.open("rb") as file:
        is_mbox = file.read(len(MBOX_START)) == MBOX_START
        file.seek(0)
        if is_mbox:
            yield from number(str(path), split_mbox(file, limit))
        else:
            yield str(path), file.read(limit + 1)


def number(name: str, mails: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Mails with their names: `file#number`, or the file's where it holds only one."""
    first, count = next(mails, None), 1
    for raw in mails:
        if count == 1 and first is not None:
            yield f"{name}#1", first
        count += 1
        yield f"{name}#{count}", raw
    if count == 1 and first is not None:
        yield name, first


def split_mbox(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """The mails of an mbox (RFC 4155) without their `From ` lines, each cut behind `limit` octets.

    A separator stands at the start or behind an empty line, and a header field follows it: a paragraph that begins
    with "From " does not.
    """
    mail = bytearray()
    held, may_separate, begun = b"", True, False
    while line := file.readline(HEAD):
        if held:
            if FIELD.match(line):
                if begun:
                    yield without_last_line(mail, limit)
                mail, begun = bytearray(), True
            else:
                mail += held
            held = b""
        if may_separate and line.startswith(MBOX_START):
            held, may_separate = line, False
            continue
        if len(mail) <= limit:
            mail += line
        may_separate = line in (b"\n", b"\r\n")
    mail += held
    if mail:
        yield without_last_line(mail, limit)


def without_last_line(mail: bytearray, limit: int) -> bytes:
    """A mail without the empty line that ends it in an mbox, so that the last one is the same before others follow."""
    raw = bytes(mail[: limit + 1])
    for end in (b"\r\n\r\n", b"\n\n"):
        if raw.endswith(end):
            return raw[: -len(end) // 2]
    return raw


def judge(name: str, raw: bytes, limit: int) -> Source:
    """A mail, or why it is none."""
    if len(raw) > limit:
        return Source(name, b"", f"it is larger than message_size ({limit:,} octets); raise that setting to take it")
    return Source(name, raw) if looks_like_mail(raw) else Source(name, b"", problem_of(raw))


def problem_of(raw: bytes) -> str:
    """Why octets are not a mail."""
    return "it is empty" if not raw.strip() else "it is not a mail: it does not begin with the header of one"


def looks_like_mail(raw: bytes) -> bool:
    """Whether octets begin with header fields, at least one of which mail is known by (RFC 5322 section 2.2)."""
    lines = raw[:HEAD].lstrip(b"\r\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines and lines[0].startswith((MBOX_START, b">From ")):
        lines = lines[1:]
    if not lines or not FIELD.match(lines[0]):
        return False
    for line in lines:
        if not line:
            return False
        name = line.partition(b":")[0].strip().lower()
        if name in TELLING:
            return True
    return False
