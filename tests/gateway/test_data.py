"""The DATA reader: where a mail ends, what it holds, what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.data import DataReader
from gatepost.gateway.data_checks import BARE, LINE_TOO_LONG, TOO_BIG, has_long_line

MIB = 1024 * 1024
BREAKS = {"": b"", "CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "NUL": b"\0"}


def read(octets: bytes, *cuts: int, limit: int = MIB, strict: bool = True) -> tuple[DataReader, bytes, bytes]:
    """Feed octets in pieces; returns the reader, the content, and what is left for the commands."""
    reader = DataReader(limit, strict=strict)
    rest = b""
    for start, end in zip((0, *cuts), (*cuts, len(octets)), strict=True):
        rest += octets[start:end] if reader.ended else reader.feed(octets[start:end])
    content = reader.content() if reader.ended else b""
    assert isinstance(content, bytes)
    return reader, content, rest


def end_by_the_book(octets: bytes) -> int:
    """Where the mail ends, octet by octet (RFC 5321 section 4.1.1.4), -1 where it does not."""
    before = b"\r\n"
    for index in range(len(octets)):
        before += octets[index : index + 1]
        if before.endswith(b"\r\n.\r\n"):
            return index + 1
    return -1


@pytest.mark.parametrize("first", BREAKS)
@pytest.mark.parametrize("second", BREAKS)
@pytest.mark.parametrize("strict", [True, False])
def test_49_terminators_split_at_every_point(first: str, second: str, strict: bool) -> None:
    octets = b"a: b\r\n\r\nx" + BREAKS[first] + b"." + BREAKS[second] + b"MAIL FROM:<x@y>\r\n.\r\nRSET\r\n"
    end = end_by_the_book(octets)
    assert (end <= octets.index(b"MAIL")) == (first in ("CRLF", "CRCRLF") and second == "CRLF")
    whole = read(octets, strict=strict)
    for cut in range(1, len(octets)):
        reader, content, rest = read(octets, cut, strict=strict)
        assert reader.ended
        assert rest == octets[end:]
        assert (content, reader.fault) == (whole[1], whole[0].fault)
    one_by_one = read(octets, *range(1, len(octets)), strict=strict)
    assert (one_by_one[1], one_by_one[2], one_by_one[0].fault) == (whole[1], whole[2], whole[0].fault)


def test_only_crlf_dot_crlf_ends() -> None:
    ends = {
        (first, second)
        for first, one in BREAKS.items()
        for second, two in BREAKS.items()
        if read(b"x" + one + b"." + two + b"y")[0].ended
    }
    assert ends == {("CRLF", "CRLF"), ("CRCRLF", "CRLF")}


@pytest.mark.parametrize("bad", [b"a\nb", b"a\rb", b"a\0b", b"a\r\r\nb", b"a\n\rb", b"\n.\n", b"\r.\r"])
def test_bare_ends_are_refused_on_mx_and_normalised_on_submission(bad: bytes) -> None:
    strict, content, _ = read(b"S: x\r\n\r\n" + bad + b"\r\n.\r\n")
    assert strict.fault == BARE
    assert content == b""
    loose, content, _ = read(b"S: x\r\n\r\n" + bad + b"\r\n.\r\n", strict=False)
    assert loose.fault is None
    assert b"\0" not in content
    assert content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n") >= 3


def test_dots_are_unstuffed() -> None:
    assert read(b".\r\n")[1] == b""
    assert read(b"..\r\n.\r\n")[1] == b".\r\n"
    assert read(b"..a\r\n...\r\nb.\r\n.c\r\n.\r\n")[1] == b".a\r\n..\r\nb.\r\nc\r\n"


def test_what_follows_the_end_is_left_for_the_commands() -> None:
    reader, content, rest = read(b"a\r\n.\r\nQUIT\r\n")
    assert (content, rest, reader.held) == (b"a\r\n", b"QUIT\r\n", 0)


def test_size_limit_to_the_octet() -> None:
    for extra, fault in ((0, None), (1, TOO_BIG)):
        body = b"x" * (100 + extra - 2) + b"\r\n"
        assert len(body) == 100 + extra
        assert read(body + b".\r\n", limit=100)[0].fault == fault


def test_too_big_is_discarded_and_then_overruns() -> None:
    reader = DataReader(MIB, strict=True)
    line = b"x" * 78 + b"\r\n"
    most = 0
    while not reader.overrun:
        reader.feed(line * 100)
        most = max(most, reader.held)
    assert reader.fault == TOO_BIG
    assert reader.held == 0
    assert most <= MIB * 17 // 16 + 1024
    assert reader.size <= MIB * 1.1 + 1024 + 8000


def test_endless_line_is_not_kept() -> None:
    reader = DataReader(25 * MIB, strict=True)
    most = 0
    for _ in range(1000):
        assert reader.feed(b"x" * 4096) == b""
        most = max(most, reader.held)
    assert reader.fault == LINE_TOO_LONG
    assert most <= 4096
    assert reader.feed(b"\r\n.\r\n") == b""
    assert reader.ended
    assert reader.content() == b""


@pytest.mark.parametrize(("length", "fault"), [(998, None), (999, LINE_TOO_LONG), (5000, LINE_TOO_LONG)])
def test_line_limit(length: int, fault: object) -> None:
    for before, after in ((b"", b""), (b"a\r\n" * 400, b""), (b"", b"b\r\n" * 900), (b"a\r\n" * 700, b"b\r\n" * 700)):
        octets = before + b"x" * length + b"\r\n" + after + b".\r\n"
        assert read(octets)[0].fault == fault
        assert read(octets, *range(100, len(octets), 100))[0].fault == fault


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 30))
def test_long_lines_as_by_splitting(lengths: list[int], limit: int) -> None:
    content = b"".join(b"x" * length + b"\r\n" for length in lengths)
    assert has_long_line(content, limit) == any(length > limit for length in lengths)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\r\n.", b"\n", b"\r", b"\0", b"..", b"xyz"]), max_size=40),
    st.sets(st.integers(1, 60)),
)
def test_any_content_survives_stuffing_and_splitting(pieces: list[bytes], cuts: set[int]) -> None:
    content = b"".join(pieces) + b"\r\n"
    stuffed = (b"." if content.startswith(b".") else b"") + content.replace(b"\r\n.", b"\r\n..")
    octets = stuffed + b".\r\n"
    reader, got, rest = read(octets, *sorted(cut for cut in cuts if cut < len(octets)))
    assert reader.ended
    assert rest == b""
    assert got == (b"" if reader.fault else content)
    bare = content.replace(b"\r\n", b"")
    assert (reader.fault == BARE) == any(c in bare for c in b"\r\n\0")
