"""The short forms of `make fuzz`: some thousand mutated mails, and that the counting would notice."""

import pytest

from gatepost.threading.reading import read
from tests.fuzz import run as running
from tests.fuzz.mutate import mutated
from tests.fuzz.run import run
from tests.fuzz.seeds import SEEDS, seeds
from tests.fuzz.worst import WORST

MAILS = 1500


def test_mutated_mails_raise_nothing_and_stay_within_limits() -> None:
    found = run(2_000_000, MAILS)
    assert found.mails == MAILS
    assert not found.raised, found.faults
    assert not found.slow, str(found)


def test_a_number_is_always_the_same_mail_and_numbers_differ() -> None:
    known = seeds()
    mails = [mutated(number, known) for number in range(200)]
    assert mails == [mutated(number, known) for number in range(200)]
    assert len(set(mails)) > 190


def test_seeds_are_read_as_what_they_are() -> None:
    kinds = [str(read(seed, "ana@x.example").kind) for seed in SEEDS]
    assert {"message", "bounce", "feedback", "auto-reply"} <= set(kinds)
    assert all(
        not read(seed, "ana@x.example").mail.defects or b"digest" in seed for seed in SEEDS if b"MIME-Version" in seed
    )


def test_a_fault_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(raw: bytes) -> None:
        if b"Subject" in raw:
            raise IndexError

    monkeypatch.setattr(running, "read_all", fail)
    found = run(0, 20)
    assert found.raised > 10
    assert "IndexError" in found.faults[0]
    assert not found.good


@pytest.mark.parametrize("name", WORST)
def test_the_worst_mails_are_read_to_the_end(name: str) -> None:
    reading = read(WORST[name], "")
    assert len(reading.mail.parts) <= 1001
    assert len(reading.mail.text) <= 1024 * 1024
