from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.cursor import (
    BATCH_MAILS,
    BATCH_OCTETS,
    UID_LIMIT,
    Folder,
    Position,
    batches,
    newer,
    nothing_new,
    start_at,
)


def folder(uidvalidity: int = 7, uidnext: int | None = 100, messages: int = 5) -> Folder:
    return Folder("INBOX", uidvalidity, uidnext, messages)


def test_first_reading_starts_at_the_beginning() -> None:
    assert start_at(None, folder()) == (Position(7, 0), "first reading of this folder")


def test_same_folder_goes_on() -> None:
    assert start_at(Position(7, 42), folder())[0] == Position(7, 42)
    assert start_at(Position(7, 99), folder())[0] == Position(7, 99)


def test_another_uidvalidity_starts_again_whether_higher_or_lower() -> None:
    for other in (6, 8, 0):
        position, why = start_at(Position(7, 42), folder(uidvalidity=other))
        assert position == Position(other, 0)
        assert why == f"UIDVALIDITY changed from 7 to {other}"


def test_a_uidnext_that_went_back_starts_again() -> None:
    position, why = start_at(Position(7, 100), folder(uidnext=100))
    assert position == Position(7, 0)
    assert "UIDNEXT went back" in why


def test_nothing_new_by_the_folders_own_figures() -> None:
    assert nothing_new(Position(7, 99), folder(uidnext=100))
    assert nothing_new(Position(7, 0), folder(messages=0))
    assert not nothing_new(Position(7, 98), folder(uidnext=100))
    assert not nothing_new(Position(7, 99), folder(uidnext=None))


def test_the_last_message_named_by_every_search_is_not_new() -> None:
    assert newer([42], Position(7, 42)) == []
    assert newer([44, 43, 43, UID_LIMIT + 1], Position(7, 42)) == [43, 44]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, UID_LIMIT), unique=True, max_size=300).map(sorted),
    st.integers(0, 2 * BATCH_OCTETS),
    st.integers(0, 50),
)
def test_batches_keep_order_lose_nothing_and_stay_in_bounds(uids: list[int], size: int, singles: int) -> None:
    sizes = {uid: size * (uid % 3) // 2 for uid in uids}
    groups = list(batches(uids, sizes, singles))
    assert [uid for group in groups for uid in group] == uids
    assert all(len(group) == 1 for group in groups[:singles])
    for group in groups:
        assert 0 < len(group) <= BATCH_MAILS
        assert len(group) == 1 or sum(sizes[uid] for uid in group) <= BATCH_OCTETS
