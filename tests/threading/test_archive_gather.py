"""Gathering by base subject, and where people and time speak against it."""

from gatepost.threading.archive import thread_archive
from tests.threading.archive_mails import ANA, BEN, CAT, DAN, LIST, groups, written

ME = "me@me.example"


def test_a_month_and_other_people_keep_one_subject_apart() -> None:
    records = [
        written("Hello", by=ANA, to=BEN, id_="a@x"),
        written("Hello", 40, by=CAT, to=DAN),
        written("Re: hello", 41, by=DAN, to=CAT),
    ]
    threads = thread_archive(records)
    assert groups(threads) == [0, 1, 1]
    assert threads[1].why == (
        'Subject "Hello" is that of <a@x>, but more than 30 days lie between, and nobody takes part in both',
    )


def test_either_alone_does_not() -> None:
    assert groups(thread_archive([written("Hello", by=ANA, to=BEN), written("Hello", 20, by=CAT, to=DAN)])) == [0, 0]
    assert groups(thread_archive([written("Hello", by=ANA), written("Re: Hello", 400, by=CAT)])) == [0, 0]
    assert groups(thread_archive([written("Hello", by="", to=""), written("Hello", 400, by="", to="")])) == [0, 0]


def test_who_is_in_most_mails_holds_no_new_mail_to_an_old_one() -> None:
    others = [written(f"Other {n}", n, by=f"{n}@x.example", to=ME) for n in range(12)]
    old, new = written("Hello", by=ANA, to=ME), written("Hello", 90, by=CAT, to=ME)
    assert len(set(groups(thread_archive([*others, old, new])))) == 14
    answer = written("Re: Hello", 90, by=CAT, to=ME)
    assert len(set(groups(thread_archive([*others, old, answer])))) == 13, "who answers may come late"


def test_the_last_mail_of_a_thread_counts() -> None:
    records = [written("Hello", day, by=by, to=LIST) for day, by in ((0, ANA), (25, BEN), (50, CAT))]
    assert groups(thread_archive(records)) == [0, 0, 0]


def test_many_threads_of_one_subject_are_no_more_work_each() -> None:
    records = [written("Hello", 31 * n, by=f"{n}@x.example", to=f"{n}@y.example") for n in range(300)]
    assert len(set(groups(thread_archive(records)))) == 300
