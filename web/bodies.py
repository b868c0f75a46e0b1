"""What mail says, read once for the pages: the new text, the earlier text, attachments; and its HTML, cleaned."""

import html
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import unquote

from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.child import JobFailed
from gatepost.gateway.budget import Budget, for_reading
from gatepost.gateway.confirm import without_link
from gatepost.html_clean import CleanHtml, clean
from gatepost.html_text import text_as_html
from gatepost.mail import Attachment, Mail
from gatepost.model import Message
from gatepost.settings import Settings
from gatepost.store.messages import RawLost, raw_of
from gatepost.threading.answered import parent_text
from gatepost.threading.reading import CHILDREN, parse_safely, read_reply_safely
from gatepost.words import Kind

KEPT = 500
TEXT_LIMIT = 200_000
IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"RIFF": "image/webp",
}
TAG = re.compile(r"<img [^<>]{1,100000}")
SOURCE = re.compile(r' src="cid:([^"<>]{1,1000})"')
LOST = "The content of this mail cannot be read from storage. Its envelope and history are below."
PURGED = "What this mail said was deleted for ever. When it came or went, and what became of it, stays."
UNREAD = "The text of this mail cannot be shown: {why}. Its source can be downloaded."


@dataclass(frozen=True, slots=True)
class Body:
    """`reply` is the new text, `quoted` what it answers; `html` whether the mail has an HTML body to show."""

    reply: str
    quoted: str
    html: bool
    attachments: tuple[Attachment, ...]
    lost: bool = False


class Bodies:
    """The last few hundred bodies read; a message's octets never change."""

    def __init__(self, budget: Budget, settings: Settings) -> None:
        self.budget = budget
        self.settings = settings
        self.kept: OrderedDict[str, Body] = OrderedDict()
        self.lock = threading.Lock()

    def read(self, session: Session, message: Message, blobs: Blobs) -> Body:
        """The body of a message or note; with a sentence in place of one that storage lost."""
        if message.purged_at:
            return Body(PURGED, "", False, (), lost=True)
        with self.lock:
            if message.id in self.kept:
                self.kept.move_to_end(message.id)
                return self.kept[message.id]
        try:
            with self.budget.hold(for_reading(message.size)):
                raw = without_link(self.settings, message, raw_of(session, message.raw_id, blobs))
                body = read_body(message, raw, parent_text(session, message, raw, blobs))
        except RawLost:
            return Body(LOST, "", False, (), lost=True)
        if body.lost:
            return body
        with self.lock:
            self.kept[message.id] = body
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return body


def read_body(message: Message, raw: bytes, parent: str | None = None) -> Body:
    """A note's octets are its text; everything else is a mail. `parent` is the text of the mail that it answers.

    With a sentence in place of a mail that a limited child could not read.
    """
    if message.kind == Kind.NOTE:
        return Body(raw.decode("utf-8", "replace")[:TEXT_LIMIT], "", False, ())
    try:
        mail, reply, quoted = read_texts(message, raw, parent)
    except JobFailed as failed:
        return Body(UNREAD.format(why=failed), "", False, (), lost=True)
    placed = images_in(mail)
    files = tuple(file for file in mail.attachments if file.index not in placed)
    return Body(reply[:TEXT_LIMIT].strip("\n"), quoted[:TEXT_LIMIT].strip("\n"), bool(mail.html), files)


def read_texts(message: Message, raw: bytes, parent: str | None) -> tuple[Mail, str, str]:
    """A mail, what is new in it and what is quoted; of ours all is new. Raises JobFailed."""
    if message.direction != "in":
        mail = parse_safely(raw)
        return mail, mail.text, ""
    mail, found = read_reply_safely(raw, parent)
    return mail, found.reply, found.quoted


def image_type(content: bytes) -> str | None:
    """The media type of an image that may be shown in place, by its first octets: what a mail says is no proof."""
    found = next((kind for start, kind in IMAGES.items() if content.startswith(start)), None)
    return None if found == "image/webp" and content[8:12] != b"WEBP" else found


def images_in(mail: Mail) -> dict[int, str]:
    """The images that the HTML body shows in place: content id by the index of the part (RFC 2392)."""
    known = {file.content_id: file.index for file in mail.attachments if file.content_id}
    named = {cid for tag in TAG.findall(clean_apart(mail).html) for cid in cids(tag)} if mail.html and known else set()
    return {known[cid]: cid for cid in named if cid in known and image_type(mail.parts[known[cid]].content)}


def clean_apart(mail: Mail) -> CleanHtml:
    """The mail's HTML made safe, in a limited child: what takes too long there is shown as its text."""
    try:
        return CHILDREN.call(clean, mail.html or "")
    except JobFailed as failed:
        return CleanHtml(text_as_html(mail.text), why=str(failed))


def cids(tag: str) -> list[str]:
    """The content id that a tag's source names, if it names one."""
    return [html.unescape(unquote(found)) for found in SOURCE.findall(tag)]


def html_page(mail: Mail, parts: str = "") -> str:
    """The HTML body as a page of its own for the sandboxed frame; only what cannot act is left of it.

    `parts` is the path below which the mail's own images are served; others are not loaded, and that is told.
    """
    cleaned = clean_apart(mail) if mail.html else CleanHtml(f"<pre>{escape_text(mail.text)}</pre>")
    served = {cid: f"{parts}/{index}/image" for index, cid in images_in(mail).items()} if parts else {}

    def placed(tag: re.Match[str]) -> str:
        named = cids(tag[0])
        return SOURCE.sub(f' src="{served[named[0]]}"' if named and named[0] in served else "", tag[0])

    inner = TAG.sub(placed, cleaned.html)
    if cleaned.blocked_images:
        inner += f"<p class=left-out>Not loaded: {cleaned.blocked_images} remote image(s), so that nobody is told.</p>"
    return (
        "<!doctype html><html><head><meta charset=utf-8><base target=_blank><style>"
        "html{color-scheme:light}body{margin:0;font:14px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif;"
        "color:#161b26;overflow-wrap:anywhere;background:#fff}p{margin:0 0 9px}img{max-width:100%;height:auto}"
        "table{max-width:100%}blockquote{margin:0 0 9px;padding-left:12px;border-left:2px solid #d3d8e2;color:#475066}"
        ".left-out{margin:14px 0 0;color:#667085;font-size:12px}"
        f"pre{{white-space:pre-wrap}}</style></head><body>{inner}</body></html>"
    )


def escape_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
