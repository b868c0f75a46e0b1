"""Large mail in pieces is the same mail."""

from hashlib import sha256
from pathlib import Path

import pytest
from dkim.canonicalization import Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.blobs import IN_ROW, ContentFile
from gatepost.gateway.canonical import relaxed_body, split_mail
from gatepost.gateway.large import body_of, hash_body, relaxed_pieces, simple_pieces, split_source

TOKENS = st.sampled_from([b"\r\n", b" ", b"\t", b"a", b"bc", b"\r\n\r\n", b" \t ", b"." * 20])


def cut(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


@settings(deadline=None, max_examples=400)
@given(st.lists(TOKENS, max_size=40), st.integers(1, 9))
def test_a_body_in_pieces_is_canonical_as_a_whole_one(tokens: list[bytes], size: int) -> None:
    body = b"".join(tokens)
    assert b"".join(relaxed_pieces(cut(body, size))) == relaxed_body(body)
    assert b"".join(simple_pieces(cut(body, size))) == Simple.canonicalize_body(body)


def test_a_body_of_nothing_but_line_ends_takes_no_memory() -> None:
    def held() -> int:
        return max((len(piece) for piece in relaxed_pieces([b"x", *[b"\r\n" * 32768] * 400, b"y"])), default=0)

    assert held() <= 4096
    digest, size = hash_body(lambda: [b"x", *[b" \r\n" * 20000] * 10, b"y"], relaxed=True)
    assert (digest, size) == (sha256(b"x" + b"\r\n" * 200_000 + b"y\r\n").digest(), 400_004)


def test_a_large_mail_is_split_where_a_whole_one_is(tmp_path: Path) -> None:
    raw = b"From: a@b.example\r\nSubject: x\r\n\r\n" + b"line\r\n" * 40_000
    fields, body = split_mail(raw)
    (tmp_path / "mail").write_bytes(raw)
    for source in (raw, ContentFile(tmp_path / "mail", len(raw)), raw.replace(b"\r\n", b"\n")):
        head, pieces = split_source(source)
        assert split_mail(head) == (fields, b"")
        assert pieces
        assert b"".join(pieces()) == body
        assert b"".join(pieces()) == body


@pytest.mark.parametrize("raw", [b"x" * 400_000, b"\r\n" + b"x" * 400_000, b"a: b\r\n\r\n" + b"y" * IN_ROW])
def test_odd_mails_are_split_too(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "mail").write_bytes(raw)
    head, pieces = split_source(ContentFile(tmp_path / "mail", len(raw)))
    assert head + b"".join(pieces() if pieces else [raw[len(head) :]]) == raw
    assert (pieces is None) == (raw[:1] == b"x")


def test_a_small_one_is_left_whole() -> None:
    assert split_source(b"a: b\n\nc") == (b"a: b\n\nc", None)
    assert list(body_of(b"c")()) == [b"c"]
    assert len(list(body_of(b"c" * 200_000)())) == 4
