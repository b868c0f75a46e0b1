"""The REFERENCES algorithm over imported history."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.threading.archive import Thread, thread_archive
from gatepost.threading.archive_record import Record

START = datetime(2024, 5, 1, tzinfo=UTC)


def record(message_id: str | None, *references: str, subject: str = "", day: int = 0, reply_to: str = "") -> Record:
    answers = (reply_to,) if reply_to else ()
    return Record(message_id, references, answers, subject, START + timedelta(days=day))


def groups(threads: list[Thread]) -> list[int]:
    return [thread.group for thread in threads]


def test_references_join_in_any_order_of_arrival() -> None:
    threads = thread_archive([record("c@x", "a@x", "b@x"), record("a@x"), record("b@x", "a@x"), record("z@x")])
    assert groups(threads) == [0, 0, 0, 1]
    assert [thread.parent for thread in threads] == [2, None, 1, None]
    assert threads[0].why == ("References names <b@x>",)


def test_in_reply_to_counts_where_references_are_missing() -> None:
    threads = thread_archive([record("a@x"), record("b@x", reply_to="a@x")])
    assert groups(threads) == [0, 0]
    assert threads[1].why == ("In-Reply-To names <a@x>",)


def test_two_answers_to_a_mail_that_is_not_there_stay_together() -> None:
    threads = thread_archive([record("b@x", "gone@x"), record("c@x", "gone@x")])
    assert groups(threads) == [0, 0]
    assert [thread.parent for thread in threads] == [None, None]


def test_a_repeated_message_id_does_not_merge_two_mails() -> None:
    threads = thread_archive([record("a@x"), record("a@x")])
    assert groups(threads) == [0, 1]
    assert "already used" in threads[1].why[0]


def test_loops_are_broken() -> None:
    threads = thread_archive([record("a@x", "b@x"), record("b@x", "a@x"), record("c@x", "c@x")])
    assert len(threads) == 3
    assert any("loop" in reason for thread in threads for reason in thread.why)


def test_subjects_join_under_archive_only() -> None:
    records = [record("a@x", subject="Order 17"), record("b@x", subject="AW: Order 17", day=1)]
    assert groups(thread_archive(records)) == [0, 0]
    assert thread_archive(records)[1].why == ('Subject "Order 17" is that of <a@x>',)


def test_mails_without_subject_are_not_gathered() -> None:
    assert groups(thread_archive([record("a@x"), record("b@x"), record(None, subject="Re:")])) == [0, 1, 2]


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [record("0@x"), *(record(f"{n}@x", f"{n - 1}@x") for n in range(1, 3000))]
    assert set(groups(thread_archive(chain))) == {0}
    assert set(groups(thread_archive(chain[::-1]))) == {0}


IDS = st.sampled_from(["a@x", "b@x", "c@x", "d@x"])
RECORDS = st.builds(
    lambda one, many, subject: Record(one, tuple(many), (), subject, None),
    st.none() | IDS,
    st.lists(IDS, max_size=4),
    st.sampled_from(["", "s", "Re: s", "t"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORDS, max_size=8))
def test_every_record_gets_a_group_and_a_reason(records: list[Record]) -> None:
    threads = thread_archive(records)
    assert len(threads) == len(records)
    assert all(thread.why for thread in threads)
    for index, thread in enumerate(threads):
        seen = {index}
        parent = thread.parent
        while parent is not None:
            assert parent not in seen
            assert threads[parent].group == thread.group
            seen.add(parent)
            parent = threads[parent].parent
