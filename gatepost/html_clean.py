"""HTML mail made safe to show: rebuilt from its tokens with an allow-list, bounded, then sanitised again by nh3."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

import nh3

from gatepost.html_text import TEXT_LIMIT, attributes, text_as_html, tokens, visible_text

DEPTH_LIMIT = 100
TAGS_LIMIT = 50_000
REFERENCES_LIMIT = 50_000
STRAYS_LIMIT = 2_000
ATTRIBUTES_LIMIT = 16 * 1024
INLINE_IMAGE_LIMIT = 512 * 1024
VOID = frozenset(("br", "col", "hr", "img", "wbr"))
UNCOUNTED = VOID | frozenset(("p", "li", "dt", "dd", "td", "th", "tr", "thead", "tbody", "tfoot"))
"""Elements that never nest in themselves without another one between."""

SKIPPED = frozenset(
    ("script", "style", "title", "head", "template", "noembed", "noframes", "iframe", "object", "svg", "math", "select")
)
CELL = frozenset(("align", "valign", "bgcolor", "width", "height", "colspan", "rowspan", "style", "dir"))
INLINE = (
    *(
        "abbr",
        "b",
        "bdi",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "dfn",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
    ),
    *(
        "h4",
        "h5",
        "h6",
        "i",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
    ),
    *("ul", "var", "wbr"),
)
ALLOWED: dict[str, frozenset[str]] = {
    **dict.fromkeys(INLINE, frozenset(("style", "dir"))),
    **dict.fromkeys(("div", "p", "span", "blockquote", "pre", "li"), frozenset(("align", "style", "dir", "title"))),
    **dict.fromkeys(("td", "th", "tr", "thead", "tbody", "tfoot", "col", "colgroup"), CELL | {"span"}),
    "table": CELL | {"border", "cellpadding", "cellspacing"},
    "a": frozenset(("href", "style", "title")),
    "img": frozenset(("src", "alt", "width", "height", "align", "style", "border")),
    "font": frozenset(("color", "face", "size", "style")),
    "hr": frozenset(("width", "size", "align", "style")),
    "ol": frozenset(("start", "type", "style")),
}
STYLES = {
    *("color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height"),
    *(
        "text-align",
        "text-decoration",
        "text-indent",
        "text-transform",
        "letter-spacing",
        "vertical-align",
        "white-space",
    ),
    *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-style"),
    *("border-width", "border-radius", "border-collapse", "border-spacing", "list-style-type", "display", "direction"),
    *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left", "width", "max-width", "height"),
    *("margin", "margin-top", "margin-right", "margin-bottom", "margin-left", "min-width"),
}
PLAIN_BACKGROUND = re.compile(
    r"(^|;)\s{0,20}background\s{0,20}:\s{0,20}(#[0-9a-f]{3,8}|[a-z]{3,25}|rgba?\([0-9., %]{5,40}\))(?=\s{0,20}(?:;|$))",
    re.IGNORECASE,
)
"""A background that is only a colour: without it light text would stand on white."""
LINKS = ("http://", "https://", "mailto:", "tel:")
REMOTE = ("http://", "https://", "//")
INLINE_IMAGES = (
    "data:image/png;base64,",
    "data:image/jpeg;base64,",
    "data:image/gif;base64,",
    "data:image/webp;base64,",
)

_CLEANER = nh3.Cleaner(
    tags=set(ALLOWED),
    attributes={tag: set(names) for tag, names in ALLOWED.items()},
    url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
    url_relative="deny",
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    filter_style_properties=STYLES,
    strip_comments=True,
)


@dataclass(frozen=True, slots=True)
class CleanHtml:
    """Safe HTML for the body of a page of its own; how many remote images were left out; why it is only text, or None.

    Images of the mail itself keep `src="cid:..."` for the page to map to its attachments.
    """

    html: str
    blocked_images: int = 0
    why: str | None = None


def clean(source: str, *, remote_images: bool = False) -> CleanHtml:
    """Make HTML of unknown origin safe; never raises. What is too large or too deep is shown as its plain text."""
    if len(source) > TEXT_LIMIT:
        return _as_text(source, "The HTML is larger than 1 MB.")
    rebuilder = _Rebuilder(remote_images)
    rebuilt = "".join(rebuilder.rebuild(source))
    if rebuilder.too_deep:
        return _as_text(source, "The HTML is nested too deep.")
    if rebuilder.strays > STRAYS_LIMIT:
        return _as_text(source, "The HTML has tables without cells.")
    if rebuilt.count("&") > REFERENCES_LIMIT or len(rebuilt) > 4 * TEXT_LIMIT:
        return _as_text(source, "The HTML has too many special characters.")
    return CleanHtml(_CLEANER.clean(rebuilt), rebuilder.blocked)


def _as_text(source: str, why: str) -> CleanHtml:
    return CleanHtml(text_as_html(visible_text(source[:TEXT_LIMIT])), why=why)


class _Rebuilder:
    """Writes the allowed tokens anew, so that nh3 sees nothing ambiguous and the depth counted here is the real one."""

    def __init__(self, remote_images: bool) -> None:
        self.remote_images = remote_images
        self.blocked = 0
        self.too_deep = False
        self.open: dict[str, int] = {}
        self.depth = 0
        self.cells = [True]
        self.strays = 0

    def rebuild(self, source: str) -> Iterator[str]:
        """The pieces of the new document; stops where it gets too deep."""
        skipped = ""
        nested = 0
        for kind, name, data in tokens(source, TAGS_LIMIT):
            if skipped:
                nested += (kind == "start" and name == skipped) - (kind == "end" and name == skipped)
                if nested > 0 and not (skipped == "head" and name == "body"):
                    continue
                skipped = ""
            elif kind == "text":
                self.strays += not self.cells[-1] and not data.isspace()
                yield html.escape(data, quote=False)
            elif name in ALLOWED:
                self._place(kind, name)
                yield self._start(name, data) if kind == "start" else self._end(name)
                if self.too_deep:
                    return
            elif kind == "start" and name in SKIPPED and not data.endswith("/"):
                skipped, nested = name, 1

    def _place(self, kind: str, name: str) -> None:
        """Count what stands inside a table but in no cell: moving each of it out costs a parser linear time."""
        if name == "table":
            if kind == "start":
                self.cells.append(False)
            elif len(self.cells) > 1:
                self.cells.pop()
        elif len(self.cells) > 1 and name in ("td", "th", "caption"):
            self.cells[-1] = kind == "start"
        elif name in ("tr", "thead", "tbody", "tfoot") and len(self.cells) > 1:
            self.cells[-1] = False
        else:
            self.strays += not self.cells[-1]

    def _start(self, name: str, data: str) -> str:
        if name not in UNCOUNTED:
            self.open[name] = self.open.get(name, 0) + 1
            self.depth += 1
            self.too_deep = self.depth > DEPTH_LIMIT
        if not data:
            return f"<{name}>"
        return f"<{name}{''.join(self._attributes(name, data))}>"

    def _end(self, name: str) -> str:
        if name in VOID:
            return ""
        if name not in UNCOUNTED:
            if not self.open.get(name):
                return ""
            self.open[name] -= 1
            self.depth -= 1
        return f"</{name}>"

    def _attributes(self, name: str, data: str) -> Iterator[str]:
        if len(data) > (INLINE_IMAGE_LIMIT if name == "img" else ATTRIBUTES_LIMIT):
            return
        allowed = ALLOWED[name]
        for key, value in attributes(data).items():
            if key in allowed and (kept := self._value(key, value)) is not None:
                yield f' {key}="{html.escape(kept)}"'

    def _value(self, key: str, value: str) -> str | None:
        """The value to keep, or None: links to known schemes, images of the mail itself, styles that load nothing."""
        if key == "href":
            url = value.strip()
            return url if url.lower().startswith(LINKS) else None
        if key == "src":
            return self._image(value.strip())
        if key == "style":
            lowered = value.lower()
            if "url(" in lowered or "\\" in value or "image" in lowered:
                return None
            return PLAIN_BACKGROUND.sub(r"\1background-color:\2", value)
        return value

    def _image(self, url: str) -> str | None:
        start = url[:40].lower()
        if start.startswith(REMOTE):
            self.blocked += not self.remote_images
            return url if self.remote_images and not start.startswith("//") else None
        return url if start.startswith(("cid:", *INLINE_IMAGES)) else None
