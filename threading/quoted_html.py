"""The text of an HTML mail without what mail programs mark as quoted; one pass over the tokens."""

from gatepost.html_text import TEXT_LIMIT, VOID, attributes, tokens, visible_text
from gatepost.threading.quoted_lines import is_forward_mark

QUOTE_CLASSES = frozenset(
    ("gmail_quote", "gmail_extra", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra",
    "tutanota_quote", "moz-signature",
     "gmail_signature", "ms-outlook-mobile-reference-message", "mcntgmail_quote", "gmail_attr", "freebirdquote",
     "front-blockquote")
)  # fmt: skip
QUOTE_IDS = frozenset(
    (
        "olk_src_body_section",
        "yahoo_quoted",
        "isforwardcontent",
        "replyblockquote",
        "mail-editor-reference-message-container",
    )
)
END_IDS = frozenset(
    ("divrplyfwdmsg", "appendonsend", "stopspelling", "zwchr", "reply-intro", "x_divrplyfwdmsg", "gatepost-reply-above")
)
BORDERS = ("border-top:solid#e1e1e1", "border-top:solid#b5c4df", "border-top:1ptsolid", "border-top:1.0ptsolid")


def own_text(html: str) -> tuple[str, tuple[str, ...]]:
    """The visible text with marked quotes left out, and what marked them; the whole text where nothing would remain."""
    html = html[:TEXT_LIMIT]
    kept, why = _cut(html)
    text = visible_text(kept) if why else visible_text(html)
    if why and not text.strip():
        return visible_text(html), ()
    return text, why


def _cut(html: str) -> tuple[str, tuple[str, ...]]:
    """The HTML without marked elements: written anew from the tokens that remain."""
    out: list[str] = []
    why: dict[str, None] = {}
    skipped, depth = "", 0
    aside: list[str] | None = None
    for kind, name, data in tokens(html):
        if skipped:
            if aside is not None:
                aside.append(_written(kind, name, data))
                if kind == "text" and data.strip():
                    if is_forward_mark(data.strip()):
                        out.extend(aside)
                        skipped = ""
                    aside = None
            if name == skipped and kind in ("start", "end"):
                depth += 1 if kind == "start" else -1
            if depth <= 0:
                skipped = ""
            continue
        mark, to_end = _mark(name, data) if kind == "start" and data else ("", False)
        if mark:
            why[mark] = None
        if to_end:
            break
        if mark and name not in VOID:
            skipped, depth, aside = name, 1, [_written(kind, name, data)]
            continue
        if not mark:
            out.append(_written(kind, name, data))
    return "".join(out), tuple(why)


def _mark(name: str, data: str) -> tuple[str, bool]:
    """(what marks an element as quoted or "", whether everything after it is quoted too)."""
    given = attributes(data)
    classes = set(given.get("class", "").lower().split())
    identifier = given.get("id", "").lower()
    style = given.get("style", "").lower().replace(" ", "")
    if identifier in END_IDS:
        return f"#{identifier}", True
    if any(border in style for border in BORDERS):
        return "the border above a quoted header", True
    if classes & QUOTE_CLASSES and name != "blockquote":
        return f".{min(classes & QUOTE_CLASSES)}", False
    if identifier in QUOTE_IDS:
        return f"#{identifier}", False
    if name == "blockquote" and given.get("type", "").lower() == "cite":
        return "blockquote type=cite", False
    return "", False


def _written(kind: str, name: str, data: str) -> str:
    if kind == "text":
        return data.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"</{name}>" if kind == "end" else f"<{name}{data if data[:1] in ('', ' ', '/') else ' ' + data}>"
