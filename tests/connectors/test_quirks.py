import pytest

from gatepost.connectors.quirks import LONGEST_WAIT, is_stand_in, octets_a_day, wait_asked
from gatepost.connectors.trouble import recognise

STAND_IN = (
    b'From: "Microsoft Exchange Server" <Administrator@contoso.test>\r\nTo: a@contoso.test\r\n'
    b"Subject: Retrieval using the IMAP4 protocol failed for the following message: 205\r\n\r\n"
    b"The server couldn't retrieve the following message:\r\n"
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("Request is throttled. Suggested Backoff Time: 5 ms", 1.0),
        ("[UNAVAILABLE] backoff time 20 seconds", 20.0),
        ("Suggested Backoff Time: 999999999 seconds", LONGEST_WAIT),
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


def test_what_exchange_makes_up_for_a_mail_is_recognised() -> None:
    assert is_stand_in(STAND_IN)


def test_a_mail_that_came_by_smtp_is_no_stand_in_whatever_it_says() -> None:
    assert not is_stand_in(b"Received: from a by b; x\r\n" + STAND_IN)
    assert not is_stand_in(STAND_IN.replace(b"Microsoft Exchange", b"Somebody"))
    assert not is_stand_in(b"From: Microsoft Exchange\r\n\r\nSubject: Retrieval using the IMAP4 protocol failed")


def test_only_gmail_limits_a_day() -> None:
    assert octets_a_day("IMAP.gmail.com.") == 2_000_000_000
    assert octets_a_day("imap.example.com") == 0
