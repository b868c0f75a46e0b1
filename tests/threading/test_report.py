"""Bounces, delay notices, receipts and complaints; every mail here is written for this test."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import parse
from gatepost.threading.report import Report, read_report
from gatepost.threading.report_codes import read_code, read_reason, read_status
from gatepost.threading.report_facts import Recipient
from gatepost.threading.report_fields import read_address
from gatepost.words import Kind

RETURNED = "Message-ID: <m17@desk.example>\nFrom: desk@desk.example\nTo: ana@shop.example\nSubject: Order 17\n\nHello\n"


def dsn(fields: str, *, text: str = "Something went wrong.", returned: str = RETURNED, label: str = "report") -> bytes:
    return (
        "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: desk@desk.example\nSubject: Delivery problem\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/{label}; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text}\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\n\n{fields}\n--b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"
    ).encode()


def notice(body: str, *, sender: str = "MAILER-DAEMON@mx.example", subject: str = "failure notice") -> bytes:
    return f"From: {sender}\nTo: desk@desk.example\nSubject: {subject}\n\n{body}\n".encode()


def read(raw: bytes) -> Report:
    report = read_report(parse(raw))
    assert report is not None
    return report


def only(raw: bytes) -> Recipient:
    (fact,) = read(raw).recipients
    return fact


@pytest.mark.parametrize("label", ["report", "mixed"])
def test_delivery_status_fields(label: str) -> None:
    fields = (
        "Final-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <ana@shop.example>:\n  Recipient address rejected: User unknown\n"
    )
    report = read(dsn(fields, label=label))
    assert report.kind == Kind.BOUNCE
    assert report.message_id == "m17@desk.example"
    (fact,) = report.recipients
    assert (fact.address, fact.action, fact.status, fact.code) == ("ana@shop.example", "failed", "5.1.1", 550)
    assert (fact.reason, fact.hard) == ("invalid recipient", True)
    assert fact.text.endswith("Recipient address rejected: User unknown")


def test_each_recipient_has_facts_of_its_own() -> None:
    fields = (
        "Final-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 Full\n\n"
        "Final-Recipient: rfc822;b@x.example\nAction: delivered\nStatus: 2.0.0\n"
    )
    report = read(dsn(fields))
    assert [(fact.address, fact.action, fact.reason) for fact in report.recipients] == [
        ("a@x.example", "failed", "mailbox full"),
        ("b@x.example", "delivered", "unknown"),
    ]


def test_the_submitted_name_of_a_forwarded_recipient_is_the_address() -> None:
    fact = only(
        dsn(
            "Original-Recipient: rfc822; info@shop.example\nFinal-Recipient: rfc822; ana@home.example\n"
            "Action: failed\nStatus: 5.1.1\n"
        )
    )
    assert (fact.address, fact.original) == ("info@shop.example", "ana@home.example")


def test_a_delay_is_no_failure() -> None:
    fields = "Final-Recipient: rfc822;a@x.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: x-mta; timed out\n"
    report = read(dsn(fields))
    assert report.kind == Kind.DELAY
    assert report.recipients[0].hard is False


def test_a_success_notice_is_a_report() -> None:
    fields = "Final-Recipient: rfc822;a@x.example\nAction: relayed\nStatus: 2.1.9\n"
    assert read(dsn(fields)).kind == Kind.REPORT


def test_codes_missing_in_the_fields_are_taken_from_the_text() -> None:
    fields = "Final-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.0.0\n"
    fact = only(dsn(fields, text="<a@x.example>: host mx.x.example said: 554 5.7.1 Looks like spam"))
    assert (fact.status, fact.code, fact.reason) == ("5.7.1", 554, "spam")


def test_qmail_style() -> None:
    body = (
        "Hi. This is the mail program at mx.example.\nI wasn't able to deliver your message to these addresses.\n\n"
        "<ana@shop.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 No such user here\n\n"
        "<bo@shop.example>:\nSorry, the mailbox is full. (#5.2.2)\n\n--- Below this line is a copy of the message.\n\n"
        f"Return-Path: <desk@desk.example>\n{RETURNED}"
    )
    report = read(notice(body))
    assert report.message_id == "m17@desk.example"
    assert [(fact.address, fact.status, fact.code, fact.reason) for fact in report.recipients] == [
        ("ana@shop.example", "5.1.1", 550, "invalid recipient"),
        ("bo@shop.example", "5.2.2", None, "mailbox full"),
    ]


def test_exim_style_with_header() -> None:
    raw = notice(
        "A message that you sent could not be delivered to all of its recipients. These failed:\n\n"
        "  ana@shop.example\n    host mx.shop.example [192.0.2.9]: 550 relay not permitted\n\n"
        f"------ This is a copy of the message ------\n\n{RETURNED}"
    )
    fact = only(b"X-Failed-Recipients: ana@shop.example\n" + raw)
    assert (fact.address, fact.code, fact.hard) == ("ana@shop.example", 550, False)


def test_a_sentence_names_the_recipient() -> None:
    fact = only(notice("There was an error delivering your mail to <ana@shop.example>.\nIt said: 550 5.7.1 denied"))
    assert (fact.address, fact.status, fact.code, fact.reason) == ("ana@shop.example", "5.7.1", 550, "policy")


def test_a_warning_is_a_delay() -> None:
    body = (
        "Your message has been delayed and will be retried. You do not need to resend it.\n"
        "Recipient: ana@shop.example\n"
    )
    report = read(notice(body, subject="Warning: could not send message yet"))
    assert report.kind == Kind.DELAY
    assert [fact.action for fact in report.recipients] == ["delayed"]


def test_complaint() -> None:
    raw = (
        'From: fbl@isp.example\nSubject: complaint\nContent-Type: multipart/report; boundary="b"\n\n'
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: ana@shop.example\n"
        f"\n--b\nContent-Type: message/rfc822\n\n{RETURNED}\n--b--\n"
    ).encode()
    report = read(raw)
    assert (report.kind, report.message_id) == (Kind.FEEDBACK, "m17@desk.example")
    assert report.recipients[0].address == "ana@shop.example"


def test_read_receipt() -> None:
    raw = (
        b'From: ana@shop.example\nSubject: Read: Order\nContent-Type: multipart/report; boundary="b"\n\n'
        b"--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;ana@shop.example\n"
        b"Original-Message-ID: <m17@desk.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n"
    )
    report = read(raw)
    assert (report.kind, report.message_id, report.recipients) == (Kind.REPORT, "m17@desk.example", ())


ORDINARY = [
    "From: ana@shop.example\nSubject: Order 17\n\nThe parcel could not be delivered, write to bo@shop.example please.",
    "From: ana@shop.example\nSubject: Undelivered\n\n?\n\n550 5.1.1 <ana@x.example> unknown\n> <bo@x.example>: 550",
    "From: ana@shop.example\nSubject: Re: failure notice\n\n<bo@x.example>:\n550 5.1.1 no such user\n",
    (
        "From: Parcels <noreply@parcels.example>\nSubject: Delivery failed\n\nIt could not be delivered to:\n\n"
        "Ana, 1 Main Street\n\nWrite to help@parcels.example\n"
    ),
    (
        "Return-Path: <>\nFrom: shop@shop.example\nSubject: Warning: delivery delayed\n\nOrder 550 is late.\n"
        "Contact:\nhelp@shop.example\n"
    ),
    "From: postmaster@shop.example\nSubject: Question\n\nHello, whom may I ask?\n\n-- \nAna\nana@shop.example",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_mail_is_never_a_bounce(text: str) -> None:
    report = read_report(parse(text.encode()))
    assert report is None or report.recipients == ()


def test_a_bounce_that_somebody_forwards_is_a_message() -> None:
    inner = dsn("Final-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.1.1\n").decode()
    raw = (
        'From: ana@shop.example\nSubject: what is this\nContent-Type: multipart/mixed; boundary="o"\n\n'
        f"--o\nContent-Type: text/plain\n\nSee below.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert read_report(parse(raw.encode())) is None


def test_codes() -> None:
    assert read_status("550-5.7.26 x 192.5.1.1 5.1.1.1") == "5.7.26"
    assert read_status("5.0.0 (then 5.1.1)") == "5.1.1"
    assert read_code("host said: 452 4.2.2 full (in reply to RCPT TO)") == 452
    assert read_code("after 450 seconds") is None
    assert read_reason("message too large", None) == "size"
    assert read_reason("", "5.1.1") == "invalid recipient"


def test_addresses_of_fields() -> None:
    assert read_address("rfc822;a@x.example") == "a@x.example"
    assert read_address("utf-8; \\x{e9}ric@x.example") == "éric@x.example"
    assert read_address("a@x.example") == "a@x.example"
    assert read_address("unknown; nobody") == ""


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"", b"Final-Recipient: rfc822;a@b.c\n", b"<a@b.c>: 550 ", b"\n--b\n"])
)
def test_hostile_octets_never_raise(noise: bytes, planted: bytes) -> None:
    raw = dsn("@@@").replace(b"@@@", noise[:200] + planted + noise[200:])
    read_report(parse(raw))
    read_report(parse(notice("@@@").replace(b"@@@", noise + planted)))


def test_an_id_named_in_a_field_can_be_looked_for_in_any_database() -> None:
    raw = dsn("Final-Recipient: rfc822; ana@shop.example\nAction: failed", returned="Subject: no id\n\n")
    raw = raw.replace(b"Reporting-MTA", b"Original-Message-ID: <m\x0017@desk.example> \xff\nReporting-MTA")
    assert read(raw).message_id == "m17@desk.example"
