"""The parser is a total function: real shapes are read right, hostile ones without exception, in linear time."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import Mail, digest, parse, part_content
from tests.core.growth import assert_linear

HEAD = b"From: Ada <ada@a.example>\r\nTo: desk@d.example\r\nDate: Sun, 22 Nov 2026 11:30:00 +0100\r\n"
WHOLE = b"\r\n".join(
    [
        b"Return-Path: <ada@a.example>",
        b"Received: from a.example by d.example; Sun, 22 Nov 2026 10:30:01 +0000",
        b'From: =?utf-8?q?J=C3=B6rg?= <ada@a.example>, "B, C" <b@b.example>',
        b"To: Team: desk@d.example, Boss <boss@d.example>;",
        b"Cc: c@c.example",
        b"Subject: =?utf-8?b?R3LDvMOf?=",
        b" =?utf-8?q?e?=",
        b"Date: Sun, 22 Nov 2026 11:30:00 +0100",
        b"Message-ID: <one@a.example>",
        b"In-Reply-To: Your mail <zero@d.example>",
        b"References: <root@d.example>",
        b"\t<zero@d.example>",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="outer"',
        b"",
        b"preamble",
        b"--outer",
        b"Content-Type: multipart/alternative; boundary=inner",
        b"",
        b"--inner",
        b"Content-Type: text/plain; charset=iso-8859-15",
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        b"Preis: 5 =A4=",
        b" netto",
        b"--inner",
        b"Content-Type: text/html; charset=utf-8",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"PHA+UHJlaXM8L3A+",
        b"--inner--",
        b"--outer",
        b"Content-Type: application/pdf; name=old.pdf",
        b"Content-Disposition: attachment; filename*0*=utf-8''%C3%BC%2F; filename*1=\"ber.pdf\"",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"AAEC",
        b"--outer",
        b"Content-Type: image/png",
        b"Content-ID: <pic@a.example>",
        b"",
        b"png",
        b"--outer--",
        b"epilogue",
        b"",
    ]
)


def one_part(*fields: bytes, body: bytes) -> Mail:
    return parse(HEAD + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body)


def nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))


def test_a_whole_mail() -> None:
    mail = parse(WHOLE)
    assert mail.defects == ()
    assert [(box.name, str(box.address)) for box in mail.from_] == [("Jörg", "ada@a.example"), ("B, C", "b@b.example")]
    assert [str(box.address) for box in mail.to] == ["desk@d.example", "boss@d.example"]
    assert mail.subject == "Grüße"
    assert mail.date == datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    assert mail.message_id == "one@a.example"
    assert mail.in_reply_to == ("zero@d.example",)
    assert mail.references == ("root@d.example", "zero@d.example")
    assert mail.text == "Preis: 5 € netto"
    assert mail.html == "<p>Preis</p>"
    assert [(a.name, a.size, a.inline, a.content_id) for a in mail.attachments] == [
        ("ber.pdf", 3, False, None),
        ("image.png", 3, True, "pic@a.example"),
    ]
    assert [(p.depth, p.parent, p.content_type) for p in mail.parts] == [
        (0, None, "multipart/mixed"),
        (1, 0, "multipart/alternative"),
        (2, 1, "text/plain"),
        (2, 1, "text/html"),
        (1, 0, "application/pdf"),
        (1, 0, "image/png"),
    ]
    assert mail.size == len(WHOLE)
    assert mail.header("MESSAGE-id") == "<one@a.example>"
    assert mail.header("nothing") is None


def test_downloads() -> None:
    found = part_content(parse(WHOLE), 4)
    assert found is not None
    assert (found[0].name, found[1]) == ("ber.pdf", b"\0\1\2")
    assert part_content(parse(WHOLE), 2) is None
    assert part_content(parse(WHOLE), 99) is None


@pytest.mark.parametrize("change", [lambda raw: raw.replace(b"\r\n", b"\n"), lambda raw: raw.replace(b"\r\n", b"\r")])
def test_any_line_ends(change: Callable[[bytes], bytes]) -> None:
    mail, wanted = parse(change(WHOLE)), parse(WHOLE)
    assert (mail.subject, mail.text, mail.html, mail.references) == (
        wanted.subject,
        wanted.text,
        wanted.html,
        wanted.references,
    )
    assert [a.name for a in mail.attachments] == [a.name for a in wanted.attachments]


def test_a_report_keeps_its_parts() -> None:
    mail = parse(
        HEAD + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; x\r\n\r\nAction: failed\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <lost@d.example>\r\n\r\nHi\r\n--b--\r\n"
    )
    assert mail.text == "Sorry."
    assert mail.parts[0].params["report-type"] == "delivery-status"
    assert mail.parts[2].content == b"Reporting-MTA: dns; x\r\n\r\nAction: failed"
    assert parse(mail.parts[3].content).message_id == "lost@d.example"
    assert [a.name for a in mail.attachments] == ["delivery-status.txt", "message.eml"]


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        (b"utf-8", "naïve €".encode(), "naïve €"),
        (b"us-ascii", b"smart \x93quotes\x94", "smart “quotes”"),
        (b"iso-8859-1", b"caf\xe9 \x80", "café €"),
        (b"gb2312", "你好".encode("gb18030"), "你好"),
        (b"ks_c_5601-1987", "안녕".encode("cp949"), "안녕"),
        (b"iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
        (b"x-unknown", "é".encode(), "é"),
        (b"utf-7", b"+ADw-script+AD4-", "+ADw-script+AD4-"),
        (b"punycode", b"abc", "abc"),
        (b"unicode_escape", b"\\x41", "\\x41"),
        (b"zlib", b"abc", "abc"),
        (b"utf-8", b"a\xffb\0", "a\ufffdb"),
    ],
)
def test_charsets(charset: bytes, octets: bytes, text: str) -> None:
    assert one_part(b"Content-Type: text/plain; charset=" + charset, body=octets).text == text


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        (b"base64", b"SGVs\r\nbG8", "Hello"),
        (b"BASE64 ", b"SGVsbG8=!!", "Hello"),
        (b"base64", b"SGVsbG8=A", "Hello"),
        (b"Quoted-Printable;", b"H=C3=A9=\r\nllo =\r\n=3D=zz", "Héllo ==zz"),
        (b"7-bit", b"Hello", "Hello"),
        (b"x-uuencode", b"begin 644 x\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello"),
        (b"nonsense", b"Hello", "Hello"),
    ],
)
def test_transfer_encodings(encoding: bytes, body: bytes, text: str) -> None:
    mail = one_part(b"Content-Transfer-Encoding: " + encoding, body=body)
    assert mail.text == text
    assert ("unknown transfer encoding" in mail.defects) == (encoding == b"nonsense")


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b'filename="a b.txt"', "a b.txt"),
        (b"filename=a b.txt", "a b.txt"),
        (b'filename="..\\\\..\\\\etc\\\\passwd"', "passwd"),
        (b'filename="../../etc/passwd"', "passwd"),
        (b'filename="=?utf-8?q?=C3=BC.txt?="', "ü.txt"),
        (b"filename*=iso-8859-1'en'%FC.txt", "ü.txt"),
        (b"filename*1=b.txt; filename*0=a", "ab.txt"),
        (b"filename*=utf-8''invoice%E2%80%AEgpj.exe", "invoicegpj.exe"),
        ('filename="ünï.txt"'.encode(), "ünï.txt"),
        (b'filename="a\0b\x1b[31m.txt"', "ab [31m.txt"),
        (b'filename="' + b"x" * 400 + b'.pdf"', "x" * 196 + ".pdf"),
        (b'filename="a.txt; x=y', "a.txt"),
        (b'filename=""', "text.txt"),
        (b"filename*99999999999999999999=x", "x"),
    ],
)
def test_file_names(field: bytes, name: str) -> None:
    assert one_part(b"Content-Disposition: attachment; " + field, body=b"x").attachments[0].name == name


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("Sun, 22 Nov 2026 11:30:00 +0100 (CET)", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("22 Nov 26 10:30 GMT", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("Sun, 22 Nov 2026 10:30:60 -0000", datetime(2026, 11, 22, 10, 30, 59, tzinfo=UTC)),
        ("Sun, 31 Feb 2026 10:30:00 +0000", None),
        ("Sun, 22 Nov 1426 10:30:00 +0000", None),
        ("Sun, 22 Nov 99999 10:30:00 +0000", None),
        ("Sun, 22 Nov 2026 10:30:00 +" + "9" * 50, datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("whenever", None),
        ("", None),
    ],
)
def test_dates(value: str, date: datetime | None) -> None:
    mail = parse(b"From: a@a.example\r\nDate: " + value.encode() + b"\r\n\r\n")
    assert mail.date == date
    assert ("malformed date" in mail.defects) == (date is None)


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (b"", "no from field"),
        (HEAD + b"From: x@x.example\r\n\r\n", "several from fields"),
        (HEAD + b"body without a blank line\r\nmore\r\n", "no blank line after the header"),
        (HEAD + b"stray line\r\nX: y\r\n\r\nbody", "a header line is no field"),
        (HEAD + b"Content-Type: multipart/mixed\r\n\r\nbody", "multipart without a boundary"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\nbody", "multipart without parts"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbody", "multipart without an end"),
        (HEAD + b"Content-Type: nonsense\r\n\r\nbody", "malformed content type"),
        (
            HEAD + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nbody",
            "wrong boundary",
        ),
        (HEAD + b"Content-Type: text/plain; charset=klingon\r\n\r\nbody", "unknown charset"),
        (HEAD + b"X: y\r\n" * 1001 + b"\r\nbody", "too many header fields"),
        (HEAD + b"X: " + b"y" * 20_000 + b"\r\n\r\nbody", "a header field is too long"),
        (HEAD + (b"X: " + b"y" * 60 + b"\r\n") * 5000 + b"\r\nbody", "header block too large"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 2000, "too many parts"),
        (HEAD + nested(30), "parts nested too deep"),
    ],
)
def test_defects_are_named(raw: bytes, defect: str) -> None:
    mail = parse(raw)
    assert defect in mail.defects
    assert b"body" not in raw or "body" in mail.text


def test_caps() -> None:
    assert len(parse(HEAD + b"X: y\r\n" * 5000).headers) == 1000
    assert len(parse(HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n").header("X") or "") == 16384
    many = parse(HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000)
    assert len(many.parts) == 1000
    assert max(part.depth for part in parse(HEAD + nested(10_000)).parts) == 20


@pytest.mark.parametrize("separator", [b",", b", ", b",\r\n "])
def test_a_long_list_is_not_cut_inside_an_address(separator: bytes) -> None:
    mail = parse(b"To: " + separator.join(b"name%d@a.example" % n for n in range(5000)) + b"\r\n\r\n")
    assert 500 < len(mail.to) < 1200
    assert {box.address.domain for box in mail.to if box.address} == {"a.example"}
    assert all(box.address for box in mail.to)
    assert "a header field is too long" in mail.defects


def test_a_mail_from_an_mbox() -> None:
    assert parse(b"From ada@a.example Sun Nov 22 10:30:00 2026\n" + HEAD + b"\r\nbody").message_id is None
    assert parse(b"From ada@a.example Sun Nov 22 10:30:00 2026\n" + HEAD + b"\r\nbody").text == "body"


def test_a_parameter_on_a_line_without_indent_counts() -> None:
    mail = one_part(b"Content-Type: multipart/mixed;", b'boundary="b"', b"X: y", body=b"--b\r\n\r\none\r\n--b--")
    assert (mail.text, mail.header("x"), mail.defects) == ("one", "y", ())


def test_a_missing_semicolon_is_forgiven() -> None:
    assert one_part(b"Content-Type: text/html charset=utf-8", body=b"<p>One").text == "One"


def test_boundaries_that_begin_alike() -> None:
    mail = parse(
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; "
        b"boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb\r\nContent-Type: text/html\r\n\r\n<p>two\r\n--bb--\r\n"
        b"--b\r\n\r\nthree\r\n--b--\r\n"
    )
    assert mail.text == "one\nthree"


def test_text_comes_from_html_where_there_is_no_other() -> None:
    assert one_part(b"Content-Type: text/html", body=b"<p>One<p>Two").text == "One\n\nTwo"
    blank = b"--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>One\r\n--b--"
    assert one_part(b"Content-Type: multipart/alternative; boundary=b", body=blank).text == "One"


def test_identity_is_the_mail_without_its_ways() -> None:
    first = digest(WHOLE)
    assert len(first) == 64
    assert digest(b"Received: by other\r\nDelivered-To: x@y\r\n" + WHOLE) == first
    assert digest(WHOLE.replace(b"\r\n", b"\n")) == first
    assert digest(WHOLE + b"\r\n\r\n") == first
    assert digest(WHOLE.replace(b"one@a", b"two@a")) != first
    assert digest(WHOLE.replace(b"epilogue", b"Epilogue")) != first
    assert digest(b"X-Tag: 1\r\n" + WHOLE) != digest(b"X-Tag: 2\r\n" + WHOLE)


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_octets_parse(raw: bytes) -> None:
    mail = parse(raw)
    assert mail.parts[0].parent is None
    assert len(digest(raw)) == 64


FRAGMENTS = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b";",
        b":",
        b'"',
        b"(",
        b"=?utf-8?b?",
        b"?=",
        b"--outer",
        b"--inner--",
        b"=",
        b"%",
        b"*0*=",
        b"charset=hz",
        b"charset=utf-16",
        b"<",
        b"&#99999999999999;",
        b"\xff",
        b"Content-Type: text/html\r\n",
    ]
)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 30), FRAGMENTS), max_size=12))
@settings(max_examples=300, deadline=None)
def test_mutated_mail_parses(changes: list[tuple[int, int, bytes]]) -> None:
    raw = WHOLE
    for at, cut, fragment in changes:
        raw = raw[:at] + fragment + raw[at + cut :]
    mail = parse(raw)
    for part in mail.parts:
        assert isinstance(part.content, bytes)
    for text in (mail.subject, mail.text, mail.html or "", *(value for _, value in mail.headers)):
        text.encode("utf-8")
    for attachment in mail.attachments:
        assert not set(attachment.name) & set("/\\\r\n\0\u202e\u200b")


def test_octets_changed_at_random_parse() -> None:
    dice = random.Random(1)
    for _ in range(1500):
        raw = bytearray(WHOLE)
        for _ in range(dice.randint(1, 12)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        parse(bytes(raw))


def typed(media_type: bytes) -> Callable[[bytes], bytes]:
    return lambda body: HEAD + b"Content-Type: " + media_type + b"\r\n\r\n" + body


MIXED = typed(b"multipart/mixed; boundary=b")
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "semicolons": lambda n: HEAD + b"Content-Type: text/plain" + b";\r\n " * n + b"\r\n\r\n",
    "quotes": lambda n: HEAD + b"To: " + b'"\\' * n + b"\r\n\r\n",
    "comments": lambda n: HEAD + b"To: " + b"(" * n + b"\r\n\r\n",
    "empty parts": lambda n: MIXED(b"--b\r\n" * n),
    "closing lines": lambda n: MIXED(b"--b--\n" * n),
    "false boundaries": lambda n: MIXED(b"--b x\n" * n),
    "nested": lambda n: HEAD + nested(n),
    "junk lines": lambda n: b"x\na:\n" * n,
    "continuations": lambda n: HEAD + b"X: y\r\n" + b" y\r\n" * n,
    "line feeds": lambda n: b"\n" * n,
    "broken base64": lambda n: HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=" * n,
    "equals": lambda n: HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * n,
    "encoded words": lambda n: HEAD + b"Subject: " + b"=?a?q?" * n + b"\r\n\r\n",
    "ids": lambda n: HEAD + b"References: " + b"<a@b" * n + b"\r\n\r\n",
    "escapes": lambda n: typed(b"text/plain; charset=iso-2022-jp")(b"\x1b$B~" * n),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_costs_linear_time(name: str) -> None:
    assert_linear(parse, HOSTILE[name], 20_000)
