"""How the CPU time of a function grows with its input: a ratio with margin, never an absolute time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP = 4
MARGIN = 2.5


def cost(work: Callable[[T], object], given: T) -> float:
    """The least CPU time of three runs, in seconds."""
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        work(given)
        times.append(time.process_time() - start)
    return min(times)


def assert_linear(work: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
    """Four times the input may cost ten times the CPU at the most; quadratic work would cost sixteen times."""
    small, large = cost(work, make(size)), cost(work, make(size * STEP))
    assert large <= max(small, 0.002) * STEP * MARGIN
