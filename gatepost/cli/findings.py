"""What a check of the doctor found: ok, warn or fail, in one sentence, with the fix where there is one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    group: str
    state: Literal["ok", "warn", "fail"]
    sentence: str
    fix: str = ""


Findings = Iterable[Finding]


def ok(group: str, sentence: str) -> Finding:
    """All is well."""
    return Finding(group, "ok", sentence)


def warn(group: str, sentence: str, fix: str) -> Finding:
    """It works, but a person should act."""
    return Finding(group, "warn", sentence, fix)


def fail(group: str, sentence: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(group, "fail", sentence, fix)


def guarded(group: str, look: Callable[[], Findings]) -> list[Finding]:
    """What a check finds; one that breaks is a finding itself, so that the others are still made."""
    try:
        return list(look())
    except Exception as error:
        what = f"this could not be checked: {type(error).__name__}: {error}"
        return [fail(group, what, "report this with the output of `gatepost doctor --json`")]
