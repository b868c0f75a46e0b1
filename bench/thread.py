"""Speed of receiving: `gatepost import` against Debian's `notmuch new`, in turns, and how cost grows with the store.

Both read the same folders of made-up mails, one of text that repeats and two of random words; ours are parsed, placed
into conversations with reasons, indexed by their ids and durably stored; notmuch indexes every word. Then the cost of a
mail is taken where many are stored already. Needs Debian's notmuch.
--messages N, --runs N, --stored N,N,N (none: --stored ""), --json
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.filler import fill  # noqa: E402
from bench.mails import Maker  # noqa: E402
from gatepost.cli.import_batch import importing  # noqa: E402
from gatepost.cli.importing import BATCH  # noqa: E402
from gatepost.cli.sources import Source  # noqa: E402
from gatepost.database import migrate  # noqa: E402
from gatepost.model import Channel  # noqa: E402
from gatepost.parts import Parts, clock, open_parts  # noqa: E402
from gatepost.seal import make_keys  # noqa: E402
from gatepost.settings import Settings  # noqa: E402
from gatepost.store.channels import create_channel  # noqa: E402

ADDRESS = "support@gatepost.test"
SETS = {
    "repetitive text": partial(Maker, True),
    "short random text": partial(Maker, False),
    "random text": partial(Maker, False, long=True),
}
PROBE = 1000


@contextmanager
def installation(folder: Path, **settings_of: Any) -> Iterator[tuple[Parts, Channel]]:
    """A new installation with one mailbox."""
    settings = Settings(home=folder, **settings_of)
    make_keys(settings.key_path)
    migrate(settings.database_url)
    with open_parts(settings) as parts:
        yield parts, parts.ledger.write(lambda s: create_channel(s, name="Support", address=ADDRESS, now=clock()))


def gatepost(mails: Path) -> float:
    """Seconds that `gatepost import` takes, from its start to its end."""
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        folder = Path(name)
        with installation(folder):
            pass
        (folder / "gatepost.toml").write_text("")
        command = [sys.executable, "-m", "gatepost", "--config", str(folder / "gatepost.toml"), "import", str(mails)]
        return seconds([*command, "--mailbox", ADDRESS, "--json"], {})


def notmuch(mails: Path) -> float:
    """Seconds that `notmuch new` takes."""
    with tempfile.NamedTemporaryFile("w", prefix="gatepost-bench-") as config:
        config.write(f"[database]\npath={mails}\n[new]\ntags=unread\n")
        config.flush()
        try:
            return seconds(["notmuch", "new", "--quiet"], {"NOTMUCH_CONFIG": config.name})
        finally:
            shutil.rmtree(mails / ".notmuch", ignore_errors=True)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment}, cwd=ROOT)
    return time.monotonic() - started


def compare(messages: int, runs: int) -> Iterator[dict[str, object]]:
    """The medians of both sets, the two taking turns."""
    sides: dict[str, Callable[[Path], float]] = {"gatepost": gatepost, "notmuch": notmuch}
    for case, maker in SETS.items():
        with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
            folder = Path(name) / "cur"
            folder.mkdir()
            octets = 0
            for number, raw in enumerate(maker().mails(messages)):
                octets += (folder / f"{number:07}.bench:2,S").write_bytes(raw)
            rates: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(runs):
                for side, measure in sides.items():
                    rates[side].append(messages / measure(Path(name)))
        mine, other = (statistics.median(rates[side]) for side in sides)
        yield {
            "case": f"{case}, {octets / messages / 1024:.1f} KB",
            "gatepost": round(mine),
            "notmuch": round(other),
            "ratio": round(mine / other, 2),
        }


def grow(sizes: list[int], runs: int) -> Iterator[dict[str, object]]:
    """The cost of a mail (milliseconds, the median of several thousands) where so many are stored already."""
    first = 0.0
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name, installation(Path(name)) as (parts, channel):
        stored = 0
        for size in sizes:
            began = time.monotonic()
            stored += fill(parts, channel, stored, size - stored)
            filled = time.monotonic() - began
            costs = [cost(parts, channel, size + run, stored) for run in range(runs + 1)][1:]
            each = statistics.median(costs)
            first = first or each
            yield {
                "case": f"{size:,} stored",
                "milliseconds": round(each * 1000, 3),
                "growth": round(each / first, 2),
                "filled_in": round(filled),
            }


def cost(parts: Parts, channel: Channel, seed: int, stored: int) -> float:
    """Seconds for one of a thousand mails that are read and stored in batches; a third answer stored ones."""
    sources = [Source(str(number), raw) for number, raw in enumerate(Maker(True, seed, answers=stored).mails(PROBE))]
    with importing(parts, channel, dry=False) as importer:
        started = time.monotonic()
        for at in range(0, PROBE, BATCH):
            importer.end(importer.begin(sources[at : at + BATCH], ()))
        return (time.monotonic() - started) / PROBE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stored", default="1000,100000,1000000", help="how many mails are stored when cost is taken")
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    args = parser.parse_args()
    if args.messages:
        for row in compare(args.messages, args.runs):
            line = f"{row['case']}: {row['gatepost']}/s, notmuch {row['notmuch']}/s, ratio {row['ratio']}"
            print(json.dumps(row) if args.json else line, flush=True)
    for row in grow([int(size) for size in args.stored.split(",") if size], args.runs):
        line = f"{row['case']}: {row['milliseconds']} ms per mail, {row['growth']} times the first"
        print(json.dumps(row) if args.json else line, flush=True)


if __name__ == "__main__":
    main()
