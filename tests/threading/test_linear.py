"""Reading bounces and quotes is linear: every pattern is bounded, and twice the input is at most twice the work."""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import pytest

import gatepost.threading
from gatepost.mail import parse
from gatepost.threading.quoted import reply_text
from gatepost.threading.quoted_html import own_text
from gatepost.threading.quoted_parent import mark_parent
from gatepost.threading.quoted_text import cut_text
from gatepost.threading.report import read_report

FOLDER = Path(next(iter(gatepost.threading.__path__)))
NAMES = ("quoted", "attributions", "report", "automatic")
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem.startswith(NAMES))
MOST_STEPS = 3_000
"""What a pattern may cost at one place of the input, in characters looked at, whatever the input is."""


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    found: dict[str, re.Pattern[str]] = {}
    for module in MODULES:
        names = vars(importlib.import_module(f"gatepost.threading.{module}"))
        found |= {f"{value.pattern[:60]}": value for value in names.values() if isinstance(value, re.Pattern)}
    return sorted(found.items())


def steps(items: Any) -> float:
    """The most characters that a parsed pattern can look at from one place; infinite for `*` and `+`."""
    total: float = 0
    for kind, value in items:
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            _, most, inside = value
            total += float("inf") if most == constants.MAXREPEAT else most * max(1, steps(inside))
        elif kind is constants.SUBPATTERN:
            total += steps(value[3])
        elif kind is constants.BRANCH:
            total += sum(steps(branch) for branch in value[1])
        elif kind in (constants.ASSERT, constants.ASSERT_NOT):
            total += steps(value[1])
        elif kind is not constants.AT:
            total += 1
    return total


def test_the_patterns_are_found() -> None:
    assert len(patterns()) > 20
    assert {"quoted_lines", "report_text", "report_lines", "report_codes", "report_fields"} <= set(MODULES)


@pytest.mark.parametrize(("name", "pattern"), patterns())
def test_every_pattern_is_bounded(name: str, pattern: re.Pattern[str]) -> None:
    assert steps(parser.parse(pattern.pattern, pattern.flags)) <= MOST_STEPS, name


def work(task: Callable[[str], object], text: str) -> int:
    """The lines of our code that run, and the calls it makes."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        task(text)
    finally:
        sys.settrace(before)
    return count


def report_of(text: str) -> object:
    return read_report(parse(f"From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n{text}".encode()))


def answer_of(text: str) -> object:
    return reply_text(parse(f"From: a@x.example\nSubject: Re: x\n\n{text}".encode()), text[::2])


UNITS = [
    "On a wrote:\n", "On\n", "> a\n", "> a\nb\n", "From: a\n", "From: a@b.c\nTo: d\n\n", "-- \n", "a <b@c.d\n",
    "Le\n\n",
    "a@b.c\n", "<a@b.c>:\n", "550 5.1.1 <a@b.c>\n", "Received: x\n", "Final-Recipient: rfc822;a@b.c\n\n",
    "the address:\n",
    "-----Original\n", "2024 10:12 <a@\n", "a@b.c (expanded from <d@e.f>)\n",
]  # fmt: skip
TASKS: list[Callable[[str], object]] = [
    cut_text,
    report_of,
    answer_of,
    lambda text: mark_parent(text.split("\n"), text),
]


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_at_most_twice_the_work(unit: str) -> None:
    for task in TASKS:
        once, twice = work(task, unit * 150), work(task, unit * 300)
        assert twice <= 2.1 * once + 2_000


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<blockquote>", '<div class="gmail_quote">', "</div>", '<blockquote class="gmail_quote">a', "<p>a<br>"],
)
def test_twice_the_html_is_at_most_twice_the_work(unit: str) -> None:
    once, twice = work(own_text, unit * 150), work(own_text, unit * 300)
    assert twice <= 2.1 * once + 2_000
