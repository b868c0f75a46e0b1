"""What every command has in common: its settings, its output, and how it ends.

Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 done with findings.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatepost.parts import Parts
    from gatepost.settings import Settings

DONE, FAILED, BAD_INPUT, FINDINGS, INTERRUPTED = 0, 1, 2, 3, 130
WIDEST = 60


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
    print(harmless(text))


def warn(text: str) -> None:
    """A line for people that is not the result, on standard error."""
    print(harmless(text), file=sys.stderr)


def harmless(text: str) -> str:
    """Text without what a terminal would act on, which a mail or a server may have put there."""
    from gatepost.reply import is_shown

    return "".join(char for char in text if char in "\n\t" or is_shown(char))


def print_object(value: Mapping[str, Any]) -> None:
    """One object per line, for `--json`."""
    from gatepost.reply import is_shown

    text = json.dumps(value, default=str, ensure_ascii=False)
    print("".join(char if is_shown(char) else json.dumps(char)[1:-1] for char in text))


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, empty: str) -> None:
    """Rows as objects, or as a table whose headings are their keys; `empty` is said where there are none."""
    if as_json:
        for row in rows:
            print_object(row)
        return
    if not rows:
        say(empty)
        return
    table = [list(rows[0]), *([cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(table[0]))]
    for line in table:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def cell(value: Any) -> str:
    """A value in a table: one line without control characters, cut where it is long."""
    from gatepost.reply import clean_text

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(one) for one in value)
    text = " ".join(clean_text(str(value)).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


@contextmanager
def opened(settings: "Settings") -> Iterator["Parts"]:
    """The parts of an installation whose database fits this program. Raises Failed and what `open_parts` raises."""
    from gatepost.database import schema_revision
    from gatepost.parts import open_parts

    with open_parts(settings) as parts:
        found, needed = schema_revision(parts.database)
        if found != needed:
            raise Failed(
                f"the database is at revision {found or 'none'}, this program needs {needed}: run `gatepost migrate`"
            )
        yield parts


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Turn a refused value into bad input that names its option."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        raise BadInput(f"{option}: {text}") from None


@contextmanager
def ending() -> Iterator[None]:
    """Turn expected trouble into a sentence on standard error and the exit code it has."""
    import typer

    try:
        yield
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None
    except typer.Exit:
        raise
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        for line in sentence_of(error).splitlines():
            warn(f"gatepost: {line}")
        raise typer.Exit(code) from None


def finish(code: int) -> None:
    """End with an exit code. Raises typer.Exit."""
    import typer

    raise typer.Exit(code)


def sentence_of(error: Exception) -> str:
    """What to say about trouble; of a database error what the database said, not our statement."""
    origin = getattr(error, "orig", None)
    if origin is not None:
        said = str(origin).strip()
        fix = ": another program writes to it for long; end that, or try again" if "locked" in said else ""
        return f"the database cannot be used: {said}{fix}"
    return str(error) or type(error).__name__


def code_of(error: Exception) -> int | None:
    """The exit code of trouble that we expect; None for a fault of ours."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"BadInput", "SettingsError"}:
        return BAD_INPUT
    return FAILED if names & EXPECTED else None


EXPECTED = {"Failed", "DatabaseError", "OperationalError", "KeyFileError", "SealError", "RawLost", "OSError"}
