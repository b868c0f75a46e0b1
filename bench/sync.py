"""Speed of syncing: the first reading of a mailbox over IMAP against Debian's `mbsync` copying the same one, in turns.

Both read the same mailbox of a real Dovecot on loopback, without TLS. Ours are parsed, placed into conversations with
reasons, indexed by their ids and durably stored; mbsync writes Maildir files and its state, synced to disk too. Time is
that of the pass, from the login on, in a process that serves; mbsync's from the start of its process. Needs Debian's
dovecot-imapd and isync.
--mails N, --octets N, --runs N, --json
"""

import argparse
import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlmodel import Session, func, select  # noqa: E402

from bench.thread import installation  # noqa: E402
from gatepost.model import Channel, View  # noqa: E402
from gatepost.parts import Parts, clock  # noqa: E402
from gatepost.store.accounts import create_account  # noqa: E402
from gatepost.syncing import start_polling  # noqa: E402
from gatepost.threading.intake import Desk  # noqa: E402
from tests.fakes.dns import DictResolver  # noqa: E402
from tests.rig.dovecot import PASSWORD, Dovecot, own, started  # noqa: E402

START = datetime(2024, 1, 1, tzinfo=UTC)
SAMPLE = 1_000
LONGEST = 900.0


def fill(server: Dovecot, mails: int, octets: int) -> str:
    """A user whose inbox holds so many mails, indexed by Dovecot already."""
    user = server.add_user()
    folder = server.maildir(user) / "cur"
    for number, raw in enumerate(made(mails, octets)):
        file, at = (
            folder / f"{1_700_000_000 + number}.M{number}.bench,S={len(raw)}:2,S",
            START.timestamp() + number * 60,
        )
        file.write_bytes(raw)
        os.utime(file, (at, at))
    own(folder)
    server.doveadm("index", "-u", user, "INBOX")
    return user


def made(mails: int, octets: int) -> Iterator[bytes]:
    """Plain mails of a size: a third begins a thread, the others answer an earlier one."""
    chance = Random("sync")
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(2, 10))) for _ in range(800)]
    for number in range(mails):
        person = f"person{number % 400}@example{number % 7}.test"
        earlier = f"{max(0, number - 3)}.sync@example.test"
        fields = [
            f"Received: from mail.example.test (mail.example.test [192.0.2.{number % 250}])",
            f"\tby mx.gatepost.test with ESMTPS id {number}",
            f"From: Person {number % 400} <{person}>",
            "To: Support <support@gatepost.test>",
            f"Subject: Question about {chance.choice(words)} {chance.choice(words)}",
            f"Message-ID: <{number}.sync@example.test>",
            f"Date: {format_datetime(START + timedelta(minutes=number))}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            *([f"In-Reply-To: <{earlier}>", f"References: <{earlier}>"] if number % 3 else []),
        ]
        head = "\r\n".join(fields) + "\r\n\r\n"
        text, size = [], len(head)
        while size < octets:
            line = " ".join(chance.choices(words, k=10)) + "\r\n"
            text.append(line)
            size += len(line)
        yield (head + "".join(text)).encode()


def gatepost(port: int, user: str, mails: int) -> dict[str, object]:
    """What one first sync took; in a process of its own, which this calls."""
    command = [sys.executable, __file__, "--one", str(port), user, str(mails)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=LONGEST)
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


def sync_once(port: int, user: str, mails: int) -> dict[str, object]:
    """Connect the mailbox of a new installation and wait until all its mail is stored."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)  # as `gatepost serve` does
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        (Path(name) / "gatepost.toml").write_text("")
        with installation(Path(name), private_hosts=True) as (parts, channel):
            end = start_polling(parts, Desk(parts.settings, parts.keys, parts.blobs), DictResolver())
            try:
                began = time.monotonic()
                connect(parts, channel, port, user)
                memory = wait(parts, mails)
                seconds = time.monotonic() - began
            finally:
                end()
            used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"seconds": seconds, "memory": memory, "cpu": sum(one.ru_utime + one.ru_stime for one in used)}


def connect(parts: Parts, channel: Channel, port: int, user: str) -> None:
    def op(session: Session) -> None:
        login = {"host": "localhost", "port": port, "security": "none", "username": user, "secret": PASSWORD}
        create_account(session, parts.keys, channel_id=channel.id, now=clock(), **login)  # type: ignore[arg-type]

    parts.ledger.write(op)
    parts.bell.ring()


def wait(parts: Parts, mails: int) -> list[int]:
    """Wait for all mails; this process's memory in MB at each thousand."""
    memory: list[int] = []
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        with parts.database.session() as session:
            stored = session.exec(select(func.count()).select_from(View)).one()
        while len(memory) < stored // SAMPLE:
            memory.append(resident())
        if stored >= mails:
            return memory
        time.sleep(0.1)
    raise SystemExit(f"only {stored} of {mails} mails were stored in {LONGEST:.0f} s")


def resident() -> int:
    """This process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def mbsync(port: int, user: str) -> float:
    """Seconds that mbsync takes to copy the mailbox."""
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        folder = Path(name)
        (folder / "mail").mkdir()
        config = folder / "mbsyncrc"
        config.write_text(
            f"IMAPStore far\nHost 127.0.0.1\nPort {port}\nUser {user}\nPass {PASSWORD}\nSSLType None\n"
            "AuthMechs LOGIN\n\n"
            f"MaildirStore near\nPath {folder}/mail/\nInbox {folder}/mail/INBOX\nSubFolders Verbatim\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n"
        )
        began = time.monotonic()
        subprocess.run(["mbsync", "-q", "-c", str(config), "all"], check=True, cwd=folder, timeout=LONGEST)
        return time.monotonic() - began


def compare(mails: int, octets: int, runs: int) -> Iterator[dict[str, object]]:
    """Each run of both, the two taking turns, then the medians."""
    rates: dict[str, list[float]] = {"gatepost": [], "mbsync": []}
    with started() as server:
        user = fill(server, mails, octets)
        for run in range(1, runs + 1):
            other = mails / mbsync(server.port, user)
            mine = gatepost(server.port, user, mails)
            rate = mails / float(str(mine["seconds"]))
            rates["gatepost"].append(rate)
            rates["mbsync"].append(other)
            yield {"run": run, "gatepost": round(rate), "mbsync": round(other), **mine}
    mine_median, other_median = (statistics.median(rates[side]) for side in ("gatepost", "mbsync"))
    ratio = round(mine_median / other_median, 2)
    yield {"run": "median", "gatepost": round(mine_median), "mbsync": round(other_median), "ratio": ratio}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(sync_once(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--octets", type=int, default=4_096)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object per run")
    args = parser.parse_args()
    for program in ("mbsync", "dovecot"):
        if not shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
            raise SystemExit(f"{program} is not installed: apt-get install isync dovecot-imapd")
    for row in compare(args.mails, args.octets, args.runs):
        line = f"{row['run']}: {row['gatepost']}/s, mbsync {row['mbsync']}/s"
        line += f", ratio {row['ratio']}" if "ratio" in row else f", memory {row['memory']} MB"
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
