"""Commands as text: every argument gives a value or a reply."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.address import Address
from gatepost.gateway.commands import MailFrom, read_command, read_mail, read_rcpt
from gatepost.reply import Refused, Reply

T = TypeVar("T")

WORDS = st.lists(
    st.sampled_from(["FROM:", "TO:", "<", ">", '"', "\\", "@", "a", ".", " ", "SIZE=", "9", "=", "ü", "\t"])
)


def outcome(read: Callable[[], T]) -> T | Reply:
    """What was read, or the reply of the refusal."""
    try:
        return read()
    except Refused as refused:
        return refused.reply


def test_verb_and_argument() -> None:
    assert read_command(b"mail FROM:<a@b.example>  ") == ("MAIL", "FROM:<a@b.example>")
    assert read_command(b"") == ("", "")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    found = outcome(lambda: read_command(line))
    if isinstance(found, Reply):
        assert (found.code, found.status) == (500, "5.5.2")
    else:
        assert not set("".join(found)) & {"\r", "\n", "\0"}


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=80), WORDS.map("".join)), st.booleans())
def test_any_argument_is_read_or_refused(text: str, smtputf8: bool) -> None:
    for found in (
        outcome(lambda: read_mail("FROM:" + text)),
        outcome(lambda: read_rcpt("TO:" + text, smtputf8)),
        outcome(lambda: read_mail(text)),
    ):
        assert not isinstance(found, Reply) or (found.permanent and found.status and found.text)


def test_brackets_and_blanks_in_quotes_are_no_end() -> None:
    mail = read_mail('FROM:<"a> \\" <b"@example.org> SIZE=5')
    assert mail == MailFrom(Address('a> " <b', "example.org"), 5)


@pytest.mark.parametrize(
    "local", ["b" * 100, "a..b", ".a", "a.", "bounce-5_HTML-1234567890-0987654321-" + "x" * 60 + "=a.example"]
)
def test_return_paths_of_the_wild_are_taken_as_senders_only(local: str) -> None:
    found = read_mail(f"FROM:<{local}@mail.example.org>").address
    assert found is not None
    assert (found.local, found.domain) == (local, "mail.example.org")
    with pytest.raises(Refused, match=r"^501 5\.1\.3"):
        read_rcpt(f"TO:<{local}@mail.example.org>", smtputf8=False)


@pytest.mark.parametrize(
    "path", ["b" * 300 + "@example.org", "a@b@example.org", "a b@example.org", "a@[127.0.0.1]", "a@"]
)
def test_bad_senders(path: str) -> None:
    with pytest.raises(Refused, match=r"^501 5\.1\.7"):
        read_mail(f"FROM:<{path}>")


def test_postmaster() -> None:
    assert str(read_rcpt("TO:<PostMaster>", False, "postmaster@gatepost.test").address) == "postmaster@gatepost.test"
    with pytest.raises(Refused, match=r"^501 5\.1\.3"):
        read_rcpt("TO:<postmaster>", False)
