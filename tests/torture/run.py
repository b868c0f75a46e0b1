"""What a torture scenario is given and what it gives back: `Run` and `Verdict`."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


class Skipped(Exception):
    """The scenario cannot run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario's run: `backend` is sqlite or postgres, `folder` is its own and is removed afterwards.

    `minutes` bounds how long a scenario goes on, 0 where it is not set; `short` asks for a few rounds only.
    """

    name: str
    backend: str
    folder: Path
    seed: int
    short: bool = False
    minutes: float = 0.0

    @property
    def dice(self) -> random.Random:
        """A source of chance that is the same for the same seed."""
        return random.Random(f"{self.seed}:{self.name}:{self.backend}")

    def pick(self, short: int, full: int) -> int:
        """A number of rounds: that of the short form or of the full one."""
        return short if self.short else full

    def times(self, short: int, full: int) -> Iterator[int]:
        """As many rounds as `pick` says, fewer where `--minutes` are over before; at least one."""
        began = time.monotonic()
        for number in range(self.pick(short, full)):
            if number and self.minutes and not self.short and time.monotonic() - began > 60 * self.minutes:
                return
            yield number

    def seconds(self, short: float, full_minutes: float) -> float:
        """How long to go on: of the short form, of `--minutes`, or of the full form."""
        return short if self.short else 60 * (self.minutes or full_minutes)


@dataclass(slots=True)
class Verdict:
    """Figures of a run, and what did not hold."""

    figures: dict[str, float | int | str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def note(self, **figures: float | int | str) -> None:
        """Figures without a limit."""
        self.figures.update(figures)

    def check(self, name: str, value: float, most: float) -> None:
        """A figure that must not be above a limit."""
        self.figures[name] = value
        if value > most:
            self.broken.append(f"{name} is {value}, at most {most} is right")

    def hold(self, holds: bool, sentence: str) -> None:
        """Something that must hold."""
        if not holds:
            self.broken.append(sentence)

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return not self.broken

    def lines(self) -> list[str]:
        """For people: the figures, and a line for each thing that did not hold."""
        shown = ", ".join(f"{name.replace('_', ' ')} {tidy(value)}" for name, value in self.figures.items())
        return [shown, *(f"NOT SO: {sentence}" for sentence in self.broken)]

    def as_json(self, run: Run, seconds: float) -> str:
        """One object."""
        head = {"scenario": run.name, "backend": run.backend, "seed": run.seed, "seconds": round(seconds, 1)}
        return json.dumps({**head, "passed": self.passed, **self.figures, "broken": self.broken})


def tidy(value: float | int | str) -> str:
    """A figure with at most two places."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
