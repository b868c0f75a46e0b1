"""Finding the answered mail in an answer: its lines are quoted, whatever a mail program put before them."""

from collections.abc import Sequence

PARENT_LINES = 20_000
PARENT_WORDS = 60_000
SHORTEST = 12
RUN = 4
MARKS = "> \t|"


def mark_parent(lines: Sequence[str], parent_text: str) -> tuple[list[str], int]:
    """The lines with a quote mark on those that stand in the parent, and how many got one; linear.

    A line is known by its whole text, or, where it was wrapped anew, by every four words in a row. Short lines say
    little and count only beside another one.
    """
    known, runs = _lines_and_runs(parent_text)
    strength = [_strength(line, known, runs) for line in lines]
    _spread(strength, range(len(lines)))
    _spread(strength, range(len(lines) - 1, -1, -1))
    marked = [
        f"> {line}" if found == 2 and line[:1] != ">" else line for line, found in zip(lines, strength, strict=True)
    ]
    return marked, sum(found == 2 and line[:1] != ">" for line, found in zip(lines, strength, strict=True))


def _lines_and_runs(parent_text: str) -> tuple[set[str], set[tuple[str, ...]]]:
    """The plain lines of the parent, and every run of four words in it."""
    known = {plain(line) for line in parent_text.split("\n")[:PARENT_LINES]} - {""}
    words = [word for line in parent_text.split("\n")[:PARENT_LINES] for word in plain(line).split()][:PARENT_WORDS]
    return known, {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _strength(line: str, known: set[str], runs: set[tuple[str, ...]]) -> int:
    """2 for a line of the parent, 1 for a short one that may be its own, 0 for another, -1 for a blank one."""
    bare = plain(line)
    if not bare:
        return -1
    words = bare.split()[:PARENT_WORDS]
    if len(words) >= RUN and all(tuple(words[at : at + RUN]) in runs for at in range(len(words) - RUN + 1)):
        return 2
    if bare in known:
        return 2 if len(bare) >= SHORTEST and len(words) > 2 else 1
    return 0


def _spread(strength: list[int], order: range) -> None:
    """A short known line beside a line of the parent, blank ones aside, is one too."""
    before = 0
    for index in order:
        if strength[index] == 1 and before == 2:
            strength[index] = 2
        if strength[index] >= 0:
            before = strength[index]


def plain(line: str) -> str:
    """A line without quote marks, in lower case, with single blanks."""
    return " ".join(line.lstrip(MARKS).split()).lower()
