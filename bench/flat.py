"""Cost per mail at 1,000, 100,000 and 1,000,000 stored mails: storing it, claiming it, recording its answer.

One mail is accepted and delivered; the stored ones are copies of the rows that it left, with names and times of their
own. Measured are the three operations as the ledger runs them, ten mails at a time, each batch committed with full
sync: the median of the time, and the processor time of all, which other work on the machine hardly changes.
--sizes N,N,...  --mails N  --folder DIR  --json
"""

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gatepost.blobs import Content  # noqa: E402
from gatepost.database import migrate, open_database  # noqa: E402
from gatepost.envelope import Envelope  # noqa: E402
from gatepost.gateway.put import Prepared, Put, Submission, put_all  # noqa: E402
from gatepost.ids import new_id  # noqa: E402
from gatepost.ledger import Job, Ledger  # noqa: E402
from gatepost.parts import clock  # noqa: E402
from gatepost.reply import Reply  # noqa: E402
from gatepost.store.claims import claim  # noqa: E402
from gatepost.store.deliveries import Result  # noqa: E402
from gatepost.store.outgoing import NewMessage  # noqa: E402
from gatepost.store.records import Answer, record_replies  # noqa: E402
from gatepost.words import DeliveryState  # noqa: E402

SIZES = (1_000, 100_000, 1_000_000)
BATCH = 10
FILLED_AT_ONCE = 5_000
FILLED = ("raw", "message", "delivery", "delivery_event", "transcript", "event")
"""The tables that a mail leaves rows in."""
CONTENT = b"From: a@gatepost.test\r\nSubject: order\r\n\r\n" + b"0123456789" * 200
WARM = 100
EVERY = timedelta(seconds=2)
"""Between two of the stored mails."""
LEASE = timedelta(minutes=2)
DELIVERED = Reply(250, "2.0.0", "ok")


def recipient_of(number: int) -> str:
    return f"u{number}@{number % 500}.example"


def put_of(number: int) -> Put:
    """A mail as accepting hands it to the ledger."""
    now, row_id = clock(), new_id("msg")
    recipient = recipient_of(number)
    message = NewMessage(
        id=row_id,
        digest=row_id,
        message_id=f"{row_id}@gatepost.test",
        subject="order",
        from_name="",
        from_address="a@gatepost.test",
        recipients_shown=[{"field": "to", "address": recipient, "name": ""}],
        at=now,
        size=len(CONTENT),
        trigger="smtp",
        auth={"signed": ""},
    )
    submission = Submission(Envelope("a@gatepost.test", (recipient,), b""), (), "smtp")
    return Put(Prepared(message, Content(CONTENT, None, len(CONTENT)), (recipient,), (), submission), now)


def together(ledger: Ledger, many: Callable[..., Sequence[Any]], items: Sequence[Any]) -> Sequence[Any]:
    """One batch in one transaction."""
    job: Any = Job(lambda session: many(session, items), None)  # type: ignore[arg-type]
    found: Sequence[Any] = ledger.run_together([job])[job]
    return found


def pass_mails(ledger: Ledger, first: int, count: int) -> None:
    """Store, claim and record so many mails together, numbered from `first` on."""
    together(ledger, put_all, [put_of(number) for number in range(first, first + count)])
    claims = together(ledger, lambda session, _: claim(session, count, LEASE, clock()), ())
    said = "C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nS: 250 2.0.0 ok"
    result = Result(DeliveryState.DELIVERED, DELIVERED, "sink [127.0.0.1]", "relay", None, said)
    together(ledger, record_replies, [Answer(taken, result, clock()) for taken in claims])


def fill(path: Path, start: int, stop: int) -> None:
    """Store mails with these numbers: the rows of the first mail again, with other ids, recipients and times."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        for pragma in ("synchronous=OFF", "cache_size=-500000", "wal_autocheckpoint=100000"):
            connection.execute(f"PRAGMA {pragma}")
        like = {table: first_rows(connection, table) for table in FILLED}
        began = clock() - timedelta(days=30)
        for first in range(start, stop, FILLED_AT_ONCE):
            numbers = range(first, min(first + FILLED_AT_ONCE, stop))
            renamings = [renaming(like, number, began + number * EVERY) for number in numbers]
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in like.items():
                for row in rows:
                    names = [name for name in row if name != "seq"]
                    marks = ", ".join("?" * len(names))
                    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
                    connection.executemany(insert, renamed([row[name] for name in names], renamings))
            connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def first_rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """What the first mail left in a table."""
    most = 2 if table == "event" else 1
    return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid LIMIT {most}")]


def renaming(like: dict[str, list[dict[str, Any]]], number: int, at: datetime) -> dict[str, str]:
    """What the texts of the first mail's rows become in the mail of this number."""
    ids = {row["id"]: new_id(row["id"][:3]) for table in FILLED[1:4] for row in like[table]}
    first, last = (str(like[table][0]["at"]) for table in ("message", "delivery_event"))
    times = {first: f"{at:%F %T.%f}", last: f"{at + timedelta(seconds=1):%F %T.%f}"}
    return {**ids, **times, like["delivery"][0]["recipient"]: recipient_of(number)}


def renamed(values: Sequence[Any], renamings: Sequence[dict[str, str]]) -> Iterator[list[Any]]:
    """A row for each renaming; only values that have something to be renamed are looked at."""
    olds = {
        at: [old for old in renamings[0] if isinstance(value, str) and old in value] for at, value in enumerate(values)
    }
    for new in renamings:
        row = list(values)
        for at, found in olds.items():
            for old in found:
                row[at] = row[at].replace(old, new[old])
        yield row


def measure(sizes: Sequence[int], mails: int, parent: str | None) -> Iterator[dict[str, object]]:
    """At each size the milliseconds per mail, their ratio to those at the first size, and both for the processor."""
    with tempfile.TemporaryDirectory(prefix="gatepost-flat-", dir=parent) as folder:
        path = Path(folder) / "gatepost.db"
        migrate(f"sqlite:///{path}")
        ledger = Ledger(open_database(f"sqlite:///{path}"))
        pass_mails(ledger, 0, 1)
        stored, base = 1, (0.0, 0.0)
        for size in sizes:
            began = time.monotonic()
            fill(path, stored, size)
            filled = time.monotonic() - began
            pass_mails(ledger, size, WARM)  # the first ones after the filling find nothing in memory
            found = cost(ledger, size + WARM, mails)
            base = base if any(base) else found
            stored = size + WARM + mails
            yield {
                "stored": size,
                "ms_per_mail": round(found[0], 3),
                "ratio": round(found[0] / base[0], 2),
                "cpu_ms_per_mail": round(found[1], 3),
                "cpu_ratio": round(found[1] / base[1], 2),
                "filled_in_s": round(filled),
            }
        ledger.database.close()


def cost(ledger: Ledger, first: int, mails: int) -> tuple[float, float]:
    """Milliseconds of a mail: the median of the batches, and the processor's over all of them."""
    times, used = [], time.process_time()
    for start in range(first, first + mails, BATCH):
        began = time.perf_counter()
        pass_mails(ledger, start, BATCH)
        times.append((time.perf_counter() - began) / BATCH * 1000)
    return statistics.median(times), (time.process_time() - used) / mails * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--mails", type=int, default=1000, help="measured at each size")
    parser.add_argument(
        "--folder", help="where the database is made, 7 KB for each mail (default: that for temporary files)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per size")
    args = parser.parse_args()
    for row in measure([int(size) for size in args.sizes.split(",")], args.mails, args.folder):
        line = (
            f"{row['stored']:,} stored: {row['ms_per_mail']} ms per mail, {row['ratio']} x the first; "
            f"of the processor {row['cpu_ms_per_mail']} ms, {row['cpu_ratio']} x"
        )
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
