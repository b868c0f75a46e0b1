"""What every command has in common: its settings, its output, and how it ends.

Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 done with findings.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatepost.settings import Settings

FAILED, BAD_INPUT, FINDINGS = 1, 2, 3


class BadInput(Exception):
    """What the user gave does not fit; the text names it and the fix."""


class Failed(Exception):
    """It could not be done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The options that stand before a command."""

    config: Path | None

    def settings(self, **flags: Any) -> "Settings":
        """The settings in force."""
        from gatepost.settings import load_settings

        return load_settings(self.config, **flags)


def say(text: str) -> None:
    """A line for people, on standard output."""
    print(text)


def warn(text: str) -> None:
    """A line for people that is not the result, on standard error."""
    print(text, file=sys.stderr)


def print_object(value: Mapping[str, Any]) -> None:
    """One object per line, for `--json`."""
    print(json.dumps(value, default=str, ensure_ascii=False))


@contextmanager
def ending() -> Iterator[None]:
    """Turn expected trouble into a sentence on standard error and the exit code it has."""
    import typer

    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(FAILED) from None
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        for line in str(error).splitlines() or [type(error).__name__]:
            warn(f"gatepost: {line}")
        raise typer.Exit(code) from None


def code_of(error: Exception) -> int | None:
    """The exit code of trouble that we expect; None for a fault of ours."""
    from gatepost.settings import SettingsError

    if isinstance(error, (BadInput, SettingsError)):
        return BAD_INPUT
    names = {kind.__name__ for kind in type(error).__mro__}
    return FAILED if names & {"Failed", "DatabaseError", "KeyFileError", "SealError", "RawLost", "OSError"} else None
