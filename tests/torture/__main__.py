"""`python -m tests.torture [NAME...]`: faults against the running product; the verdict on each.

Exit codes: 0 all held, 1 something did not, 3 all that ran held and something was skipped.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.torture.run import Run, Skipped, Verdict
from tests.torture.scenarios import BACKENDS, SCENARIOS, backends_of

PASSED, FAILED, SKIPPED = 0, 1, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))  # so that what was started is ended
    args = arguments(argv)
    names = args.names or list(SCENARIOS)
    if args.list:
        for name in names:
            print(f"{name:20} {first_line(name)}")
        return PASSED
    codes = [
        one(name, backend, args)
        for name in names
        for backend in backends_of(name)
        if not args.backend or backend == args.backend
    ]
    return FAILED if FAILED in codes else SKIPPED if SKIPPED in codes else PASSED


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios (default: all)")
    parser.add_argument("--list", action="store_true", help="one line for each scenario")
    parser.add_argument("--short", action="store_true", help="a few rounds each")
    parser.add_argument("--seed", type=int, default=None, help="the printed seed of an earlier run")
    parser.add_argument("--minutes", type=float, default=0, help="how long open-ended scenarios go on")
    parser.add_argument("--backend", choices=BACKENDS, help="only on this one")
    parser.add_argument("--json", action="store_true", help="one object per scenario and back end")
    parser.add_argument("--keep", action="store_true", help="keep the folders, and say where they are")
    args = parser.parse_args(argv)
    if unknown := [name for name in args.names if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; --list shows them")
    args.seed = int(time.time()) if args.seed is None else args.seed
    return args


def first_line(name: str) -> str:
    return (SCENARIOS[name].__doc__ or "").splitlines()[0]


def one(name: str, backend: str, args: argparse.Namespace) -> int:
    """One scenario on one back end, and its lines."""
    if not args.json:
        print(f"{name} on {backend}, seed {args.seed}", flush=True)
    began = time.monotonic()
    with folder(args.keep) as place:
        run = Run(name, backend, place, args.seed, args.short, args.minutes)
        try:
            verdict = SCENARIOS[name](run)
        except Skipped as skipped:
            object_of = {"scenario": name, "backend": backend, "seed": args.seed, "skipped": str(skipped)}
            print(json.dumps(object_of) if args.json else f"  SKIPPED: {skipped}", flush=True)
            return SKIPPED
    tell(run, verdict, time.monotonic() - began, as_json=args.json)
    return PASSED if verdict.passed else FAILED


def tell(run: Run, verdict: Verdict, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print(verdict.as_json(run, seconds), flush=True)
        return
    for line in verdict.lines():
        print(f"  {line}")
    print(f"  {'HELD' if verdict.passed else 'BROKEN'} in {seconds:.0f} s", flush=True)


@contextmanager
def folder(keep: bool = False) -> Iterator[Path]:
    """A folder of a run's own, which servers of other users may pass through."""
    place = Path(tempfile.mkdtemp(prefix="gatepost-torture-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        if keep:
            print(f"  kept: {place}", file=sys.stderr)
        else:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
