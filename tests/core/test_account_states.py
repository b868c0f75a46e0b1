"""Who is told what of a mailbox's state: each change once, no short delay, one notice for an outage."""

from datetime import datetime, timedelta

import pytest

from gatepost.account_states import MEANINGS, OUTAGE, STEPS, Standing, Told, due_notices, meaning_of
from gatepost.store.accounts import AccountState

LONG = timedelta(hours=2)


def standing(
    number: int, state: str, now: datetime, told: str = "live", since: timedelta = LONG, provider: str = "google"
) -> Standing:
    return Standing(f"acc_{number}", provider, "imap.example.org", state, now - since, told)


def said(standings: list[Standing], now: datetime) -> list[tuple[Told, list[str], str]]:
    return [(one.what, [account.id for account in one.accounts], one.to_state) for one in due_notices(standings, now)]


@pytest.mark.parametrize("state", ["needs reconnect", "needs admin approval"])
def test_what_needs_a_person_is_told_at_once_and_once(state: str, now: datetime) -> None:
    fresh = standing(1, state, now, since=timedelta())
    assert said([fresh], now) == [(Told.PROBLEM, ["acc_1"], state)]
    assert said([standing(1, state, now, told=state)], now) == []


def test_a_short_delay_is_not_told_and_a_long_one_once(now: datetime) -> None:
    assert said([standing(1, "delayed", now, since=timedelta(minutes=59))], now) == []
    assert said([standing(1, "delayed", now)], now) == [(Told.PROBLEM, ["acc_1"], "delayed")]
    assert said([standing(1, "delayed", now, told="delayed")], now) == []


@pytest.mark.parametrize("told", ["delayed", "needs reconnect", "needs admin approval"])
def test_that_it_works_again_is_told_where_the_problem_was(told: str, now: datetime) -> None:
    assert said([standing(1, "live", now, told=told)], now) == [(Told.WORKS, ["acc_1"], "live")]
    assert said([standing(1, "importing", now, told=told)], now) == [(Told.WORKS, ["acc_1"], "live")]


def test_nothing_is_told_of_what_is_as_it_was_or_was_switched_off(now: datetime) -> None:
    assert said([standing(1, "live", now), standing(2, "connecting", now), standing(3, "disabled", now)], now) == []


def test_an_outage_of_a_provider_is_one_notice(now: datetime) -> None:
    many = [standing(number, "delayed", now, since=timedelta(minutes=20)) for number in range(50)]
    (notice,) = due_notices(many, now)
    assert (notice.what, len(notice.accounts), notice.to_state) == (Told.OUTAGE, 50, OUTAGE)
    known = [standing(number, "delayed", now, told=OUTAGE) for number in range(50)]
    assert said(known, now) == []


def test_a_mailbox_that_joins_a_known_outage_is_not_written_about(now: datetime) -> None:
    known = [standing(number, "delayed", now, told=OUTAGE) for number in range(3)]
    assert said([*known, standing(9, "delayed", now)], now) == [(Told.JOINED, ["acc_9"], OUTAGE)]


def test_few_delays_among_many_are_no_outage(now: datetime) -> None:
    fine = [standing(number, "live", now) for number in range(20)]
    late = [standing(number, "delayed", now) for number in range(20, 24)]
    assert [what for what, _, _ in said([*fine, *late], now)] == [Told.PROBLEM] * 4


def test_the_end_of_an_outage_is_one_notice_and_who_stays_away_is_told_alone(now: datetime) -> None:
    back = [standing(number, "live", now, told=OUTAGE) for number in range(3)]
    assert said(back, now) == [(Told.OVER, ["acc_0", "acc_1", "acc_2"], "live")]
    late = standing(9, "delayed", now, told=OUTAGE)
    assert said([*back, late], now) == [(Told.PROBLEM, ["acc_9"], "delayed")]


def test_one_provider_is_not_another_and_unknown_ones_go_by_their_server(now: datetime) -> None:
    google = [standing(number, "delayed", now, since=timedelta(minutes=20)) for number in range(2)]
    other = [standing(9, "delayed", now, since=timedelta(minutes=20), provider="other")]
    assert said([*google, *other], now) == []


def test_every_state_has_a_meaning_and_a_next_step() -> None:
    assert set(MEANINGS) == set(STEPS) == set(AccountState)
    assert meaning_of("needs reconnect")[1].startswith("Open the mailbox")
    assert meaning_of("a word of a later version") == ("", "")
