"""What mail says, read once for the pages: the new text, the earlier text, attachments; and its HTML, cleaned."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.html_clean import clean_html
from gatepost.mail import Attachment, Mail, parse
from gatepost.model import Message
from gatepost.store.messages import RawLost, raw_of
from gatepost.threading.quoted import reply_text
from gatepost.words import Kind

KEPT = 500
TEXT_LIMIT = 200_000
LOST = "The content of this mail cannot be read from storage. Its envelope and history are below."


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

    def __init__(self) -> None:
        self.kept: OrderedDict[str, Body] = OrderedDict()
        self.lock = threading.Lock()

    def read(self, session: Session, message: Message, blobs: Blobs) -> Body:
        """The body of a message or note; with a sentence in place of one that storage lost."""
        with self.lock:
            if message.id in self.kept:
                self.kept.move_to_end(message.id)
                return self.kept[message.id]
        try:
            body = read_body(message, raw_of(session, message.raw_id, blobs))
        except RawLost:
            return Body(LOST, "", False, (), lost=True)
        with self.lock:
            self.kept[message.id] = body
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return body


def read_body(message: Message, raw: bytes) -> Body:
    """A note's octets are its text; everything else is a mail."""
    if message.kind == Kind.NOTE:
        return Body(raw.decode("utf-8", "replace")[:TEXT_LIMIT], "", False, ())
    mail = parse(raw)
    if message.direction == "in":
        parts = reply_text(mail)
        reply, quoted = parts.reply, parts.quoted
    else:
        reply, quoted = mail.text, ""
    files = tuple(file for file in mail.attachments if not (file.inline and mail.html and file.content_id))
    return Body(reply[:TEXT_LIMIT].strip("\n"), quoted[:TEXT_LIMIT].strip("\n"), bool(mail.html), files)


def html_page(mail: Mail) -> str:
    """The HTML body as a page of its own for the sandboxed frame; only what cannot act is left of it."""
    inner = clean_html(mail.html) if mail.html else f"<pre>{escape_text(mail.text)}</pre>"
    return (
        "<!doctype html><html><head><meta charset=utf-8><base target=_blank><style>"
        "html{color-scheme:light}body{margin:0;font:14px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif;"
        "color:#161b26;overflow-wrap:anywhere;background:#fff}p{margin:0 0 9px}img{max-width:100%;height:auto}"
        "table{max-width:100%}blockquote{margin:0 0 9px;padding-left:12px;border-left:2px solid #d3d8e2;color:#475066}"
        f"pre{{white-space:pre-wrap}}</style></head><body>{inner}</body></html>"
    )


def escape_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
