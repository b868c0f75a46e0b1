"""Ids come out of whatever the field holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.message_ids import extract_ids


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@b>", ("a@b",)),
        ("<a@b> <c@d>\t<a@b>", ("a@b", "c@d")),
        ("<a@b><c@d>", ("a@b", "c@d")),
        ("Your message of Monday <a@b> (comment)", ("a@b",)),
        ("<very.long.id\r\n @host>", ("very.long.id@host",)),
        ("<[abc]@x.example>", ("[abc]@x.example",)),
        ("a@b c@d", ("a@b", "c@d")),
        ("a@b, nothing", ("a@b",)),
        ("<no-at-sign>", ("no-at-sign",)),
        ("<a@b", ("a@b",)),
        ("<>", ()),
        ("", ()),
        ("garbage", ()),
        ("<a\u202e@b>", ("a@b",)),
        ("<" + "x" * 2000 + "@y>", ()),
        ("<" + "\u4e2d" * 400 + "@y>", ()),
    ],
)
def test_ids(value: str, ids: tuple[str, ...]) -> None:
    assert extract_ids(value) == ids


@given(st.text(alphabet="<>@ab ()\n,", max_size=200))
@settings(max_examples=300, deadline=None)
def test_total(value: str) -> None:
    for identifier in extract_ids(value):
        assert identifier
        assert not set(identifier) & set("<> \n")


def test_at_most_a_thousand() -> None:
    assert len(extract_ids("".join(f"<{n}@x>" for n in range(5000)))) == 1000
