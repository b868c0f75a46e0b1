from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.grant import Tokens, Unreachable, dump_tokens, load_tokens, read_tokens


@pytest.mark.parametrize(("life", "due_after"), [(60, 50), (20, 15), (4, 3)])
def test_a_token_is_due_before_its_end(now: datetime, life: int, due_after: int) -> None:
    tokens = Tokens("ya29", now, now + timedelta(minutes=life), "1//0")
    assert not tokens.due(now + timedelta(minutes=due_after, seconds=-1))
    assert tokens.due(now + timedelta(minutes=due_after))
    assert tokens.usable(now + timedelta(minutes=life, seconds=-31))
    assert not tokens.usable(now + timedelta(minutes=life, seconds=-30))
    assert not Tokens("", now, now + timedelta(minutes=life)).usable(now)


def test_tokens_are_read_back_and_not_shown(now: datetime) -> None:
    tokens = Tokens("ya29", now, now + timedelta(hours=1), "1//0")
    assert load_tokens(dump_tokens(tokens)) == tokens
    assert "ya29" not in repr(tokens)
    assert "1//0" not in repr(tokens)


@pytest.mark.parametrize(
    ("lasts", "seconds"), [(3599, 3599), ("1800", 1800), (None, 3600), ("soon", 3600), (-5, 1), (10**9, 7 * 86_400)]
)
def test_a_life_is_taken_with_care(now: datetime, lasts: object, seconds: int) -> None:
    tokens = read_tokens({"access_token": "a", "expires_in": lasts}, now)
    assert tokens.expires_at - now == timedelta(seconds=seconds)


@pytest.mark.parametrize("token", [None, "", 7, "a b", "a\r\nb", "a\1b", "ä", "x" * 16_385, ["a"]])
def test_what_cannot_stand_in_a_login_is_no_token(now: datetime, token: object) -> None:
    with pytest.raises(Unreachable):
        read_tokens({"access_token": token}, now)
    if token:
        with pytest.raises(Unreachable):
            read_tokens({"access_token": "a", "refresh_token": token}, now)


FIELDS = st.sampled_from(["access_token", "refresh_token", "expires_in"])
VALUES = st.none() | st.booleans() | st.text() | st.floats() | st.integers() | st.lists(st.text())


@given(st.dictionaries(FIELDS, VALUES))
@settings(max_examples=60, deadline=None)
def test_no_answer_breaks_the_reader(answer: dict[str, Any]) -> None:
    try:
        tokens = read_tokens(answer, datetime.fromisoformat("2026-11-22T10:30:00+00:00"))
    except Unreachable:
        return
    assert tokens.access_token.isascii()
