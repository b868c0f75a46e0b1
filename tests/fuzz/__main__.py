"""`make fuzz`: a million mutated mails, and each reader under the fuzzer atheris, where it is installed."""

import argparse
import os
import sys
from pathlib import Path

from tests.fuzz.guided import guide
from tests.fuzz.run import run_many
from tests.fuzz.worst import judge


def main() -> int:
    """0 where nothing raised and nothing went over a limit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--corpora", type=Path, help="a folder whose files are seeds, too")
    options.add_argument("--seconds", type=int, default=60, help="how long atheris runs each reader; 0: not at all")
    given = options.parse_args()
    good = judge()
    found = run_many(given.count, given.processes, given.corpora, given.first)
    for fault in found.faults:
        print(fault)
    print(found)
    good = (given.seconds == 0 or guide(given.seconds)) and good
    return 0 if found.good and good else 1


if __name__ == "__main__":
    sys.exit(main())
