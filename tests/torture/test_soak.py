"""What the soak calls flat, and what it does not; that it sees processes."""

import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.torture.run import Verdict
from tests.torture.soak import Sample, descendants, judge_samples, sample, slope

DICE = random.Random(7)


def seen(rss: Callable[[float], float], files: Callable[[float], float]) -> list[Sample]:
    """Ten minutes of a product, every two seconds, with the noise that there always is."""
    return [
        Sample(at, rss(at / 60) + DICE.uniform(-3, 3), round(files(at / 60)) + DICE.randint(-4, 4), 4)
        for at in range(0, 600, 2)
    ]


@pytest.mark.parametrize(
    ("samples", "passes"),
    [
        (seen(lambda _: 150, lambda _: 2100), True),
        (seen(lambda minute: 150 + 0.4 * minute, lambda _: 2100), True),
        (seen(lambda minute: 150 + 2 * minute, lambda _: 2100), False),
        (seen(lambda _: 150, lambda minute: 2100 + 5 * minute), False),
        (seen(lambda minute: 150 + (40 if minute > 5 else 0), lambda _: 2100), False),
    ],
)
def test_a_slope_and_more_descriptors_are_found(samples: list[Sample], passes: bool) -> None:
    verdict = Verdict()
    judge_samples(verdict, samples)
    assert verdict.passed == passes, verdict.broken


def test_in_seconds_the_slope_is_told_and_not_judged() -> None:
    verdict = Verdict()
    judge_samples(verdict, [Sample(0, 100, 50, 1), Sample(10, 110, 50, 1)], slopes=False)
    assert verdict.passed
    assert verdict.figures["rss_slope_mb_per_min"] == pytest.approx(60)
    assert slope([Sample(0, 7, 0, 1), Sample(60, 8, 0, 1)]) == pytest.approx(1)


def test_it_sees_a_process_and_what_that_started() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        parent.stdout.readline()
        assert parent.pid in descendants(os.getpid())
        (child,) = descendants(parent.pid)
        both, alone = sample(parent.pid, 0), sample(child, 0)
        parent.communicate(b"\n")
    assert (both.processes, alone.processes) == (2, 1)
    assert both.rss > alone.rss > 1
    assert both.files > alone.files > 2
