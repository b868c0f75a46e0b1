"""Every code has a reason, an advice and somebody who can act; exact statuses come before words, then vague ones."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.codes import code_page, explain, look_up, reference, search, shown_code
from gatepost.codes_data import CLASSES, CODES, STATUSES, VAGUE
from gatepost.codes_texts import PHRASES, SAYINGS, Saying
from gatepost.reply import Reply, read_reply

REGISTERED = [
    *(f"1.{n}" for n in range(11)),
    *(f"2.{n}" for n in range(5)),
    *(f"3.{n}" for n in range(7)),
    *(f"4.{n}" for n in range(8)),
    *(f"5.{n}" for n in range(7)),
    *(f"6.{n}" for n in range(11)),
    *(f"7.{n}" for n in range(31)),
]


@pytest.mark.parametrize("detail", REGISTERED)
@pytest.mark.parametrize("digit", [4, 5])
def test_every_registered_status_is_explained(digit: int, detail: str) -> None:
    assert detail in STATUSES
    found = explain(Reply(None, f"{digit}.{detail}"), "anna@x.test")
    assert len(found.reason) > 10
    assert len(found.advice) > 10


@pytest.mark.parametrize(
    ("code", "text", "reason", "who"),
    [
        (550, "5.1.1 User unknown", "The address anna@x.test does not exist", "sender"),
        (550, "5.1.10 null MX", "The domain x.test says that it takes no mail at all", "sender"),
        (452, "4.2.2 over quota", "The mailbox of anna@x.test is full", "recipient"),
        (552, "5.2.2 over quota", "The mailbox of anna@x.test is full", "recipient"),
        (550, "5.2.1 disabled", "The mailbox of anna@x.test is switched off", "recipient"),
        (552, "5.3.4 too big", "The mail is too large for the recipient's server", "sender"),
        (550, "5.7.1 this looks like spam", "The recipient's server took the mail for spam", "admin"),
        (
            554,
            "5.7.1 Service unavailable; blocked using zen.spamhaus.org",
            "The recipient's server blocks mail",
            "admin",
        ),
        (554, "5.7.1 <anna@x.test>: Relay access denied", "The mail server does not pass on mail for x.test", "admin"),
        (550, "5.7.1 rejected", "The recipient's server does not accept this mail under its rules", "admin"),
        (550, "5.7.26 unauthenticated", "The recipient's server could not confirm that the mail comes", "admin"),
        (
            451,
            "4.7.1 Greylisting in action, please come back later",
            "The recipient's server asks unknown senders",
            "wait",
        ),
        (
            550,
            "5.4.1 Recipient address rejected: Access denied. [x]",
            "The address anna@x.test does not exist",
            "sender",
        ),
        (
            550,
            "5.5.0 Requested action not taken: mailbox not found",
            "The address anna@x.test does not exist",
            "sender",
        ),
        (550, "Mailbox full", "The mailbox of anna@x.test is full", "recipient"),
        (550, "no", "The recipient's server refused the mail for anna@x.test", "sender"),
        (421, "bye", "The next mail server is not accepting mail at the moment", "wait"),
        (599, "what", "The recipient's server refused the mail", "admin"),
        (499, "what", "The recipient's server did not take the mail yet", "wait"),
        (550, "5.9.99 what", "The recipient's server refused the mail for anna@x.test", "sender"),
        (250, "2.0.0 ok", "The mail was accepted", "wait"),
    ],
)
def test_what_servers_say(code: int, text: str, reason: str, who: str) -> None:
    found = explain(read_reply(code, text), "anna@x.test")
    assert found.reason.startswith(reason)
    assert found.who == who


def test_no_code_at_all() -> None:
    assert explain(Reply(None, "5.1.2", "Domain not found"), "anna@x.tset").reason == (
        "The domain x.tset does not exist or takes no mail"
    )
    assert explain(Reply(None)).retryable


def test_a_full_mailbox_may_have_room_later_and_an_unknown_user_stays_unknown() -> None:
    assert explain(Reply(552, "5.2.2")).retryable
    assert not explain(Reply(550, "5.1.1")).retryable
    assert explain(Reply(450, "4.1.1")).retryable


def test_an_address_cannot_add_anything_to_the_sentence() -> None:
    reason = explain(Reply(550, "5.1.1"), "a\u202e{domain}\r\n<b>@x.test").reason
    assert reason == "The address a{domain} <b>@x.test does not exist"


def test_without_an_address_the_sentences_still_read_well() -> None:
    for code in reference():
        assert "{" not in code.explanation.reason + code.explanation.advice
        assert code.explanation.reason[0].isupper()
        assert code.explanation.advice.endswith(".")
        assert not re.search(r"\d\d\d|\d\.\d", code.explanation.reason)


def test_the_reference_has_every_code_once() -> None:
    codes = [code.code for code in reference()]
    assert len(codes) == len(set(codes))
    assert {f"5.{detail}" for detail in REGISTERED} <= set(codes)
    assert {str(code) for code in CODES} <= set(codes)


def test_the_data_is_well_formed() -> None:
    entries = [*STATUSES.values(), *CODES.values(), *CLASSES.values(), *(entry for entry, _ in PHRASES)]
    assert {entry.who for entry in entries} == {"sender", "recipient", "admin", "wait"}
    assert all(phrase and phrase == phrase.lower() for _, phrases in PHRASES for phrase in phrases.split("|"))
    assert all(re.fullmatch(r"(?:[45]\.)?\d+\.\d+", status) for status in STATUSES)
    assert set(VAGUE) - {"0.0"} <= set(STATUSES)


@pytest.mark.parametrize("saying", SAYINGS, ids=lambda saying: saying.text[:40])
def test_what_providers_are_known_to_say_is_explained(saying: Saying) -> None:
    code, _, text = saying.text.partition(" ")
    found = explain(read_reply(int(code), text), "anna@x.test")
    assert found.reason == saying.entry.reason.format(address="anna@x.test", domain="x.test")


@pytest.mark.parametrize(
    ("text", "code", "known"),
    [
        ("5.1.1", "5.1.1", True),
        (" 550 5.1.1 ", "5.1.1", True),
        ("05.1.1", None, True),
        ("5.01.001", "5.1.1", True),
        ("550", "550", True),
        ("599", "599", False),
        ("5.7.999", "5.7.999", False),
        ("4.99.1", "4.99.1", False),
        ("250", None, True),
        ("2.0.0", None, True),
        ("", None, True),
        ("5.1", None, True),
        ("<script>", None, True),
        ("5.1.1234", None, True),
        ("\u0665\u0665\u0660", None, True),
        ("5.1.\u0661", None, True),
    ],
)
def test_a_code_is_looked_up(text: str, code: str | None, known: bool) -> None:
    found = look_up(text)
    assert (found and found.code) == code
    assert not found or found.known is known


def test_a_page_tells_what_providers_say_with_its_own_code_first() -> None:
    found = look_up("5.1.1")
    assert found
    assert "5.1.1" in found.sayings[0].text
    assert {"Gmail", "Yahoo and AOL"} <= {saying.who for saying in found.sayings}


def test_codes_are_found_by_number_and_by_words() -> None:
    assert next(code.code for code in search("5.1.1")) == "5.1.1"
    assert "5.2.2" in {code.code for code in search("mailbox FULL")}
    assert "5.1.10" in {code.code for code in search("recipientnotfound")}
    assert search("nothing of the kind") == []
    assert len(search("")) == len(list(reference()))


def test_every_code_that_is_shown_has_a_page() -> None:
    for code in reference():
        assert look_up(code.code) == code
    assert code_page(550, "5.1.1") == "5.1.1"
    assert code_page(550, None) == "550"
    assert code_page(None, "nonsense") == ""
    assert code_page(250, "2.0.0") == ""
    assert code_page(250, None) == ""


def test_codes_as_people_look_them_up() -> None:
    assert shown_code(Reply(550, "5.1.1", "no")) == "550 5.1.1"
    assert shown_code(Reply(None, "5.1.2")) == "5.1.2"
    assert shown_code(Reply(None)) == ""


@settings(deadline=None, max_examples=300)
@given(
    st.none() | st.integers(-(10**9), 10**9),
    st.none() | st.text(max_size=20) | st.from_regex(r"[245]\.[0-9]{1,9}\.[0-9]{1,9}", fullmatch=True),
    st.text(max_size=200),
    st.text(max_size=400),
)
def test_nothing_makes_it_raise(code: int | None, status: str | None, text: str, address: str) -> None:
    if status and status[0] not in "245":
        status = "5" + status
    found = explain(Reply(code, status, text), address)
    assert found.reason
    assert found.advice
