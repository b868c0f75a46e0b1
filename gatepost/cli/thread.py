"""`gatepost thread`: which mails of files, folders and mbox files belong together, and why."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gatepost.cli.parse import BAD_INPUT, DONE, FINDINGS, is_mail, read_mails
from gatepost.mail import parse
from gatepost.threading.archive import Record, Thread, thread_archive, thread_by_ids

POLICIES = ("desk", "archive")


def thread_paths(paths: Sequence[Path], policy: str, as_json: bool, out: TextIO) -> int:
    """Group mails in the given order; exit code 0, 2 for a missing path or unknown policy, 3 if some file was no mail.

    `archive` is RFC 5256 with subjects; `desk` joins by ids only.
    """
    if policy not in POLICIES:
        out.write(f"There is no policy {policy!r}: use desk or archive.\n")
        return BAD_INPUT
    missing = [path for path in paths if not path.exists()]
    out.writelines(_error(str(path), "There is no such file or folder.", as_json) for path in missing)
    names: list[str] = []
    records: list[Record] = []
    skipped = False
    for path in paths:
        for name, raw in read_mails(path):
            if raw is None or not is_mail(raw):
                skipped = True
                out.write(_error(name, "Skipped: this file is not a mail.", as_json))
                continue
            names.append(name)
            records.append(read_record(raw))
    threads = thread_archive(records) if policy == "archive" else thread_by_ids(records)
    for name, record, thread in zip(names, records, threads, strict=True):
        out.write(_line(name, record, thread, as_json))
    if missing:
        return BAD_INPUT
    return FINDINGS if skipped else DONE


def read_record(raw: bytes) -> Record:
    """What threading needs of one mail."""
    mail = parse(raw)
    return Record(mail.message_id, mail.references, mail.in_reply_to, mail.subject, mail.date)


def _line(name: str, record: Record, thread: Thread, as_json: bool) -> str:
    if as_json:
        told = {
            "file": name,
            "message_id": record.message_id,
            "conversation": thread.group + 1,
            "why": list(thread.why),
        }
        return json.dumps(told) + "\n"
    return f"#{thread.group + 1}  {name}\n    {'; '.join(thread.why)}\n"


def _error(name: str, text: str, as_json: bool) -> str:
    return json.dumps({"file": name, "error": text}) + "\n" if as_json else f"{name}: {text}\n"
