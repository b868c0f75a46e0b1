"""The readers as atheris calls them, on some hundred mutated mails each; and what is told where atheris is missing."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from tests.fuzz import guided
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

MAILS = 60


@pytest.mark.parametrize("name", TARGETS)
def test_what_must_hold_of_each_reader_holds(name: str) -> None:
    seeds = guided.seeds_of(name)
    for seed in seeds:
        TARGETS[name](seed)
    for number in range(MAILS):
        TARGETS[name](mutated(number, seeds))


def longer(text: str) -> str:
    return text + "\u202e"


@pytest.mark.parametrize(
    ("name", "octets", "broken"),
    [
        (
            "whole_mail",
            b"Content-Disposition: attachment; filename=a\r\n\r\n",
            "gatepost.mail_params.clean_file_name",
        ),
        ("fields", b"a@x.example", "tests.fuzz.targets.parse_address"),
    ],
)
def test_a_reader_that_broke_would_be_found(
    monkeypatch: pytest.MonkeyPatch, name: str, octets: bytes, broken: str
) -> None:
    TARGETS[name](octets)
    monkeypatch.setattr(broken, longer)
    with pytest.raises(AssertionError):
        TARGETS[name](octets)


def test_where_atheris_is_missing_it_is_said_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert guided.guide(1, found=tmp_path)
    said = capsys.readouterr().out
    assert "SKIPPED" in said
    assert "-r requirements-fuzz.txt" in said


def test_a_finding_ends_it_badly_and_names_the_file() -> None:
    lines = "stat::number_of_executed_units: 5\nTest unit written to x/fields-crash-1\n"
    done = subprocess.CompletedProcess((), 77, "AssertionError", lines)
    assert guided.told(done) == "5 runs, FOUND something:"
    assert guided.kept_in(done) == "Test unit written to x/fields-crash-1"
