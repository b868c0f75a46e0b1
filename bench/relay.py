"""Relay speed: smtp-source -> Gatepost -> smtp-sink against Postfix with OpenDKIM, alternating in one run.

Each mail has 4 KB, is durably stored and signed with DKIM rsa-2048; time runs until the sink has all of them.
A third turn is two processes of Gatepost that share a PostgreSQL database, each with half of the clients.
Needs root, and Debian's postfix, opendkim, opendkim-tools and postgresql.  --messages N, --runs N, --json
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
from tests.rig.packages import need  # noqa: E402
from tests.rig.postgres import cluster  # noqa: E402
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
def gatepost(folder: Path, sink_port: int, database: str = "", processes: int = 1) -> Iterator[list[int]]:
    """A running `gatepost serve` that relays to the sink, with a credential bound to loopback; its submission ports.

    Several processes share a PostgreSQL database.
    """
    settings = Settings(home=folder, database=database)
    make_keys(settings.key_path)
    migrate(settings.database_url)
    with open_parts(settings) as parts:
        options = {"kind": "smtp", "name": "bench", "senders": ["gatepost.test"], "networks": ["127.0.0.0/8"]}
        parts.ledger.write(lambda s: create_credential(s, parts.keys, now=clock(), **options))  # type: ignore[arg-type]
        parts.ledger.write(lambda s: create_domain(s, parts.keys, "gatepost.test", clock()))
    with ExitStack() as stack:
        yield [stack.enter_context(server(folder, f"{number}", sink_port, database)) for number in range(processes)]


@contextmanager
def server(folder: Path, name: str, sink_port: int, database: str) -> Iterator[int]:
    port, config, log = free_port(), folder / f"{name}.toml", folder / f"{name}.log"
    config.write_text(
        f'route = "relay"\nrelay = "smtp://127.0.0.1:{sink_port}"\nrelay_tls = "none"\n'
        f'submission = "127.0.0.1:{port}"\ndatabase = "{database}"\n'
        'submissions = ""\nmx = ""\nweb = ""\nconnections = 400\nconnections_per_ip = 400\nlog_level = "warning"\n'
    )
    command = [sys.executable, "-m", "gatepost", "--config", str(config), "serve"]
    with running(command, log) as process:
        wait_until(lambda: answers(port), process, log)
        yield port


def rate(ports: Sequence[int], options: list[str], messages: int, count: Callable[[], int]) -> float:
    """Mails per second, from the first connection until the sink has all; the ports share them."""
    before, each = count(), messages // len(ports)
    sources = [
        ["smtp-source", "-s", str(CLIENTS // len(ports)), "-l", "4096", "-m", str(each), *options] for _ in ports
    ]
    started = time.monotonic()
    begun = [
        subprocess.Popen([*source, "-f", "bench@gatepost.test", "-t", "somebody@example.test", f"127.0.0.1:{port}"])
        for source, port in zip(sources, ports, strict=True)
    ]
    if any(process.wait() for process in begun):
        raise SystemExit("smtp-source was refused")
    while count() - before < each * len(ports):
        if time.monotonic() - started > 300:
            raise SystemExit(f"only {count() - before} of {messages} mails arrived within 300 s")
        time.sleep(0.01)
    return each * len(ports) / (time.monotonic() - started)


def measure(messages: int, runs: int) -> Iterator[dict[str, object]]:
    """The medians of each case, Gatepost on SQLite, in two processes on PostgreSQL, and peer taking turns."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-")))
        folder.chmod(0o755)
        for name in ("one", "two"):
            (folder / name).mkdir()
        sink_port, count = stack.enter_context(sink(folder))
        url = stack.enter_context(cluster(Path(need("postgresql")).parent))
        one = stack.enter_context(gatepost(folder / "one", sink_port))
        two = stack.enter_context(gatepost(folder / "two", sink_port, url, processes=2))
        peer = [stack.enter_context(postfix(sink_port, signs=True))]
        for case, options in CASES.items():
            rates: dict[str, list[float]] = {"gatepost": [], "peer": [], "two_on_postgresql": []}
            turns = list(zip(rates, (one, peer, two), strict=True))
            for _, ports in turns:  # warm up
                rate(ports, options, messages // 10, count)
            for _ in range(runs):
                for name, ports in turns:
                    rates[name].append(rate(ports, options, messages, count))
            found = {name: statistics.median(each) for name, each in rates.items()}
            yield {
                "case": case,
                **{name: round(each) for name, each in found.items()},
                "ratio": round(found["gatepost"] / found["peer"], 2),
                "ratio_two": round(found["two_on_postgresql"] / found["peer"], 2),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    args = parser.parse_args()
    for row in measure(args.messages, args.runs):
        line = (
            f"{row['case']}: {row['gatepost']}/s, Postfix with OpenDKIM {row['peer']}/s, ratio {row['ratio']}; "
            f"two processes on PostgreSQL {row['two_on_postgresql']}/s, ratio {row['ratio_two']}"
        )
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
