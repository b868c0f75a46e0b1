"""HTML cut into tokens, and the text that a reader of an HTML mail sees; linear, nothing raises."""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+)>""")
TAG_START = re.compile(r"</?[a-zA-Z]")
LONG_NUMBER = re.compile(r"&#[0-9]{9,};?")
ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'=<>`]++)))?+""")
RAW_TEXT = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "title", "textarea")
}
RAW_TEXT |= {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("xmp", "iframe", "noembed", "noframes")
}
UNSEEN_STYLE = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|font-size:0(?:px|pt|em|%)?(?=;|!|$)|opacity:0(?:\.0*)?(?=;|!|$)"
    r"|max-height:0(?:px)?(?=;|!|$)"
)
BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
SPACES = re.compile(r"\s+")
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
IMPLIED_END = frozenset(("p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot"))
BLOCK = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    )
)
PARAGRAPH = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table", "pre"))
DROPPED = frozenset(
    ("script", "style", "title", "head", "template", "noembed", "noframes", "iframe", "object", "select")
)
QUOTE_LIMIT = 10


class Token(NamedTuple):
    """`kind` is "text", "start" or "end"; `name` the tag in lower case; `data` the decoded text or the raw attributes."""

    kind: str
    name: str
    data: str


def tokens(source: str) -> Iterator[Token]:
    """Cut HTML into texts and tags; comments and declarations vanish; a tag that is never closed ends the document."""
    at = 0
    while True:
        opening = source.find("<", at)
        if opening < 0:
            break
        if opening > at:
            yield Token("text", "", unescape(source[at:opening]))
        if TAG_START.match(source, opening):
            found = TAG.match(source, opening)
            if not found:
                return
            name = found[2].lower()
            yield Token("end" if found[1] else "start", name, found[3])
            at = found.end()
            if name in RAW_TEXT and not found[1]:
                closing = RAW_TEXT[name].search(source, at)
                if not closing:
                    return
                if name in ("title", "textarea"):
                    yield Token("text", "", unescape(source[at : closing.start()]))
                at = closing.start()
        elif source.startswith(("!", "?", "/"), opening + 1):
            at = _after_declaration(source, opening)
            if at < 0:
                return
        else:
            yield Token("text", "", "<")
            at = opening + 1
    if at < len(source):
        yield Token("text", "", unescape(source[at:]))


def unescape(text: str) -> str:
    """Character references resolved; numbers of absurd length become U+FFFD (int() refuses them)."""
    return html.unescape(LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _after_declaration(source: str, opening: int) -> int:
    """The offset after a comment, doctype or processing instruction; -1 where it never ends."""
    if source.startswith("<!--", opening):
        if source.startswith((">", "->"), opening + 4):
            return source.index(">", opening) + 1
        end = source.find("-->", opening + 4)
        return end + 3 if end >= 0 else -1
    return source.find(">", opening) + 1 or -1


def attributes(data: str) -> dict[str, str]:
    """The attributes of a start tag by lower-case name; the first of equal names wins."""
    found: dict[str, str] = {}
    for name, double, single, bare in ATTRIBUTE.findall(data):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


def is_hidden(data: str) -> bool:
    """Whether the attributes of a start tag hide the element."""
    if not data or data == "/":
        return False
    lowered = data.lower()
    if "hidden" not in lowered and "style" not in lowered:
        return False
    given = attributes(data)
    if "hidden" in given:
        return True
    return bool(UNSEEN_STYLE.search(SPACES.sub("", given.get("style", "").lower())))


def visible_text(source: str) -> str:
    """The text a reader sees: blocks on their own lines, quotes marked by "> ", lists by "- ", hidden parts dropped."""
    page = _Page()
    hidden = ""
    depth = 0
    for kind, name, data in tokens(source):
        if hidden:
            depth = _hidden_depth(kind, name, hidden, depth)
            if depth > 0:
                continue
            hidden = ""
            if kind == "end":
                continue
        if kind == "text":
            page.add(data)
        elif kind == "end":
            page.close(name)
        elif name in DROPPED or (name not in VOID and is_hidden(data)):
            hidden, depth = name, 1
        else:
            page.open(name)
    return page.text()


def _hidden_depth(kind: str, name: str, hidden: str, depth: int) -> int:
    """How deep inside a hidden element we are after this token; 0 has left it."""
    if hidden == "head" and kind == "start" and name == "body":
        return 0
    if name != hidden:
        return depth
    if kind == "end":
        return depth - 1
    return 0 if hidden in IMPLIED_END else depth + 1


class _Page:
    """Lines being written: collapses blanks, and remembers quote depth and preformatted text."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.quotes = 0
        self.pre = 0
        self.gap = False

    def add(self, data: str) -> None:
        """Text goes on the current line."""
        if self.pre:
            head, *rest = data.replace("\r\n", "\n").split("\n")
            self.words.append(head)
            for line in rest:
                self.end_line(keep_empty=True)
                self.words.append(line)
        else:
            self.words.append(BLANKS.sub(" ", data))

    def end_line(self, *, keep_empty: bool = False) -> None:
        """Write the current line, after a blank one where a paragraph began."""
        line = "".join(self.words)
        line = line.rstrip() if self.pre else BLANKS.sub(" ", line).strip()
        self.words.clear()
        if not line and not keep_empty:
            return
        mark = "> " * min(self.quotes, QUOTE_LIMIT)
        if self.gap and self.lines and self.lines[-1].strip("> "):
            self.lines.append(mark.rstrip())
        self.gap = False
        self.lines.append((mark + line).rstrip())

    def open(self, name: str) -> None:
        """A start tag."""
        if name == "br":
            self.end_line(keep_empty=True)
        elif name in ("td", "th"):
            self.words.append(" ")
        elif name in BLOCK:
            self._break(name)
            if name == "li":
                self.words.append("- ")
            self.quotes += name == "blockquote"
            self.pre += name == "pre"

    def close(self, name: str) -> None:
        """An end tag."""
        if name in BLOCK:
            self._break(name)
            if name == "blockquote":
                self.quotes = max(0, self.quotes - 1)
            elif name == "pre":
                self.pre = max(0, self.pre - 1)

    def _break(self, name: str) -> None:
        self.end_line()
        if name in PARAGRAPH:
            self.gap = True

    def text(self) -> str:
        """All lines."""
        self.end_line()
        return "\n".join(self.lines).strip("\n")
