"""`gatepost thread`: which mails of files, folders and mbox files belong together, and why."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gatepost.cli.desk import Placed, place_all
from gatepost.cli.parse import BAD_INPUT, DONE, FINDINGS, is_mail, read_mails
from gatepost.mail import parse
from gatepost.reply import clean_text
from gatepost.threading.archive import thread_archive
from gatepost.threading.archive_record import Record, record_of

POLICIES = ("desk", "archive")


def thread_paths(paths: Sequence[Path], policy: str, as_json: bool, out: TextIO) -> int:
    """Group mails in the given order; exit code 0, 2 for a missing path or unknown policy, 3 if some file was no mail.

    `archive` is RFC 5256 with subjects, and quoted text where headers are lost; `desk` is what live mail meets: who
    may join counts, not only the ids.
    """
    if policy not in POLICIES:
        out.write(f"There is no policy {policy!r}: use desk or archive.\n")
        return BAD_INPUT
    if not paths:
        out.write("Name files to thread, or --dry-run for the mail that is stored.\n")
        return BAD_INPUT
    missing = [path for path in paths if not path.exists()]
    out.writelines(_error(str(path), "There is no such file or folder.", as_json) for path in missing)
    names: list[str] = []
    mails: list[bytes] = []
    skipped = False
    for path in paths:
        for name, raw in read_mails(path):
            if raw is None or not is_mail(raw):
                skipped = True
                out.write(_error(name, "Skipped: this file is not a mail.", as_json))
                continue
            names.append(name)
            mails.append(raw)
    records = [record_of(parse(raw)) for raw in mails]
    for name, record, placed in zip(names, records, place(mails, records, policy), strict=True):
        out.write(_line(name, record, placed, as_json))
    if missing:
        return BAD_INPUT
    return FINDINGS if skipped else DONE


def place(mails: Sequence[bytes], records: Sequence[Record], policy: str) -> list[Placed]:
    """The conversation of each mail, counted from 1, and why."""
    if policy == "desk":
        return place_all(mails)
    return [Placed(thread.group + 1, thread.why) for thread in thread_archive(records)]


def _line(name: str, record: Record, placed: Placed, as_json: bool) -> str:
    if as_json:
        told = {
            "file": name,
            "message_id": record.message_id,
            "conversation": placed.conversation,
            "why": list(placed.why),
        }
        return json.dumps(told) + "\n"
    where = f"#{placed.conversation}" if placed.conversation else "none"
    return f"{where}  {clean_text(name)}\n    {clean_text('; '.join(placed.why))}\n"


def _error(name: str, text: str, as_json: bool) -> str:
    return json.dumps({"file": name, "error": text}) + "\n" if as_json else f"{name}: {text}\n"
