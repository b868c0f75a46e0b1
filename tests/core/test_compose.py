"""What is composed is 7-bit, has no foreign line, and reads back the same."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.address import AddressError
from gatepost.compose import compose
from gatepost.mail import parse, part_content
from gatepost.mail_words import clean_name

DATE = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def mail(**changes: Any) -> bytes:
    given: dict[str, Any] = {
        "from_": ("Desk", "desk@d.example"),
        "to": [("Ada", "ada@a.example")],
        "cc": [],
        "subject": "Hello",
        "text": "Hello Ada\n",
        "message_id": "one@d.example",
        "date": DATE,
    }
    return compose(**(given | changes))


def test_everything_reads_back() -> None:
    raw = mail(
        from_=("Jörg, Desk", "desk@d.example"),
        to=[("Ada", "ada@a.example"), ("", "b@b.example")],
        cc=[("日本", "c@c.example")],
        subject="Grüße an alle " * 10,
        text="Grüße\n.\nFrom here\n-- \nDesk",
        html="<p>Grüße</p>",
        in_reply_to=["x@y"],
        references=["w@y", "x@y"],
        extra_headers={"Reply-To": "Desk <r+1@d.example>", "Auto-Submitted": "auto-replied"},
        attachments=[("../übung.pdf", "application/pdf", b"\0\xff" * 300)],
    )
    read = parse(raw)
    assert read.defects == ()
    assert [(box.name, str(box.address)) for box in read.from_] == [("Jörg, Desk", "desk@d.example")]
    assert [str(box.address) for box in read.to] == ["ada@a.example", "b@b.example"]
    assert read.cc[0].name == "日本"
    assert read.subject == ("Grüße an alle " * 10).strip()
    assert (read.text, read.html) == ("Grüße\n.\nFrom here\n-- \nDesk", "<p>Grüße</p>\n")
    assert (read.message_id, read.in_reply_to, read.references) == ("one@d.example", ("x@y",), ("w@y", "x@y"))
    assert read.date == DATE
    assert str(read.reply_to[0].address) == "r+1@d.example"
    assert read.header("auto-submitted") == "auto-replied"
    assert [(a.name, a.size) for a in read.attachments] == [("übung.pdf", 600)]
    content = part_content(read, read.attachments[0].index)
    assert content is not None
    assert content[1] == b"\0\xff" * 300


def test_the_wire_form() -> None:
    raw = mail(subject="Ünïcode " * 40, text="ü" * 5000 + "\nx\ry\r\n")
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78


def test_nothing_can_add_a_field() -> None:
    evil = "x\r\nBcc: victim@v.example\r\n\r\nbody"
    raw = mail(
        subject=evil, from_=(evil, "desk@d.example"), message_id=evil, extra_headers={"X-A": evil}, references=[evil]
    )
    assert parse(raw).header("bcc") is None
    assert parse(raw).text == "Hello Ada"
    for bad in ("Bcc", "X:y", "X\r\nBcc", "", "Content-Type", "Subject"):
        with pytest.raises(ValueError):
            mail(extra_headers={bad: "x"})
    with pytest.raises(AddressError):
        mail(to=[("", "a@a.example\r\nBcc: b@b.example")])


def test_references_keep_the_first_and_the_newest() -> None:
    references = parse(mail(references=[f"{n}@x" for n in range(200)])).references
    assert references == ("0@x", *(f"{n}@x" for n in range(181, 200)))


@given(st.text(max_size=150), st.text(max_size=300), st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_reads_back(subject: str, text: str, name: str) -> None:
    raw = mail(subject=subject, text=text, from_=(name, "desk@d.example"), attachments=[(name, name, b"x")])
    read = parse(raw)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert read.subject == clean_name(subject, 500)
    assert len(read.from_) == len(read.to) == len(read.attachments) == 1
    shown = "".join(c for c in text.replace("\r\n", "\n").replace("\r", "\n") if c != "\0")
    assert read.text == (shown.strip("\n") if shown.strip() else "").encode("utf-8", "replace").decode()
