"""The short forms of the torture scenarios; `make torture` runs the full ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.__main__ import main
from tests.torture.scenarios import BACKENDS, SCENARIOS, backends_of

ROOT = Path(__file__).resolve().parents[2]
SHORT = (  # those whose verdict no crowded machine changes, and that are done in seconds; the others: make torture
    ("kill-in-data", "sqlite"),
    ("kill-before-250", "sqlite"),
    ("power-cut", "sqlite"),
    ("sync-contract", "sqlite"),
    ("sync-fails", "sqlite"),
    ("disk-full", "sqlite"),
    ("two-workers", "postgres"),
    ("smuggling", "sqlite"),
    ("hostile-servers", "sqlite"),
    ("faults", "sqlite"),
    ("half-open", "sqlite"),
)


@pytest.mark.timeout(600)  # on a crowded machine each start of the server takes its time
@pytest.mark.parametrize(("name", "backend"), SHORT)
def test_short_form(name: str, backend: str) -> None:
    command = [sys.executable, "-m", "tests.torture", name, "--short", "--json", "--backend", backend]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=580)
    lines = done.stdout.splitlines()
    verdict = json.loads(lines[-1]) if lines else {}
    if done.returncode == 3:
        pytest.skip(verdict["skipped"])
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_every_scenario_says_what_it_does() -> None:
    for name, scenario in SCENARIOS.items():
        assert len((scenario.__doc__ or "").splitlines()[0]) > 20, name
        assert set(backends_of(name)) <= set(BACKENDS)


def test_the_list_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(SCENARIOS)


def test_an_unknown_name_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["no-such-thing"])
    assert "no such scenario" in capsys.readouterr().err
