"""Which parts are the body and which are attachments (RFC 8621 section 4.1.4), and the body as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.html_text import TEXT_LIMIT, text_as_html, visible_text
from gatepost.mail_charset import decode_text, find_codec
from gatepost.mail_mime import Part

MEDIA = ("image/", "audio/", "video/")
NOT_BODY = frozenset(
    {"text/calendar", "text/rfc822-headers", "text/csv", "text/vcard", "text/x-vcard", "text/x-amp-html"}
)
NAMES = {
    "message/rfc822": "message.eml",
    "text/calendar": "invitation.ics",
    "application/ms-tnef": "winmail.dat",
    "text/rfc822-headers": "headers.txt",
    "message/delivery-status": "delivery-status.txt",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-signature": "smime.p7s",
    "application/pdf": "document.pdf",
    "text/plain": "text.txt",
    "text/html": "text.html",
    "image/png": "image.png",
    "image/jpeg": "image.jpg",
    "image/gif": "image.gif",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that can be downloaded; `index` is its part's, `inline` that the HTML may show it in place."""

    index: int
    name: str
    content_type: str
    size: int
    inline: bool
    content_id: str | None


Bodies = tuple[list[Part], list[Part]]
"""The parts that make the body where text is wanted, and where HTML is wanted."""


def read_bodies(parts: Sequence[Part]) -> tuple[str, str | None, tuple[Attachment, ...], tuple[str, ...]]:
    """(text, html or None, attachments, defects): plain text where the sender gave it, else what the HTML shows."""
    children: dict[int | None, list[Part]] = {}
    for part in parts:
        children.setdefault(part.parent, []).append(part)
    attached: list[Part] = []
    texts, htmls = _together(children, None, "mixed", attached)
    defects: dict[str, None] = {}
    sources = {part.index: _source(part, defects) for part in {p.index: p for p in (*texts, *htmls)}.values()}
    shown = None
    if any(part.content_type == "text/html" for part in htmls):
        shown = "\n".join(
            sources[p.index] if p.content_type == "text/html" else text_as_html(sources[p.index]) for p in htmls
        )
    plain = [visible_text(sources[p.index]) if p.content_type == "text/html" else sources[p.index] for p in texts]
    text = "\n".join(piece.strip("\n") for piece in plain if piece.strip())
    if not text and shown and not _has_html(texts):
        text = visible_text(shown)
    return text[:TEXT_LIMIT], shown, tuple(_attachment(part) for part in attached), tuple(defects)


def _together(children: dict[int | None, list[Part]], parent: int | None, kind: str, attached: list[Part]) -> Bodies:
    """The body parts among the children of a multipart of that kind; all else is added to `attached`."""
    branches: list[Bodies] = []
    for number, part in enumerate(children.get(parent, ())):
        if part.is_multipart:
            branches.append(_together(children, part.index, part.content_type[10:], attached))
        elif _is_body(part, number, kind):
            branches.append(([part], [part]))
        else:
            attached += [part, *children.get(part.index, ())]
    if kind != "alternative":
        return [p for texts, _ in branches for p in texts], [p for _, htmls in branches for p in htmls]
    plain = [texts for texts, _ in branches if texts and not _has_html(texts)]
    rich = [htmls for _, htmls in branches if _has_html(htmls)]
    return (plain or rich or [[]])[0], (rich or plain or [[]])[-1]


def _has_html(parts: Sequence[Part]) -> bool:
    return any(part.content_type == "text/html" for part in parts)


def _is_body(part: Part, number: int, kind: str) -> bool:
    """Whether a leaf is body: a text that is no attachment and, save for the first, has no name."""
    if part.disposition == "attachment" or not part.content_type.startswith("text/") or part.content_type in NOT_BODY:
        return False
    if kind == "alternative":
        return part.content_type in ("text/plain", "text/html")
    if number == 0:
        return not (part.name and part.depth and part.disposition)
    return kind not in ("related", "digest") and not part.name


def _source(part: Part, defects: dict[str, None]) -> str:
    """The text of a body part with LF line ends, cut after 1 MB."""
    octets = part.content
    if len(octets) > TEXT_LIMIT:
        defects["a long body was cut"] = None
        octets = octets[:TEXT_LIMIT]
    if part.charset and find_codec(part.charset) is None:
        defects["unknown charset"] = None
    text = decode_text(octets, part.charset)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _attachment(part: Part) -> Attachment:
    inline = part.disposition != "attachment" and part.content_type.startswith(MEDIA)
    kind = part.content_type.rpartition("/")[2]
    ending = f".{kind}" if kind.isalnum() and len(kind) <= 5 else ""
    name = part.name or NAMES.get(part.content_type) or f"part-{part.index}{ending}"
    return Attachment(part.index, name, part.content_type, part.size, inline, part.content_id)
