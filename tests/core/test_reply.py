"""One reply: class, enhanced status, and text that is safe to show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.reply import TROUBLE, Refused, Reply, capital, clean_text, is_shown, read_reply


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 no such user", Reply(550, "5.1.1", "no such user")),
        (550, "no such user", Reply(550, None, "no such user")),
        (250, "2.0.0", Reply(250, "2.0.0", "")),
        (452, "4.2.2 mailbox\n4.2.2 is full", Reply(452, "4.2.2", "mailbox is full")),
        (452, "first\r\n4.2.2 second", Reply(452, "4.2.2", "first second")),
        (550, "see 5.1.1 there", Reply(550, None, "see 5.1.1 there")),
        (550, "5.1.1.1 version", Reply(550, None, "5.1.1.1 version")),
        (550, "3.1.1 no", Reply(550, None, "3.1.1 no")),
        (550, "5.1.1000 no", Reply(550, None, "5.1.1000 no")),
    ],
)
def test_a_leading_status_is_split_off(code: int, text: str, expected: Reply) -> None:
    assert read_reply(code, text) == expected


@pytest.mark.parametrize(
    ("reply", "digit"),
    [
        (Reply(250), 2),
        (Reply(354), 2),
        (Reply(451, "5.0.0"), 4),
        (Reply(550, "4.0.0"), 5),
        (Reply(None, "5.1.2"), 5),
        (Reply(None), 4),
        (Reply(99), 4),
        (Reply(600, "5.1.1"), 5),
    ],
)
def test_the_class_comes_from_the_code_and_else_from_the_status(reply: Reply, digit: int) -> None:
    assert reply.digit == digit
    assert [reply.positive, reply.temporary, reply.permanent] == [digit == 2, digit == 4, digit == 5]


def test_text_is_made_safe_to_show() -> None:
    assert clean_text("a\x00b\x1b[31m\u202ec\r\nd\te\ud800\ufeff") == "ab[31mc d e"
    assert len(clean_text("x" * 100_000)) == 2048
    assert str(Reply(550, "5.1.1", "no")) == "550 5.1.1 no"
    assert str(Reply(None)) == ""


def test_a_sentence_begins_with_a_capital_letter_and_a_name_stays() -> None:
    assert capital("its domain is not known") == "Its domain is not known"
    assert capital("gmial.com looks like a slip") == "gmial.com looks like a slip"
    assert [capital("gp2026ed is not seen"), capital("a@b.c: no"), capital("it's late"), capital("")] == [
        *("gp2026ed is not seen", "a@b.c: no", "It's late", "")
    ]


def test_a_refusal_carries_its_reply() -> None:
    assert Refused(550, "5.7.1", "not you").reply == Reply(550, "5.7.1", "not you")
    assert TROUBLE.temporary


@settings(deadline=None, max_examples=500)
@given(st.integers(-(10**12), 10**12), st.text(max_size=3000) | st.from_regex(r"(?:[245]\.[0-9.]*\s*){0,20}"))
def test_reading_never_raises_and_shows_nothing_hidden(code: int, text: str) -> None:
    reply = read_reply(code, text)
    assert [reply.positive, reply.temporary, reply.permanent].count(True) == 1
    assert all(is_shown(char) for char in reply.text)
    assert len(reply.text) <= 2048
    assert read_reply(code, reply.text).text == clean_text(read_reply(code, reply.text).text)


def test_hostile_text_takes_linear_time() -> None:
    assert read_reply(550, "5.1.1 " * 400_000).status == "5.1.1"
    assert read_reply(550, "\n" * 2_000_000).text == ""
    assert read_reply(550, " " * 2_000_000).text == ""
