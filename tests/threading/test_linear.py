"""Reading bounces and quotes is linear: every pattern is bounded, and twice the input is at most twice the work."""

import ast
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from gatepost.mail import parse
from gatepost.threading.quoted import reply_text
from gatepost.threading.quoted_html import own_text
from gatepost.threading.quoted_parent import mark_parent
from gatepost.threading.quoted_text import cut_text
from gatepost.threading.report import read_report
from tests.threading.patterns import Pattern, is_slow, made_in_functions, modules, parsed, patterns, slow_units, steps

MOST_STEPS = 3_000
"""What a pattern may cost at one place of the input, in characters looked at, whatever the input is."""

ANSWERS = ("threading.quoted", "threading.attributions", "threading.report", "threading.automatic")
"""Where no pattern may be without a bound; elsewhere one may be that is fast on whatever is tried."""

SLOW = [
    (r'"(?:[^"\\]|\\.)*"', '\\"'),
    (r"<a[^>]*>", "<a"),
    (r"a*c", "a"),
]


def unbounded() -> dict[str, Pattern]:
    return {name: pattern for name, pattern in patterns().items() if steps(parsed(pattern)) > MOST_STEPS}


def test_the_patterns_are_found_wherever_they_are() -> None:
    found = {name.removeprefix("gatepost.").rpartition(".")[0] for name in patterns()}
    assert len(patterns()) > 90
    assert {"html_text", "mail_header", "mail_words", "mail_params", "mail_transfer", "message_ids", "address"} <= found
    assert {"threading.quoted_lines", "threading.report_text", "threading.archive_lost", "gateway.results"} <= found
    made = [one for tree in modules().values() for one in made_in_functions(tree)]
    assert made == [], "a pattern that is put together at run time is not looked at here"


def test_a_pattern_that_is_made_at_run_time_would_be_found() -> None:
    tree = ast.parse("import re\ndef f(a, b):\n    re.sub(a + '*', '', b)\n    re.sub('x', '', b)\n    re.escape(a)\n")
    assert made_in_functions(tree) == ["a + '*'"]


def test_every_pattern_is_bounded_or_fast_on_whatever_is_repeated() -> None:
    slow = {name: units for name, pattern in unbounded().items() if (units := slow_units(name, pattern))}
    assert slow == {}


def test_in_quotes_and_reports_every_pattern_is_bounded() -> None:
    assert [name for name in unbounded() if name.removeprefix("gatepost.").startswith(ANSWERS)] == []


@pytest.mark.parametrize(("pattern", "unit"), SLOW)
def test_a_slow_pattern_would_be_found(pattern: str, unit: str) -> None:
    slow = re.compile(pattern)
    assert steps(parsed(slow)) > MOST_STEPS
    assert is_slow(slow, "", unit, only_here=False)


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
