"""HTML cut into tokens, and the text that a reader of an HTML mail sees; linear, nothing raises."""

import html
import re
from collections.abc import Iterator

TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+)>""")
MARKUP = re.compile(r"<(?:/?[a-zA-Z]|([!?/]))")
MAY_HIDE = re.compile(r"hid|none|:\s*0", re.IGNORECASE)
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
ANY_TAG = re.compile(r"<[^<>]*>")
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
CELLS = frozenset(("br", "td", "th"))
DROPPED = frozenset(
    ("script", "style", "title", "head", "template", "noembed", "noframes", "iframe", "object", "select")
)
QUOTE_LIMIT = 10
TAGS_LIMIT = 15_000
"""How many tags are read; of what comes behind them only the text is kept."""

TEXT_LIMIT = 1024 * 1024
"""How many characters of a body are read."""


Token = tuple[str, str, str]
"""(kind, name, data): "text", "start" or "end"; the lower-case tag; the decoded text or the raw attributes."""


def tokens(source: str, most: int = TAGS_LIMIT) -> Iterator[Token]:
    """Cut HTML into texts and tags; comments and declarations vanish; a tag that is never closed ends the document."""
    at = tags = 0
    while opening := MARKUP.search(source, at):
        if (tags := tags + 1) > most:
            source = ANY_TAG.sub(" ", source[at:])
            at = 0
            break
        start = opening.start()
        if start > at:
            yield ("text", "", unescape(source[at:start]))
        if opening[1]:
            at = _after_declaration(source, start)
            if at < 0:
                return
            continue
        found = TAG.match(source, start)
        if not found:
            return
        slash, name, data = found.groups()
        name = name.lower()
        yield ("end" if slash else "start", name, data)
        at = found.end()
        if name in RAW_TEXT and not slash:
            closing = RAW_TEXT[name].search(source, at)
            if not closing:
                return
            if name in ("title", "textarea"):
                yield ("text", "", unescape(source[at : closing.start()]))
            at = closing.start()
    if at < len(source):
        yield ("text", "", unescape(source[at:]))


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
    if not data or not MAY_HIDE.search(data):
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
            if name in BLOCK:
                page.close(name)
        elif name in DROPPED or (data and name not in VOID and is_hidden(data)):
            hidden, depth = name, 1
        elif name in BLOCK or name in CELLS:
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


def text_as_html(text: str) -> str:
    """Plain text as HTML that keeps its lines."""
    return f'<div style="white-space: pre-wrap">{html.escape(text)}</div>'


class _Page:
    """Lines being written: collapses blanks, and remembers quote depth and preformatted text."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.quotes = 0
        self.mark = self.last_mark = ""
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
        line = ""
        if self.words:
            line = "".join(self.words)
            line = line.rstrip() if self.pre else BLANKS.sub(" ", line).strip()
            self.words.clear()
        if not line:
            if keep_empty and (self.pre or (self.lines and self.lines[-1])):
                self.lines.append(self.mark.rstrip())
            return
        if self.gap and self.lines and self.lines[-1].strip("> "):
            self.lines.append(min(self.mark, self.last_mark).rstrip())
        self.gap = False
        self.lines.append(self.mark + line)
        self.last_mark = self.mark

    def open(self, name: str) -> None:
        """A start tag that matters for the layout."""
        if name == "br":
            self.end_line(keep_empty=True)
        elif name in ("td", "th"):
            self.words.append(" ")
        else:
            self._break(name)
            if name == "li":
                self.words.append("- ")
            elif name == "blockquote":
                self._quote(1)
            elif name == "pre":
                self.pre += 1

    def close(self, name: str) -> None:
        """The end tag of a block."""
        self._break(name)
        if name == "blockquote":
            self._quote(-1)
        elif name == "pre":
            self.pre = max(0, self.pre - 1)

    def _quote(self, step: int) -> None:
        self.quotes = max(0, self.quotes + step)
        self.mark = "> " * min(self.quotes, QUOTE_LIMIT)

    def _break(self, name: str) -> None:
        if self.words:
            self.end_line()
        if name in PARAGRAPH:
            self.gap = True

    def text(self) -> str:
        """All lines."""
        self.end_line()
        return "\n".join(self.lines).strip("\n")
