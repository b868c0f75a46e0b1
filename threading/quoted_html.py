"""The text of an HTML mail without what mail programs mark as quoted; one pass over the tokens."""

from dataclasses import dataclass

from gatepost.html_text import TEXT_LIMIT, VOID, attributes, tokens, visible_text
from gatepost.threading.quoted_lines import is_forward_mark
from gatepost.threading.quoted_marks import BORDERS, END_IDS, END_MARKERS, QUOTE_CLASSES, QUOTE_IDS, QUOTE_NAMES

NAMES_LIMIT = 1000
STYLE_LIMIT = 4000
PREFIX = "x_"
"""What web mail puts before the names in a mail that it shows, so that they stay apart from its own."""


def own_text(html: str) -> tuple[str, tuple[str, ...]]:
    """The visible text with marked quotes left out, and what marked them; the whole text where nothing would remain."""
    html = html[:TEXT_LIMIT]
    kept, why = _cut(html)
    text = visible_text(kept)
    if why and not text.strip():
        return visible_text(html), ()
    return text, why


@dataclass(slots=True)
class Marked:
    """An element that is marked as quoted, while it is read: it may turn out to hold a forward, or answers."""

    name: str
    written: list[str]
    depth: int = 1
    quotes: int = 0
    quoted: bool = False
    said: str = ""
    stays: bool = False

    def take(self, kind: str, name: str, data: str) -> bool:
        """Read on; whether the element has ended."""
        self.written.append(_written(kind, name, data))
        if kind == "text":
            self.hear(data.strip())
        if name == "blockquote" and kind in ("start", "end"):
            self.quotes += 1 if kind == "start" else -1
            self.quoted = self.quoted or self.quotes > 0
        if name == self.name and kind in ("start", "end"):
            self.depth += 1 if kind == "start" else -1
        return self.depth <= 0

    def hear(self, text: str) -> None:
        """What is said first may be the mark of a forward; what is said below a quote inside is an answer to it."""
        if text and not self.said:
            self.stays = is_forward_mark(text)
        if text and self.name != "blockquote" and self.quoted and self.quotes <= 0:
            self.stays = True
        self.said = self.said or text


def _cut(html: str) -> tuple[str, tuple[str, ...]]:
    """The HTML without marked elements: written anew from the tokens that remain."""
    out: list[str] = []
    why: dict[str, None] = {}
    marked: Marked | None = None
    citations: list[bool] = []
    said = ""
    for kind, name, data in tokens(html):
        if marked:
            if marked.take(kind, name, data):
                out.extend(marked.written if marked.stays else ())
                marked = None
            continue
        mark, to_end = _mark(name, data) if kind == "start" and data else ("", False)
        if mark:
            why[mark] = None
        if to_end:
            break
        if mark:
            marked = Marked(name, [_written(kind, name, data)]) if name not in VOID else None
            continue
        if kind == "text":
            said = data.strip() or said
        out.append(_citation(citations, kind, data, said) if name == "blockquote" else _written(kind, name, data))
    if marked and marked.stays:
        out.extend(marked.written)
    return "".join(out), tuple(why)


def _citation(citations: list[bool], kind: str, data: str, said: str) -> str:
    """A blockquote, or, where Gmail writes one that nothing announces, plain text: somebody chose to cite it."""
    if kind == "start":
        citations.append("gmail_quote" in data and not said.endswith((":", "：")))
    own = bool(citations) and citations[-1]
    if kind == "end" and citations:
        citations.pop()
    return _written(kind, "div" if own else "blockquote", data)


def _mark(name: str, data: str) -> tuple[str, bool]:
    """(what marks an element as quoted or "", whether everything after it is quoted too)."""
    given = attributes(data)
    classes = {_bare(word) for word in given.get("class", "")[:NAMES_LIMIT].lower().split()}
    identifier = _bare(given.get("id", "")[:NAMES_LIMIT].lower())
    style = given.get("style", "")[:STYLE_LIMIT].lower().replace(" ", "")
    if identifier in END_IDS or given.get("data-marker", "").lower() in END_MARKERS:
        return f"#{identifier or 'data-marker'}", True
    if any(border in style for border in BORDERS):
        return "the border above a quoted header", True
    if name == "blockquote":
        return _blockquote(given, classes, identifier), False
    if classes & QUOTE_CLASSES:
        return f".{min(classes & QUOTE_CLASSES)}", False
    if identifier in QUOTE_IDS:
        return f"#{identifier}", False
    if name == "div" and given.get("name", "").lower() in QUOTE_NAMES:
        return f"name={given['name'].lower()}", False
    return "", False


def _blockquote(given: dict[str, str], classes: set[str], identifier: str) -> str:
    """What marks a blockquote as a quoted mail: Gmail's own may be a citation that the person chose to make."""
    if given.get("type", "").lower() == "cite":
        return "blockquote type=cite"
    found = (classes & QUOTE_CLASSES) - {"gmail_quote"}
    return f".{min(found)}" if found else (f"#{identifier}" if identifier in QUOTE_IDS else "")


def _bare(word: str) -> str:
    """A name as its mail program wrote it: without `x_`, and without the prefix that Yahoo makes up anew each time."""
    while word.startswith(PREFIX):
        word = word[len(PREFIX) :]
    return "yahoo_quoted" if word.endswith("yahoo_quoted") else word


def _written(kind: str, name: str, data: str) -> str:
    if kind == "text":
        return data.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"</{name}>" if kind == "end" else f"<{name}{data if data[:1] in ('', ' ', '/') else ' ' + data}>"
