"""Cutting quoted text and signatures off a plain text mail; linear, and never down to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.threading.quoted_lines import (
    attribution,
    header_block,
    inline_attribution,
    is_forward_mark,
    is_mobile_signature,
    is_original_mark,
    is_quoted,
    is_reply_marker,
    is_rule,
    is_signature,
    wrote_by,
)

TEXT_LIMIT = 1024 * 1024
LINES_LIMIT = 10_000
WRAP_WIDTH = 60
NOTHING_LEFT = "nothing would remain"
"""Why a mail is shown whole although it looks quoted."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The kept lines, the lines that were cut off, and why."""

    kept: list[str]
    cut: list[str]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Splitter:
    """Where a quote begins (line), where its text begins, what announced it, and a shared first line's answer."""

    start: int
    body: int
    what: str
    shared: str = ""


def cut_text(text: str) -> Cut:
    """The lines that the person wrote, answers between quotes with the quotes they answer."""
    lines = split_lines(text)
    splitter = find_splitter(lines)
    if splitter is None:
        return Cut(lines, [], ())
    if splitter.what == "forwarded mail":
        return Cut(lines, [], ("a forwarded mail stays whole",))
    kept, why = _without_quote(lines, splitter)
    if not any(line.strip() for line in kept):
        return Cut(lines, [], (NOTHING_LEFT,))
    left = set(map(id, kept))
    return Cut(kept, [line for line in lines if id(line) not in left], why)


def split_lines(text: str) -> list[str]:
    """The lines of a text, with ordinary blanks; capped."""
    lines = text[:TEXT_LIMIT].replace("\r\n", "\n").replace("\r", "\n").split("\n")[:LINES_LIMIT]
    return [line.replace("\u00a0", " ").replace("\u200b", "") for line in lines]


def unquoted_head(text: str, most: int) -> list[str] | None:
    """The first lines of a text, with so many characters or all there are, where nothing is cut off in them."""
    lines = split_lines(text)
    until, found = 0, 0
    while until < len(lines) and found < most:
        found += len(lines[until].strip())
        until += 1
    return None if find_splitter(lines, until=until) else lines[:until]


def find_splitter(lines: Sequence[str], said: bool = False, until: int = LINES_LIMIT) -> Splitter | None:
    """The first line that begins a quote or ends the answer, of the first `until` lines.

    `said`: something was written before these lines.
    """
    for index, line in enumerate(lines[:until]):
        if not line.strip():
            continue
        found = _splitter_at(lines, index, said)
        if found:
            return found
        said = True
    return None


def _splitter_at(lines: Sequence[str], index: int, said: bool) -> Splitter | None:
    line = lines[index]
    if is_forward_mark(line):
        return Splitter(index, index + 1, "forwarded mail")
    if is_original_mark(line) or wrote_by(line) or is_reply_marker(line):
        return Splitter(index, index + 1, "separator")
    if is_quoted(line):
        return Splitter(index, index, "quoted lines") if _is_quote_block(lines, index) else None
    place = inline_attribution(line)
    if place >= 0:
        return Splitter(index, index + 1, "attribution line", line[:place].rstrip(" -"))
    found = attribution(lines, index) or header_block(lines, index)
    if found:
        return Splitter(_with_rule(lines, index), found.end, found.what)
    if said and is_signature(line):
        return Splitter(index, index + 1, "signature")
    if said and is_mobile_signature(line) and _stands_alone(lines, index):
        return Splitter(index, index + 1, "mobile signature")
    return None


def _stands_alone(lines: Sequence[str], index: int) -> bool:
    """After a blank line or at the end: not a line of a paragraph that happens to begin like a signature."""
    return index == 0 or not lines[index - 1].strip() or not any(line.strip() for line in lines[index + 1 : index + 5])


def _is_quote_block(lines: Sequence[str], index: int) -> bool:
    """A lone marked line between others is a quote too, but not one that only shows arrows."""
    return bool(lines[index].strip("> \t")) or (index + 1 < len(lines) and is_quoted(lines[index + 1]))


def _with_rule(lines: Sequence[str], index: int) -> int:
    """A line of dashes right above belongs to what it announces."""
    above = index - 1
    while above >= 0 and index - above < 3 and not lines[above].strip():
        above -= 1
    if above >= 0 and is_rule(lines[above]):
        return above
    return index


def _without_quote(lines: list[str], splitter: Splitter) -> tuple[list[str], tuple[str, ...]]:
    """The lines before the quote, and those after it where it is marked line by line."""
    before = [*lines[: splitter.start], *([splitter.shared] if splitter.shared else [])]
    body = splitter.body
    while body < len(lines) and not lines[body].strip():
        body += 1
    marked = body < len(lines) and is_quoted(lines[body]) and splitter.what in ("attribution line", "quoted lines")
    if not marked:
        return before, (splitter.what,)
    end = _quote_end(lines, body)
    if not any(line.strip() for line in lines[end:]):
        return before, (splitter.what,)
    rest = lines[end:]
    rest = rest[next(number for number, line in enumerate(rest) if line.strip()) :]
    later = find_splitter(rest, any(line.strip() for line in before))
    if later is None:
        return [*before, *rest], (splitter.what, "text below the quote")
    if later.what in ("quoted lines", "attribution line") and any(line.strip() for line in rest[: later.start]):
        return _interleaved(lines, end), ("answers between quotes",)
    if splitter.what == "quoted lines" and later.what == "attribution line" and later.start == 0:
        before = lines[:end]  # a citation of the writer's own, above the quoted mail
    return [*before, *rest[: later.start]], (splitter.what, later.what)


def _interleaved(lines: list[str], end: int) -> list[str]:
    """Everything up to the last answer: an answer says little without what it answers."""
    last = end
    at = end
    while at < len(lines):
        found = _splitter_at(lines, at, True) if lines[at].strip() else None
        if found is None:
            last = at + 1 if lines[at].strip() else last
            at += 1
            continue
        if found.what not in ("quoted lines", "attribution line"):
            break
        at = found.body
        while at < len(lines) and not lines[at].strip():
            at += 1
        if at >= len(lines) or not is_quoted(lines[at]):
            break
        at = _quote_end(lines, at)
    return lines[:last]


def _quote_end(lines: Sequence[str], start: int) -> int:
    """The end of a block of marked lines; broken ends of long marked lines belong to it."""
    at = end = start
    while at < len(lines):
        if is_quoted(lines[at]):
            at += 1
            end = at
        elif not lines[at].strip():
            if at - end > 3:
                break
            at += 1
        elif at == end and _is_fragment(lines, at):
            at += 1
            end = at
        else:
            break
    return end


def _is_fragment(lines: Sequence[str], at: int) -> bool:
    """Whether an unmarked line is the end of the marked one above, broken by a mail program."""
    above, line = lines[at - 1], lines[at].strip()
    goes_on = at + 1 < len(lines) and is_quoted(lines[at + 1])
    if not goes_on or not above.strip("> "):
        return goes_on and line.startswith("(http")
    return len(above) >= WRAP_WIDTH or " " not in line
