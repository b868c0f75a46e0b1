import threading
from collections.abc import Callable, Iterator
from pickle import UnpicklingError
from typing import Any

import pytest

from gatepost.child import Children, JobFailed
from gatepost.mail import Mail, parse
from gatepost.mail_charset import CHARSETS, decode_text
from tests.core import child_jobs as jobs

JOBS = ("tests.core.child_jobs",)


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    found = Children((*JOBS, "gatepost.mail", "gatepost.child_ready"), wall=6.0)
    yield found
    found.close()


def test_a_child_does_what_it_is_asked_again_and_again(children: Children) -> None:
    before = children.started
    assert [children.call(jobs.double, text) for text in ("a", "bc", "")] == ["aa", "bcbc", ""]
    assert children.started <= before + 1


@pytest.mark.parametrize(
    ("job", "cause", "told"),
    [
        (jobs.crash, "crash", "SIGSEGV"),
        (jobs.loop, "cpu", "2 s of processor time"),
        (jobs.fill, "memory", "more memory"),
        (jobs.fail, "fault", "ValueError: no such thing"),
    ],
)
def test_a_job_that_fails_has_a_named_cause_and_the_next_one_works(
    children: Children, job: Callable[[], Any], cause: str, told: str
) -> None:
    with pytest.raises(JobFailed) as failed:
        children.call(job)
    assert failed.value.cause == cause
    assert told in str(failed.value)
    assert children.call(jobs.double, "x") == "xx"


def test_a_child_that_only_waits_is_ended() -> None:
    children = Children(JOBS, wall=3.0)
    with pytest.raises(JobFailed) as failed:
        children.call(jobs.sleep)
    assert failed.value.cause == "time"
    children.close()


def test_a_child_opens_no_file_and_no_socket(children: Children) -> None:
    assert children.call(jobs.look_out) == ["OSError"] * 3


def test_a_child_is_replaced_after_so_many_jobs() -> None:
    children = Children(JOBS, most=1, jobs=2)
    for _ in range(5):
        children.call(jobs.double, "x")
    assert children.started == 3
    children.close()


def test_large_octets_come_back_without_travelling(children: Children) -> None:
    raw = b"x" * 1_000_000
    octets, number = children.call(jobs.same, raw, 3)
    assert octets is raw
    assert number == 3


def test_a_mail_read_in_a_child_is_the_same_mail(children: Children) -> None:
    raw = b"From: Ana <ana@x.example>\nDate: Sun, 22 Nov 2026 09:00:00 +0100\nSubject: =?utf-8?q?=C3=A4?=\n"
    raw += b'Content-Type: multipart/mixed; boundary="b"\n\n'
    raw += b"--b\n\ntext\n--b\nContent-Type: image/png\n\n\x89PNG\n--b--\n"
    mail: Mail = children.call(parse, raw)
    assert mail == parse(raw)
    assert mail.parts[0].raw is raw


def test_every_charset_is_there_in_a_child_that_can_open_no_file(children: Children) -> None:
    octets = bytes(range(256))
    for label in CHARSETS:
        assert children.call(decode_text, octets, label) == decode_text(octets, label)


def test_an_answer_makes_no_object_that_is_not_ours(children: Children) -> None:
    with pytest.raises(UnpicklingError, match="Foreign"):
        children.call(jobs.foreign)
    assert children.call(jobs.double, "x") == "xx"


def test_poison_beside_good_work_spoils_nothing(children: Children) -> None:
    def die() -> None:
        with pytest.raises(JobFailed):
            children.call(jobs.crash)

    poison = [threading.Thread(target=die) for _ in range(5)]
    for thread in poison:
        thread.start()
    assert [children.call(jobs.double, str(number)) for number in range(20)] == [f"{n}{n}" for n in range(20)]
    for thread in poison:
        thread.join(20)
        assert not thread.is_alive()
