from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gatepost.connectors.cursor import Folder, Position
from gatepost.connectors.sync import CALM, LOOK_AT_ALL, MOST_CHANGES, Known, counts_differ, plan

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
KNOWN = Known(Position(7, 40), highestmodseq=100, messages=30, checked_at=NOW)
FOLDER = Folder("INBOX", 7, 41, 30, highestmodseq=100)
PLAIN = replace(KNOWN, highestmodseq=0)
PLAIN_FOLDER = replace(FOLDER, highestmodseq=0)


def test_a_folder_that_was_never_read_is_read_whole() -> None:
    found = plan(Known(Position(0), read=False), FOLDER, NOW)
    assert (found.visit, found.remap, found.compare) == (True, False, "no")


def test_the_same_modseq_and_count_need_no_visit() -> None:
    assert not plan(KNOWN, FOLDER, NOW).visit


def test_a_higher_modseq_asks_for_what_changed_since() -> None:
    assert plan(KNOWN, replace(FOLDER, highestmodseq=101), NOW).compare == "changed"
    assert plan(KNOWN, replace(FOLDER, messages=29), NOW).compare == "changed"


def test_a_server_that_lost_its_modseq_is_looked_at_like_one_without() -> None:
    found = plan(replace(KNOWN, checked_at=NOW - LOOK_AT_ALL), replace(FOLDER, highestmodseq=0), NOW)
    assert found.compare == "all"
    assert plan(replace(PLAIN, checked_at=NOW - LOOK_AT_ALL), FOLDER, NOW).compare == "all"


def test_without_modseq_a_quiet_folder_needs_no_visit_but_once_an_hour() -> None:
    assert not plan(PLAIN, PLAIN_FOLDER, NOW).visit
    assert plan(PLAIN, PLAIN_FOLDER, NOW + LOOK_AT_ALL).compare == "all"
    assert plan(replace(PLAIN, checked_at=None), PLAIN_FOLDER, NOW).compare == "all"


def test_without_modseq_the_inbox_has_its_newest_flags_looked_at_each_time() -> None:
    assert plan(PLAIN, PLAIN_FOLDER, NOW, bell=True).compare == "newest"


def test_without_modseq_new_or_fewer_mails_are_a_reason_to_look() -> None:
    assert plan(PLAIN, replace(PLAIN_FOLDER, uidnext=42, messages=31), NOW).compare == "newest"
    assert plan(PLAIN, replace(PLAIN_FOLDER, messages=29), NOW).compare == "newest"
    assert plan(PLAIN, replace(PLAIN_FOLDER, uidnext=None), NOW).visit


def test_any_other_uidvalidity_numbers_the_places_anew() -> None:
    for other in (6, 8, 0):
        found = plan(KNOWN, replace(FOLDER, uidvalidity=other), NOW)
        assert (found.visit, found.remap, found.compare) == (True, True, "all")
        assert f"from 7 to {other}" in found.why


def test_a_uidnext_that_went_back_numbers_the_places_anew() -> None:
    assert plan(KNOWN, replace(FOLDER, uidnext=40), NOW).remap


def test_nothing_was_read_so_there_is_nothing_to_number() -> None:
    found = plan(replace(KNOWN, position=Position(7, 0)), replace(FOLDER, uidvalidity=8), NOW)
    assert (found.visit, found.remap) == (True, False)


def test_a_folder_that_changes_all_the_time_is_left_alone_between() -> None:
    restless = replace(KNOWN, changes=MOST_CHANGES)
    found = plan(restless, replace(FOLDER, uidvalidity=9), NOW + timedelta(minutes=1))
    assert not found.visit
    assert "left for an hour" in found.why
    assert plan(restless, replace(FOLDER, uidvalidity=9), NOW + CALM).remap


def test_vanished_mail_shows_in_the_count() -> None:
    assert not counts_differ(KNOWN, replace(FOLDER, messages=32), 2)
    assert counts_differ(KNOWN, replace(FOLDER, messages=31), 2)
