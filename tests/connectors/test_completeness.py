"""What a server lists, compared with what we have: every mail stands in exactly one column."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.completeness import (
    NO_DAY,
    UIDS_SHOWN,
    Fate,
    Here,
    Reach,
    by_folder,
    days_of,
    judge,
    missing_of,
    not_chosen,
    shown_twice,
)
from gatepost.connectors.left_out import Reason

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listed(last: int) -> dict[int, datetime | None]:
    """Two mails a day."""
    return {uid: MAY + timedelta(days=(uid - 1) // 2) for uid in range(1, last + 1)}


def test_a_day_adds_up_and_names_what_is_missing() -> None:
    here = Here(frozenset({1, 3}), {2: Reason.TOO_LARGE})
    first, second = days_of("INBOX", listed(4), here, Reach(4))
    assert (first.day, first.on_server, first.stored, first.skipped, first.missing) == (date(2026, 5, 1), 2, 1, 1, 0)
    assert first.reasons == {Reason.TOO_LARGE: 1}
    assert (second.on_server, second.stored, second.missing, second.uids) == (2, 1, 1, [4])


def test_what_came_after_the_cursor_waits() -> None:
    assert judge(9, MAY, Here(), Reach(8)) == (Fate.WAITING, "")
    assert judge(8, MAY, Here(), Reach(8)) == (Fate.MISSING, "")
    assert judge(9, MAY, Here(frozenset({9})), Reach(8)) == (Fate.STORED, "")


def test_what_waited_long_enough_is_missing() -> None:
    reach = Reach(8, stuck=frozenset({MAY.date()}))
    assert judge(9, MAY, Here(), reach) == (Fate.MISSING, "")
    assert judge(9, MAY + timedelta(days=1), Here(), reach) == (Fate.WAITING, "")
    assert judge(9, MAY, Here(frozenset({9})), reach) == (Fate.STORED, "")
    assert judge(9, None, Here(), Reach(8, stuck=frozenset({NO_DAY}))) == (Fate.MISSING, "")


def test_old_mail_is_left_out_by_choice_and_nothing_else_is() -> None:
    found_later = Reach(20, floor_uid=10)
    assert judge(10, MAY, Here(), found_later) == (Fate.SKIPPED, Reason.OLDER)
    assert judge(11, MAY, Here(), found_later) == (Fate.MISSING, "")
    days = Reach(20, import_until=10, since=MAY)
    assert judge(5, MAY - timedelta(days=1), Here(), days) == (Fate.SKIPPED, Reason.OLDER)
    assert judge(5, MAY, Here(), days) == (Fate.MISSING, "")
    assert judge(15, MAY - timedelta(days=1), Here(), days) == (Fate.MISSING, "")  # moved in after connecting
    assert judge(5, None, Here(), days) == (Fate.MISSING, "")


def test_while_an_import_runs_its_mail_waits_and_the_rest_does_not() -> None:
    reach = Reach(20, import_until=10, importing=True)
    assert judge(5, MAY, Here(), reach) == (Fate.WAITING, "")
    assert judge(15, MAY, Here(), reach) == (Fate.MISSING, "")


def test_mail_without_a_time_has_a_day_of_its_own() -> None:
    (day,) = days_of("INBOX", {7: None}, Here(), Reach(7))
    assert (day.day, day.missing, day.uids) == (NO_DAY, 1, [7])


def test_a_folder_sums_up_its_days() -> None:
    days = days_of("INBOX", listed(4), Here(frozenset({1, 3}), {2: Reason.TOO_LARGE}), Reach(4))
    inbox, junk = by_folder([*days, not_chosen("Junk", 12)])
    assert (inbox.folder, inbox.on_server, inbox.stored, inbox.skipped, inbox.missing) == ("INBOX", 4, 2, 1, 1)
    assert (inbox.reasons, inbox.uids, junk.skipped) == ({Reason.TOO_LARGE: 1}, [4], 12)


def test_few_uids_are_shown_and_all_are_known() -> None:
    everything: dict[int, datetime | None] = dict.fromkeys(range(1, 101), MAY)
    (day,) = days_of("INBOX", everything, Here(), Reach(100))
    assert (day.missing, len(day.uids)) == (100, UIDS_SHOWN)
    assert missing_of(everything, Here(), Reach(100)) == list(range(1, 101))


def test_a_folder_that_is_not_read_is_counted_as_left_out() -> None:
    day = not_chosen("Junk", 12)
    assert (day.on_server, day.skipped, day.missing, day.reasons) == (12, 12, 0, {Reason.FOLDER: 12})
    assert not_chosen("Empty", 0).reasons == {}
    assert (shown_twice("All").on_server, shown_twice("All").reasons) == (0, {Reason.SHOWN_TWICE: 0})


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.integers(1, 60), st.none() | st.datetimes(timezones=st.just(UTC)), max_size=40),
    st.sets(st.integers(1, 60)),
    st.sets(st.integers(1, 60)),
    st.integers(0, 60),
    st.integers(0, 60),
    st.booleans(),
)
def test_every_mail_is_counted_once(
    times: dict[int, datetime | None], stored: set[int], skipped: set[int], last: int, until: int, importing: bool
) -> None:
    here, reach = Here(frozenset(stored), dict.fromkeys(skipped, "why")), Reach(last, until, importing=importing)
    days = days_of("INBOX", times, here, reach)
    assert sum(day.on_server for day in days) == len(times)
    assert all(day.on_server == day.stored + day.skipped + day.waiting + day.missing for day in days)
    assert sum(day.missing for day in days) == len(missing_of(times, here, reach))
    assert all(sum(day.reasons.values()) == day.skipped for day in days)
