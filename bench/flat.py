"""Cost per mail at 1,000, 100,000 and 1,000,000 stored mails: storing it, claiming it, recording its answer.

The stored mails are rows like those of accepted and delivered ones. Time is that of the three operations as the ledger
runs them, ten mails at a time, each batch committed with full sync.  --sizes N,N,...  --mails N  --json
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
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
CONTENT = b"From: a@gatepost.test\r\nSubject: order\r\n\r\n" + b"0123456789" * 200
LEASE = timedelta(minutes=2)
DELIVERED = Reply(250, "2.0.0", "ok")


def put_of(number: int) -> Put:
    """A mail as accepting hands it to the ledger."""
    now, row_id = clock(), new_id("msg")
    recipient = f"u{number}@{number % 500}.example"
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


def pass_mails(ledger: Ledger, count: int, at_once: int) -> None:
    """Store, claim and record so many mails."""
    for start in range(0, count, at_once):
        together(ledger, put_all, [put_of(number) for number in range(start, min(start + at_once, count))])
        claims = together(ledger, lambda session, _: claim(session, at_once, LEASE, clock()), ())
        said = "C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nS: 250 2.0.0 ok"
        result = Result(DeliveryState.DELIVERED, DELIVERED, "sink [127.0.0.1]", "relay", None, said)
        together(ledger, record_replies, [Answer(taken, result, clock()) for taken in claims])


def measure(sizes: Sequence[int], mails: int) -> list[dict[str, object]]:
    """The median milliseconds per mail at each size, and the ratio to the first size."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="gatepost-flat-") as folder:
        url = f"sqlite:///{folder}/gatepost.db"
        migrate(url)
        ledger, stored = Ledger(open_database(url)), 0
        for size in sizes:
            pass_mails(ledger, size - stored, FILLED_AT_ONCE)
            times = []
            for _ in range(mails // BATCH):
                began = time.perf_counter()
                pass_mails(ledger, BATCH, BATCH)
                times.append((time.perf_counter() - began) / BATCH * 1000)
            stored = size + mails
            cost = statistics.median(times)
            rows.append({"stored": size, "ms_per_mail": round(cost, 3), "ratio": round(cost / first(rows, cost), 2)})
        ledger.database.close()
    return rows


def first(rows: Sequence[dict[str, object]], cost: float) -> float:
    return float(str(rows[0]["ms_per_mail"])) if rows else cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--mails", type=int, default=1000, help="measured at each size")
    parser.add_argument("--json", action="store_true", help="one JSON object per size")
    args = parser.parse_args()
    for row in measure([int(size) for size in args.sizes.split(",")], args.mails):
        line = f"{row['stored']:,} stored: {row['ms_per_mail']} ms per mail, {row['ratio']} x the first"
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
