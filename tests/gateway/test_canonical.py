"""gatepost.gateway.canonical."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.canonical import NotMail, relaxed_body, relaxed_field, split_mail, values, with_crlf


def test_fields_and_body() -> None:
    fields, body = split_mail(b"From: a\r\nSubject : b\r\n\tc\r\n\r\nbody\r\n\r\nmore")
    assert fields == [(b"From", b" a\r\n"), (b"Subject", b" b\r\n\tc\r\n")]
    assert body == b"body\r\n\r\nmore"
    assert values(fields, b"subject") == [b" b\r\n\tc\r\n"]


@pytest.mark.parametrize(
    ("raw", "names", "body"),
    [
        (b"A: 1\r\n", [b"A"], b""),
        (b"A: 1", [b"A"], b""),
        (b"A: 1\r\n\r\n", [b"A"], b""),
        (b"\r\nbody", [], b"body"),
        (b"From x@y Sun Nov 22\r\nA: 1\r\n\r\n", [b"A"], b""),
    ],
)
def test_edges(raw: bytes, names: list[bytes], body: bytes) -> None:
    fields, found = split_mail(raw)
    assert ([name for name, _ in fields], found) == (names, body)


@pytest.mark.parametrize("raw", [b"", b" x: y\r\n\r\n", b"no colon\r\n\r\n", b"A b: 1\r\n\r\n", b"A: 1\r\n: 2\r\n\r\n"])
def test_what_is_no_mail(raw: bytes) -> None:
    with pytest.raises(NotMail):
        split_mail(raw)


def test_rfc6376_example() -> None:
    """Section 3.4.5, the example of relaxed canonicalization."""
    fields, body = split_mail(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n")
    assert [relaxed_field(*field) for field in fields] == [b"a:X", b"b:Y Z"]
    assert relaxed_body(body) == b" C\r\nD E\r\n"


def test_line_ends() -> None:
    assert with_crlf(b"a\nb\r\nc\n") == b"a\r\nb\r\nc\r\n"
    assert with_crlf(b"a\r\n") == b"a\r\n"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r", b"\n"]), max_size=30).map(b"".join))
def test_a_canonical_body_stays_as_it_is(body: bytes) -> None:
    assert relaxed_body(relaxed_body(body)) == relaxed_body(body)
