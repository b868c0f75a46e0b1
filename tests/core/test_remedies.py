"""What is proposed for a failure of each class."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.remedies import remedies, said
from gatepost.typos import Proposal


@dataclass
class Failed:
    recipient: str = "anna@gmial.com"
    state: str = "failed"
    code: int | None = 550
    status: str | None = "5.1.1"
    text: str = ""


OTHER = (Proposal("anna@gmail.com", "gmial.com looks like a slip for gmail.com"),)


@pytest.mark.parametrize(
    ("failed", "proposals", "kinds"),
    [
        (Failed(), OTHER, ["address"]),
        (Failed(), (), []),
        (Failed(code=550, status=None), OTHER, ["address"]),
        (Failed(code=552, status="5.2.2"), OTHER, ["address"]),
        (Failed(code=552, status="5.2.2"), (), ["contact"]),
        (Failed(code=552, status="5.3.4"), OTHER, ["answer"]),
        (Failed(code=552, status=None), OTHER, ["answer"]),
        (Failed(code=554, status="5.7.1", text="Your SPF record fails"), OTHER, ["text"]),
        (Failed(code=421, status="4.4.2"), OTHER, []),
        (Failed(state="delivered"), OTHER, []),
        (Failed(state="delayed", code=452, status="4.2.2"), OTHER, []),
    ],
)
def test_each_class_has_its_remedy(failed: Failed, proposals: tuple[Proposal, ...], kinds: list[str]) -> None:
    assert [one.kind for one in remedies(failed, proposals, 20_000_000)] == kinds


def test_a_large_mail_is_told_with_what_makes_it_large() -> None:
    (found,) = remedies(Failed(code=552, status="5.3.4"), (), 24_000_000, [("note.txt", 900), ("film.mov", 23_000_000)])
    assert found.sentence.startswith("The mail has 24.0 MB, most of it in film.mov (23.0 MB). Gatepost keeps no files")


def test_what_a_refusal_says() -> None:
    assert said("Blocked using zen.spamhaus.org") == [
        "It names the block list zen.spamhaus.org: ask there for removal."
    ]
    assert said("no") == []
    assert "a link in the mail" in said("message contains a bad URL")[0]


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=3000))
def test_any_text_is_read(text: str) -> None:
    assert len(said(text)) <= 3
