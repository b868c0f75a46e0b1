"""Answers whose References were lost: by quoted text, a former subject, people and time; and what must not join."""

import pytest

from gatepost.mail import parse
from gatepost.threading.archive import thread_archive
from gatepost.threading.archive_record import Record, record_of
from tests.threading.archive_mails import ANA, BEN, CAT, DAN, LIST, groups, mailing_list, written

WORDS = "The second pump of the cellar makes a noise like gravel whenever its valve is half open"
OTHER = "Could somebody please tell me where the key of the archive room is kept these days"


def test_who_quotes_answers_whatever_his_subject_says_now() -> None:
    records = [
        written("Noise", says=WORDS, id_="a@x"),
        written("Key", 1, by=CAT, says=OTHER),
        written("Re: Pumps", 2, by=BEN, quotes=WORDS),
    ]
    threads = thread_archive(records)
    assert groups(threads) == [0, 1, 0]
    assert threads[2].parent == 0
    assert threads[2].why == ("It quotes what <a@x> says",)


def test_a_quote_that_was_wrapped_anew_is_known() -> None:
    records = [written("Noise", says=WORDS), written("Re: Pumps", 2, by=BEN, quotes=WORDS.replace(" of ", "\nof\n"))]
    assert groups(thread_archive(records)) == [0, 0]


def test_later_answers_to_the_new_subject_come_along() -> None:
    records = [
        written("Noise", says=WORDS),
        written("Re: Pumps", 2, by=BEN, quotes=WORDS, says=OTHER),
        written("Re: Pumps", 3, by=CAT),
    ]
    assert groups(thread_archive(records)) == [0, 0, 0]


@pytest.mark.parametrize("subject", ["Pumps (was: Noise)", "Pumps [was Re: noise]", "Re: Pumps (was Noise)"])
def test_a_subject_that_names_the_former_one_leads_there(subject: str) -> None:
    records = [written("Noise", says=WORDS, id_="a@x"), written(subject, 2, by=BEN)]
    threads = thread_archive(records)
    assert groups(threads) == [0, 0]
    assert threads[1].why == ("Its subject names that of <a@x>",)


def test_an_answer_without_a_subject_joins_the_only_talk_of_the_same_people() -> None:
    talk = [written("Noise", by=ANA, to=BEN, id_="a@x"), written("Re:", 3, by=BEN, to=ANA)]
    threads = thread_archive(talk)
    assert groups(threads) == [0, 0]
    assert "at most 7 days older" in threads[1].why[0]
    assert groups(thread_archive([*talk, written("Key", 2, by=ANA, to=BEN)])) == [0, 1, 2], "two talks: nobody knows"
    assert groups(thread_archive([talk[0], written("Re:", 8, by=BEN, to=ANA)])) == [0, 1], "too late"
    assert groups(thread_archive([talk[0], written("Re:", 3, by=CAT, to=ANA)])) == [0, 1], "somebody else"
    assert groups(thread_archive([talk[0], written("Re:", -1, by=BEN, to=ANA)])) == [0, 1], "before it"


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (written("Pumps", 2, by=BEN, quotes=WORDS), "a new subject that is no answer, and not to whom is quoted"),
        (written("Pumps", 40, by=BEN, to=ANA, quotes=WORDS), "a month later"),
        (written("Fwd: Pumps", 2, by=BEN, to=DAN, quotes=WORDS), "passed on to somebody else"),
        (written("Re: Pumps", -3, by=BEN, quotes=WORDS), "older than what it quotes"),
        (written("Re: Pumps", 2, by=BEN, quotes="makes a noise like"), "too few words"),
        (written("Re: Pumps", 2, by=BEN, quotes=f"{OTHER} The second pump of the cellar makes"), "little of it"),
        (written("Pumps (was: Key)", 2, by=BEN), "a former subject that nobody wrote"),
        (written("Re: Pumps", 2, by=BEN, says=WORDS), "the same words, but his own"),
    ],
)  # fmt: skip
def test_what_does_not_join(later: Record, why: str) -> None:
    assert len(set(groups(thread_archive([written("Noise", says=WORDS), later])))) == 2, why


def test_who_answers_whom_he_quotes_joins_under_any_subject() -> None:
    records = [written("Noise", says=WORDS), written("Pumps", 2, by=BEN, to=ANA, quotes=WORDS)]
    assert groups(thread_archive(records)) == [0, 0]


def test_words_that_many_write_prove_nothing() -> None:
    records = [written(f"Subject {n}", n, says=WORDS, id_=f"{n}@x") for n in range(5)]
    assert len(set(groups(thread_archive([*records, written("Re: Pumps", 9, by=BEN, quotes=WORDS)])))) == 6


def test_ids_decide_before_quotes() -> None:
    first, second = written("Noise", says=WORDS, id_="a@x"), written("Key", 1, says=OTHER, id_="b@x")
    answer = Record("c@x", ("b@x",), (), "Re: Key", second.date, BEN, frozenset((BEN, LIST)), "", WORDS)
    assert groups(thread_archive([first, second, answer])) == [0, 1, 1]


def test_two_that_quote_each_other_make_no_circle() -> None:
    one, two = (
        written(f"Re: {n}", by=who, says=a, quotes=b)
        for n, who, a, b in ((1, ANA, WORDS, OTHER), (2, BEN, OTHER, WORDS))
    )
    threads = thread_archive([one, two])
    assert groups(threads) == [0, 0]
    assert sorted(str(thread.parent) for thread in threads) in (["0", "None"], ["1", "None"])


@pytest.mark.parametrize("seed", range(4))
def test_a_mailing_list_without_any_header_is_put_together_again(seed: int) -> None:
    records, truth = mailing_list(40, seed)
    numbers = groups(thread_archive(records))
    pairs = {(truth[at], numbers[at]) for at in range(len(truth))}
    whole = [thread for thread in set(truth) if sum(one == thread for one, _ in pairs) == 1]
    assert len({group for _, group in pairs}) >= 40, "no two threads became one"
    assert len(whole) >= 38


def test_what_counts_of_a_mail() -> None:
    mail = parse(
        b"From: Ben <ben@ben.example>\nTo: list@lists.example\nCc: ana@ana.example\nSubject: Re: x\n\n"
        b"Yes.\n\nOn 1 May 2024, Ana <ana@ana.example> wrote:\n> Is it open?\n>> No, it is not.\n> Are you sure?\n"
    )
    record = record_of(mail)
    assert (record.sender, record.people) == (BEN, frozenset((ANA, BEN, LIST)))
    assert record.own == "Yes."
    assert "Is it open?\nAre you sure?" in record.quoted
    assert "not" not in record.quoted
