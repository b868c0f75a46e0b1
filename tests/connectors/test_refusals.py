"""One table of what mail servers say: every row can be found, and asks of people what it should."""

import pytest

from gatepost.connectors.consent_data import ENTRIES
from gatepost.connectors.refusals import LONGEST_BACKOFF, REFUSALS, find_refusal, wait_asked
from gatepost.connectors.trouble import recognise


def test_no_row_hides_another() -> None:
    for refusal in REFUSALS:
        for needle in refusal.needles:
            assert find_refusal(f"NO {needle.upper()}!") is refusal


def test_what_a_person_must_do_has_a_fix_and_what_waits_is_found_by_the_consent_doctor() -> None:
    assert all(refusal.fix for refusal in REFUSALS if refusal.lasting)
    assert all(not refusal.lasting for refusal in REFUSALS if refusal.wait)
    assert {refusal.key for refusal in REFUSALS} - {""} <= set(ENTRIES)


def test_what_nobody_knows_is_not_explained() -> None:
    assert find_refusal("[AUTHENTICATIONFAILED] Invalid credentials") is None
    assert recognise("") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("Request is throttled. Suggested Backoff Time: 5 ms", 1.0),
        ("[UNAVAILABLE] backoff time 20 seconds", 20.0),
        ("Suggested Backoff Time: 999999999 seconds", LONGEST_BACKOFF),
        ("Request is throttled.", 60.0),
        ("[ALERT] Too many simultaneous connections. (Failure)", 300.0),
        ("[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", 4 * 3600.0),
        ("User is authenticated but not connected.", 120.0),
        ("Server Unavailable. 15", 60.0),
        ("[AUTHENTICATIONFAILED] Invalid credentials", 0.0),
        ("", 0.0),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(text: str, seconds: float) -> None:
    assert wait_asked(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "FETCH command error: BAD [b'Request is throttled. Suggested Backoff Time: 299961 milliseconds']",
        "[OVERQUOTA] Account exceeded command or bandwidth limits.",
        "User is authenticated but not connected.",
    ],
)
def test_what_asks_us_to_wait_asks_no_person(text: str) -> None:
    trouble = recognise(text)
    assert trouble is not None
    assert (trouble.lasting, trouble.wait > 0) == (False, True)
