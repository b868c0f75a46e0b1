"""The readers under the coverage-guided fuzzer atheris, one after the other, where it is installed."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.mutate import TOKENS
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

LIMITS = ("-timeout=20", "-rss_limit_mb=1024", "-max_len=8192", "-print_final_stats=1", "-verbosity=0")
"""Of an instrumented process, which is several times slower; what a mail may cost is measured without it."""

MISSING = (
    "atheris: SKIPPED, for it is not installed. It has wheels for Linux on x86_64 only; where there is one,\n"
    "  .venv/bin/pip install --require-hashes --only-binary :all: -r requirements-fuzz.txt\n"
    "installs it. The mutated mails above do not need it."
)
PROGRAM = """
import sys, atheris
with atheris.instrument_imports(include=["gatepost"]):
    from tests.fuzz.targets import TARGETS
target = TARGETS[sys.argv.pop(1)]
def one(octets):
    target(octets)
atheris.Setup(sys.argv, one)
atheris.Fuzz()
"""


def guide(seconds: int, names: Iterable[str] = TARGETS, found: Path = Path("test-artifacts/fuzz")) -> bool:
    """Fuzz each target for so many seconds; whether nothing was found. What breaks one is kept as a file in `found`."""
    if importlib.util.find_spec("atheris") is None:
        print(MISSING)
        return True
    good = True
    found.mkdir(parents=True, exist_ok=True)
    for name in names:
        done = run_one(name, seconds, found)
        print(f"atheris, {name}: {seconds} s, {told(done)}", flush=True)
        if done.returncode:
            print(done.stdout[-3000:], kept_in(done), flush=True)
        good = good and done.returncode == 0
    return good


def run_one(name: str, seconds: int, found: Path) -> subprocess.CompletedProcess[str]:
    """One target in a process of its own, beginning with our seeds and the words of mutated mails."""
    with TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds_of(name)):
            Path(corpus, str(number)).write_bytes(seed)
        words = Path(folder, "words")
        words.write_text("".join(f'"{escaped(token)}"\n' for token in TOKENS))
        given = (f"-max_total_time={seconds}", f"-dict={words}", f"-artifact_prefix={found / name}-", *LIMITS)
        program = (sys.executable, "-c", PROGRAM, name, str(corpus), *given)
        return subprocess.run(program, capture_output=True, text=True, errors="replace", check=False)


def kept_in(done: subprocess.CompletedProcess[str]) -> str:
    """The line that names the file."""
    return next((line for line in done.stderr.splitlines() if "Test unit written to" in line), done.stderr[-1000:])


def escaped(token: bytes) -> str:
    """As libFuzzer's dictionaries write octets."""
    return "".join(f"\\x{octet:02x}" for octet in token)


def seeds_of(name: str) -> list[bytes]:
    """Our mails whole; and for what reads a part of one, those parts too."""
    bodies = [seed.partition(b"\r\n\r\n")[2] for seed in SEEDS]
    lines = [line.partition(b": ")[2] for seed in SEEDS for line in seed.split(b"\r\n") if b": " in line]
    return {"fields": lines, "texts": bodies, "html": bodies}.get(name, [*SEEDS])


def told(done: subprocess.CompletedProcess[str]) -> str:
    """How often it was called, and whether it broke."""
    lines = done.stderr.splitlines()
    runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
    return f"{runs} runs, {'nothing found' if done.returncode == 0 else 'FOUND something:'}"
