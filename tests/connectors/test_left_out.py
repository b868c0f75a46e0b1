"""Reasons as they are kept, as earlier versions kept them, and as they are told."""

import pytest

from gatepost.connectors.left_out import SENTENCES, Reason, reason_in, reason_of, sentence_of, too_large


def test_why_an_arrival_was_put_aside_is_one_of_few_reasons() -> None:
    assert reason_of(too_large(100), 40) == Reason.TOO_LARGE
    assert reason_of("imap.example.org lists message 3, but does not hand it over.", 0) == Reason.NOT_HANDED
    assert reason_of("could not be stored: ValueError; the log says more", 40) == Reason.UNREADABLE


def test_what_earlier_versions_stored_is_understood() -> None:
    assert reason_of("larger than the limit of 52428800 octets; only its header was fetched", 40) == Reason.TOO_LARGE
    assert reason_in("it was there before the mailbox was connected") == Reason.OLDER
    assert reason_in("a draft") == Reason.DRAFT


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_kept_and_told(reason: Reason) -> None:
    assert reason_in(str(reason)) == reason
    assert sentence_of(reason) == SENTENCES[reason]


def test_no_two_reasons_are_told_alike_and_one_of_another_version_is_told_as_it_is() -> None:
    assert len(set(SENTENCES.values())) == len(Reason)
    assert sentence_of(reason_in("moved to the moon")) == "moved to the moon"
