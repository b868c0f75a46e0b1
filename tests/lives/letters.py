"""Mails of the world as octets, written as other programs write them."""

import itertools
import uuid
from email.message import EmailMessage
from email.utils import localtime

_count = itertools.count(1)


def letter(sender: str, to: str, subject: str, text: str, **fields: str) -> tuple[str, bytes]:
    """A plain mail and its Message-ID without brackets; `fields` are further ones, `in_reply_to` and so on."""
    mail = EmailMessage()
    header_id = f"{uuid.uuid4().hex}.{next(_count)}@mail.example"
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, to, subject, f"<{header_id}>"
    mail["Date"] = localtime()
    for name, value in fields.items():
        mail[name.replace("_", "-").title()] = value
    mail.set_content(text)
    return header_id, mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def answer(sender: str, to: str, subject: str, text: str, header_id: str) -> tuple[str, bytes]:
    """An answer to the mail with this Message-ID, as mail programs write it."""
    reference = f"<{header_id}>"
    quoted = f"{text}\n\nOn Sunday the shop wrote:\n> Thank you for your order.\n"
    return letter(sender, to, f"Re: {subject}", quoted, in_reply_to=reference, references=reference)
