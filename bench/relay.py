"""Relay speed: smtp-source -> Gatepost -> smtp-sink against Postfix with OpenDKIM, alternating in one run.

Each mail has 4 KB, is durably stored and signed with DKIM rsa-2048; time runs until the sink has all of them.
Needs root, and Debian's postfix, opendkim and opendkim-tools.  --messages N, --runs N, --json
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.peer import postfix  # noqa: E402
from gatepost.database import migrate  # noqa: E402
from gatepost.parts import clock, open_parts  # noqa: E402
from gatepost.seal import make_keys  # noqa: E402
from gatepost.settings import Settings  # noqa: E402
from gatepost.store.credentials import create_credential  # noqa: E402
from gatepost.store.domains import create_domain  # noqa: E402
from tests.rig.process import answers, free_port, running, wait_until  # noqa: E402

CASES = {"new connection per message": [], "kept connections": ["-d"]}
CLIENTS = 20


@contextmanager
def sink(folder: Path) -> Iterator[tuple[int, Callable[[], int]]]:
    """A running smtp-sink: its port, and how many mails it has taken."""
    port, out = free_port(), folder / "sink.out"
    with running(["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{port}", "1000"], out) as process:
        wait_until(lambda: answers(port), process, out)
        yield port, lambda: taken(out)


def taken(out: Path) -> int:
    """The last number that smtp-sink printed; it writes `mesg=N` and a carriage return for each mail."""
    with out.open("rb") as file:
        file.seek(max(out.stat().st_size - 200, 0))
        marks = [part for part in file.read().split(b"mesg=")[1:] if part]
    digits = [bytes(char for char in mark.split(b"\r")[0] if 48 <= char < 58) for mark in marks]
    return int(next((found for found in reversed(digits) if found), b"0"))


@contextmanager
def gatepost(folder: Path, sink_port: int) -> Iterator[int]:
    """A running `gatepost serve` that relays to the sink, with a credential bound to loopback; its submission port."""
    port = free_port()
    settings = Settings(home=folder)
    make_keys(settings.key_path)
    migrate(settings.database_url)
    with open_parts(settings) as parts:
        options = {"kind": "smtp", "name": "bench", "senders": ["gatepost.test"], "networks": ["127.0.0.0/8"]}
        parts.ledger.write(lambda s: create_credential(s, parts.keys, now=clock(), **options))  # type: ignore[arg-type]
        parts.ledger.write(lambda s: create_domain(s, parts.keys, "gatepost.test", clock()))
    (folder / "gatepost.toml").write_text(
        f'route = "relay"\nrelay = "smtp://127.0.0.1:{sink_port}"\nrelay_tls = "none"\n'
        f'submission = "127.0.0.1:{port}"\n'
        'submissions = ""\nmx = ""\nweb = ""\nconnections = 400\nconnections_per_ip = 400\nlog_level = "warning"\n'
    )
    command = [sys.executable, "-m", "gatepost", "--config", str(folder / "gatepost.toml"), "serve"]
    with running(command, folder / "gatepost.log") as process:
        wait_until(lambda: answers(port), process, folder / "gatepost.log")
        yield port


def rate(port: int, options: list[str], messages: int, count: Callable[[], int]) -> float:
    """Mails per second, from the first connection until the sink has all."""
    before = count()
    source = ["smtp-source", "-s", str(CLIENTS), "-l", "4096", "-m", str(messages), *options]
    source += ["-f", "bench@gatepost.test", "-t", "somebody@example.test", f"127.0.0.1:{port}"]
    started = time.monotonic()
    subprocess.run(source, check=True, capture_output=True)
    while count() - before < messages:
        if time.monotonic() - started > 300:
            raise SystemExit(f"only {count() - before} of {messages} mails arrived within 300 s")
        time.sleep(0.01)
    return messages / (time.monotonic() - started)


def measure(messages: int, runs: int) -> list[dict[str, object]]:
    """The medians of each case, Gatepost and peer taking turns."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "product").mkdir()
        with (
            sink(folder) as (sink_port, count),
            gatepost(folder / "product", sink_port) as ours,
            postfix(sink_port, signs=True) as theirs,
        ):
            for case, options in CASES.items():
                rates: dict[int, list[float]] = {ours: [], theirs: []}
                for port in (ours, theirs):  # warm up
                    rate(port, options, messages // 10, count)
                for _ in range(runs):
                    for port, found in rates.items():
                        found.append(rate(port, options, messages, count))
                mine, other = (statistics.median(rates[port]) for port in (ours, theirs))
                rows.append(
                    {"case": case, "gatepost": round(mine), "peer": round(other), "ratio": round(mine / other, 2)}
                )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    args = parser.parse_args()
    for row in measure(args.messages, args.runs):
        line = f"{row['case']}: {row['gatepost']}/s, Postfix with OpenDKIM {row['peer']}/s, ratio {row['ratio']}"
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
