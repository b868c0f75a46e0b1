"""1,000 mailboxes that are watched (IMAP IDLE) by one `gatepost serve`, on a local Dovecot over TLS.

Printed: memory for each mailbox, CPU at rest, and how long a mail takes from the end of its APPEND until it is in a
conversation. Needs root, and Debian's dovecot-imapd.  --mailboxes N --seconds N --mails N --json
"""

import argparse
import imaplib
import json
import os
import random
import signal
import sqlite3
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlmodel import Session  # noqa: E402

from bench.idle_dovecot import dovecot_for  # noqa: E402
from gatepost.parts import clock, open_parts  # noqa: E402
from gatepost.store import accounts, channels  # noqa: E402
from tests.rig.dovecot import PASSWORD, Dovecot  # noqa: E402
from tests.torture.product import Gatepost, installed, status_kb  # noqa: E402

PATIENCE_SECONDS = 900
GOALS = {"memory_kb_per_mailbox": 200, "cpu_percent": 2, "p50_ms": 1000, "p95_ms": 1000}


def connect(product: Gatepost, server: Dovecot, first: int, last: int) -> None:
    """Connect mailboxes, each with a channel of its own."""

    def op(session: Session, number: int) -> None:
        now = clock()
        channel = channels.create_channel(session, name=f"Box {number}", address=f"box{number}@gatepost.test", now=now)
        accounts.create_account(
            session, parts.keys, channel_id=channel.id, host="localhost", port=server.tls_port, security="tls",
            username=f"box{number}@mail.test", secret=PASSWORD, now=now,
        )  # fmt: skip

    with open_parts(product.settings) as parts:
        for number in range(first, last):
            parts.ledger.submit(lambda session, number=number: op(session, number))


def asked(product: Gatepost, query: str) -> int:
    """A number from the product's database."""
    path = product.url.removeprefix("sqlite:///")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
        found = database.execute(query).fetchone()
    database.close()
    return int(found[0])


def until(condition: Callable[[], bool]) -> float:
    """Wait; how many seconds that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise RuntimeError("the mailboxes did not come to rest")
        time.sleep(0.5)
    return time.monotonic() - began


def at_rest(product: Gatepost, mailboxes: int) -> bool:
    """Whether all are watched, read since, and compared with their server, as each is once a day."""
    idle = "SELECT count(*) FROM idling WHERE word = 'idle'"
    read = (
        "SELECT count(*) FROM account JOIN idling ON account_id = id "
        "WHERE lease_until IS NULL AND last_sync_at > since AND next_poll_at > last_sync_at"
    )
    compared = "SELECT count(*) FROM verification WHERE checked_at IS NOT NULL"
    return all(asked(product, query) == mailboxes for query in (idle, read, compared))


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and of those that it started."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(
        cpu_seconds(child) for child in children
    )


def cpu_percent(product: Gatepost, seconds: float) -> float:
    """The share of one core that is used in so many seconds."""
    before, began = cpu_seconds(product.pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_seconds(product.pid) - before) / (time.monotonic() - began)


def append_and_see(product: Gatepost, server: Dovecot, number: int) -> float:
    """Append a mail to a mailbox; milliseconds from the server's OK until it is in a conversation."""
    tag = f"{number}.{time.time_ns()}@bench.test"
    mail = f"From: a@bench.test\r\nSubject: order {tag}\r\nMessage-ID: <{tag}>\r\n\r\nIs it there?\r\n".encode()
    context = ssl.create_default_context(cafile=str(server.certificate))
    with imaplib.IMAP4_SSL("localhost", server.tls_port, ssl_context=context, timeout=30) as client:
        client.login(f"box{number}@mail.test", PASSWORD)
        client.append("INBOX", "", "", mail)
        began = time.monotonic()
    path = product.url.removeprefix("sqlite:///")
    query = "SELECT 1 FROM message WHERE message_id = ? AND conversation_id IS NOT NULL"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        while not database.execute(query, (tag,)).fetchone():
            if time.monotonic() - began > 60:
                raise RuntimeError(f"mail {tag} did not arrive")
            time.sleep(0.005)
    finally:
        database.close()
    return 1000 * (time.monotonic() - began)


def measure(mailboxes: int, seconds: float, mails: int, ready: Callable[[], None]) -> dict[str, float]:
    """The figures; `ready` is called before what a busy machine would spoil."""
    dice = random.Random(1)
    with (
        dovecot_for(mailboxes) as server,
        tempfile.TemporaryDirectory(prefix="gatepost-idle-") as folder,
        installed(Path(folder) / "product") as product,
    ):
        product.environ = {"SSL_CERT_FILE": str(server.certificate)}
        connect(product, server, 0, 1)
        product.start()
        until(lambda: at_rest(product, 1))
        append_and_see(product, server, 0)
        alone, alone_cpu = status_kb(product.pid, "VmRSS"), cpu_percent(product, min(seconds, 20))
        product.stop()
        connect(product, server, 1, mailboxes)
        product.start()
        took = until(lambda: at_rest(product, mailboxes))
        ready()
        time.sleep(5)
        cpu, memory = cpu_percent(product, seconds), status_kb(product.pid, "VmRSS")
        waits = [append_and_see(product, server, dice.randrange(mailboxes)) for _ in range(mails)]
    return {
        "mailboxes": mailboxes,
        "at_rest_after_s": round(took),
        "memory_kb_per_mailbox": round((memory - alone) / max(1, mailboxes - 1), 1),
        "memory_mb": round(memory / 1024),
        "cpu_percent": round(cpu, 2),
        "cpu_percent_of_one_mailbox": round(alone_cpu, 2),
        "p50_ms": round(statistics.median(waits)),
        "p95_ms": round(statistics.quantiles(waits, n=20)[18]),
        "most_ms": round(max(waits)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60, help="how long it is watched at rest")
    parser.add_argument("--mails", type=int, default=100, help="how many are appended")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    if os.geteuid():
        print("bench/idle.py needs root: the mailboxes belong to several uids.", file=sys.stderr)
        return 2
    found = measure(args.mailboxes, args.seconds, args.mails, lambda: print("at rest", file=sys.stderr, flush=True))
    if args.json:
        print(json.dumps(found))
        return 0
    for name, value in found.items():
        goal = f"   goal: at most {GOALS[name]}, ratio {value / GOALS[name]:.2f}" if name in GOALS else ""
        print(f"{name.replace('_', ' '):28} {value:10}{goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
