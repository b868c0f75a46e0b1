"""Large mail goes into a file while it comes: the same content, the same refusals, as in memory."""

import errno
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.blobs import IN_ROW, Blobs, ContentFile, Spool
from gatepost.disk import NO_ROOM
from gatepost.gateway.data import DataReader
from gatepost.gateway.data_checks import BARE, LINE_TOO_LONG, TOO_BIG
from gatepost.reply import TROUBLE, Reply

MIB = 1024 * 1024
LINE = b"x" * 98 + b"\r\n"
WORDS = st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\0", b"a", b"\r\n.", b"x" * 97, b"y" * 997, b"z" * 999, LINE])


def read(
    octets: bytes, size: int, blobs: Blobs | None, strict: bool = True, limit: int = MIB
) -> tuple[bytes, Reply | None]:
    """Content and fault of what comes in pieces of `size`, kept in memory or, with `blobs`, in a file."""
    reader = DataReader(limit, strict=strict, spool=blobs.spool if blobs else None)
    for at in range(0, len(octets), size):
        reader.feed(octets[at : at + size])
    assert reader.ended
    content = reader.content()
    if isinstance(content, ContentFile):
        assert blobs
        assert content.path.parent == blobs.spool_folder
        content = content.read()
    reader.drop()
    return content, reader.fault


def test_over_128_kb_it_lies_in_a_file_and_not_in_memory(tmp_path: Path) -> None:
    reader = DataReader(MIB, strict=True, spool=Blobs(tmp_path / "blobs").spool)
    for _ in range(2000):
        reader.feed(b"." + LINE)
        assert reader.held <= IN_ROW
    reader.feed(b".\r\n")
    content = reader.content()
    assert isinstance(content, ContentFile)
    assert content.read() == LINE * 2000
    reader.drop()
    assert not content.path.exists()
    assert list((tmp_path / "spool").iterdir()) == []


def test_small_mail_never_becomes_a_file(tmp_path: Path) -> None:
    assert read(LINE * 1000 + b".\r\n", 4096, Blobs(tmp_path / "blobs")) == (LINE * 1000, None)
    assert not (tmp_path / "spool").exists()


@settings(deadline=None, max_examples=150)
@given(
    words=st.lists(WORDS, max_size=30),
    at=st.integers(0, 2),
    size=st.sampled_from([1000, 65536, 131073, 7]),
    strict=st.booleans(),
)
def test_it_is_read_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, words: list[bytes], at: int, size: int, strict: bool
) -> None:
    odd = b"".join((b"\r\n", *words)).replace(b"\r\n.\r\n", b"\r\n..\r\n")[2:]
    plain = LINE * 1400
    octets = (odd + plain, plain + odd, plain[:65000] + odd + plain)[at] + b"\r\n.\r\n"
    octets = octets[: octets.index(b"\r\n.\r\n") + 5]
    if len(octets) < IN_ROW + 10:
        return
    blobs = Blobs(tmp_path_factory.mktemp("blobs") / "blobs")
    content, fault = read(octets, len(octets), None, strict)
    spooled, why = read(octets, size, blobs, strict)
    assert (spooled, bool(why)) == (content, bool(fault))
    assert why in (fault, BARE, LINE_TOO_LONG)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_end_may_come_octet_by_octet(tmp_path: Path, size: int) -> None:
    reader = DataReader(MIB, strict=True, spool=Blobs(tmp_path / "blobs").spool)
    reader.feed(LINE * 1400)
    tail = b"..a\r\n..\r\n.\r\n"
    for at in range(0, len(tail), size):
        reader.feed(tail[at : at + size])
    content = reader.content()
    assert isinstance(content, ContentFile)
    assert content.read() == LINE * 1400 + b".a\r\n.\r\n"


def test_one_octet_too_much_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    blobs, limit = Blobs(tmp_path / "blobs"), 2000 * len(LINE)
    assert read(LINE * 2000 + b".\r\n", 65536, blobs, limit=limit) == (LINE * 2000, None)
    assert read(LINE * 2000 + b"\r\n.\r\n", 65536, blobs, limit=limit) == (b"", TOO_BIG)
    assert list(blobs.spool_folder.iterdir()) == []


class Full(Spool):
    """A spool on a disk in trouble."""

    number = errno.ENOSPC

    def write(self, octets: bytes) -> None:
        """It does not work."""
        raise OSError(self.number, "trouble")


class Broken(Full):
    """A disk that cannot write for another reason."""

    number = errno.EIO


@pytest.mark.parametrize(("kind", "reply"), [(Full, NO_ROOM), (Broken, TROUBLE)])
def test_a_disk_that_does_not_take_it_is_temporary_trouble(tmp_path: Path, kind: type[Full], reply: Reply) -> None:
    reader = DataReader(MIB, strict=True, spool=lambda: kind(tmp_path))
    reader.feed(LINE * 4000 + b".\r\n")
    assert reader.ended
    assert (reader.content(), reader.fault) == (b"", reply)
    assert list(tmp_path.iterdir()) == []


def test_no_folder_for_it_is_temporary_trouble(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    reader = DataReader(MIB, strict=True, spool=Blobs(tmp_path / "blobs").spool)
    reader.feed(LINE * 4000 + b".\r\n")
    assert (reader.content(), reader.fault) == (b"", TROUBLE)
