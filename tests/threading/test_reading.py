"""Mail that is not small is read in a child, and says there what it says here."""

from collections.abc import Iterator

import pytest

from gatepost.child import Children, JobFailed
from gatepost.mail import parse
from gatepost.threading import reading
from gatepost.threading.reading import SMALL_PLAIN, parse_safely, read_reply, read_reply_safely

HEAD = b"From: ana@x.example\r\nSubject: Re: x\r\n"
SMALL = HEAD + b"\r\nNew words.\r\n\r\nOur question about the pump in the cellar\r\n"
LARGE = SMALL + b"> an old line of the other side\r\n" * 3000
OURS = "Our question about the pump in the cellar"


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    children = Children(reading.CHILDREN.modules)
    monkeypatch.setattr(reading, "CHILDREN", children)
    yield children
    children.close()


def test_what_is_not_small_is_read_in_a_child(children: Children) -> None:
    assert parse_safely(SMALL) == parse(SMALL)
    assert read_reply_safely(SMALL, OURS) == read_reply(SMALL, OURS)
    assert children.started == 0
    assert parse_safely(LARGE) == parse(LARGE)
    assert read_reply_safely(LARGE, OURS) == read_reply(LARGE, OURS)
    assert read_reply_safely(LARGE, OURS)[1].reply == "New words."
    assert children.started == 1


def test_a_small_answer_to_a_large_mail_is_compared_in_a_child(children: Children) -> None:
    assert read_reply_safely(SMALL, OURS + "\nmore" * SMALL_PLAIN)[1].reply == "New words."
    assert children.started == 1


@pytest.mark.usefixtures("unreadable")
def test_what_a_child_cannot_read_is_a_named_failure() -> None:
    for read in (parse_safely, read_reply_safely):
        with pytest.raises(JobFailed, match="longer than"):
            read(LARGE)
