"""Reports in unusual shapes: JSON, complaints, refusals, aliases, and what only looks like a bounce."""

import json
from collections.abc import Mapping

import pytest

from gatepost.mail import parse
from gatepost.threading.automatic import classify
from gatepost.threading.report import Report, read_report
from gatepost.words import Kind
from tests.threading.test_report import RETURNED, dsn, notice, only


def read(raw: bytes) -> Report:
    report = read_report(parse(raw))
    assert report is not None
    return report


def notification(kind: str, part: Mapping[str, object], *, wrapped: bool) -> bytes:
    told: dict[str, object] = {"notificationType": kind, kind.lower(): dict(part)}
    told["mail"] = {"commonHeaders": {"messageId": "<m17@desk.example>"}}
    text = json.dumps({"Type": "Notification", "Message": json.dumps(told)} if wrapped else told)
    return f"From: no-reply@sns.example\nTo: desk@desk.example\nSubject: Notification\n\n{text}\n".encode()


@pytest.mark.parametrize("wrapped", [True, False])
def test_notifications_as_json(wrapped: bool) -> None:
    said = {"emailAddress": "ana@shop.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
    report = read(notification("Bounce", {"bounceType": "Permanent", "bouncedRecipients": [said]}, wrapped=wrapped))
    (fact,) = report.recipients
    assert (report.kind, report.message_id) == (Kind.BOUNCE, "m17@desk.example")
    assert (fact.address, fact.status, fact.code, fact.hard) == ("ana@shop.example", "5.1.1", 550, True)
    part = {"complainedRecipients": [{"emailAddress": "ana@shop.example"}]}
    assert read(notification("Complaint", part, wrapped=wrapped)).kind == Kind.FEEDBACK
    assert read(notification("Delivery", {"recipients": ["ana@shop.example"]}, wrapped=wrapped)).kind == Kind.REPORT


@pytest.mark.parametrize("text", ['{"a": ', "[" * 50_000, '{"notificationType": "Bounce"}', '{"Message": 5}', "{" * 9])
def test_other_json_is_an_ordinary_mail(text: str) -> None:
    assert read_report(parse(f"From: a@b.example\nSubject: x\n\n{text}\n".encode())) is None


def test_a_complaint_that_only_returns_the_mail() -> None:
    raw = (
        "From: staff@isp.example\nSubject: complaint about message from 192.0.2.1\n"
        'Content-Type: multipart/mixed; boundary="b"'
        f"\n\n--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: ana@shop.example\n{RETURNED}\n--b--\n"
    ).encode()
    report = read(raw)
    assert (report.kind, report.message_id) == (Kind.FEEDBACK, "m17@desk.example")
    assert [fact.address for fact in report.recipients] == ["ana@shop.example"]


@pytest.mark.parametrize(("kind", "count"), [("abuse", 1), ("not-spam", 0), ("auth-failure", 0)])
def test_only_a_complaint_counts_as_one(kind: str, count: int) -> None:
    raw = (
        'From: fbl@isp.example\nSubject: report\nContent-Type: multipart/report; boundary="b"\n\n'
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\n"
        f"\n--b\nContent-Type: text/rfc822-headers\n\n{RETURNED}\n--b--\n"
    ).encode()
    assert len(read(raw).recipients) == count


@pytest.mark.parametrize(
    ("subject", "kind"), [("Automatically rejected mail", "bounce"), ("Not read: Order", "report")]
)
def test_a_receipt_of_a_filter_that_refused_the_mail_is_a_bounce(subject: str, kind: str) -> None:
    raw = (
        f'From: ana@shop.example\nSubject: {subject}\nContent-Type: multipart/report; boundary="b"\n\n'
        "--b\n\nYour message was seen.\nQuota exceeded\n--b\nContent-Type: message/disposition-notification\n\n"
        "Final-Recipient: rfc822; ana@shop.example\nOriginal-Message-ID: <m17@desk.example>\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n"
    ).encode()
    assert read(raw).kind == kind


def test_the_name_that_was_written_to_counts_not_where_it_led() -> None:
    fact = only(
        notice("Could not be delivered:\n\n  a.ruiz@home.example\n    (generated from ana@shop.example)\n    550 no")
    )
    assert (fact.address, fact.original) == ("ana@shop.example", "a.ruiz@home.example")


def test_a_display_name_that_is_an_address_is_no_recipient() -> None:
    fact = only(notice("These addresses failed:\n\n  old@shop.example <ana@shop.example>: 550 unknown\n"))
    assert fact.address == "ana@shop.example"


def test_utf8_addresses() -> None:
    fields = "Final-Recipient: utf-8; анна@пример.example\nAction: failed\nStatus: 5.1.1\n"
    assert only(dsn(fields)).address == "анна@пример.example"
    assert only(notice("<用户@例子.example>:\n550 5.1.1 no such user\n")).address == "用户@例子.example"
    assert only(notice("您的邮件无法送达收件人ana@shop.example不存在\n")).address == "ana@shop.example"


def test_remote_and_evidence() -> None:
    fields = (
        "Final-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.shop.example\n"
        "Diagnostic-Code: smtp; 550 5.1.1 unknown\n"
    )
    fact = only(dsn(fields))
    assert fact.remote == "mx.shop.example"
    assert "Status: 5.1.1" in fact.evidence


def test_a_group_that_names_no_address_is_about_the_one_in_the_header() -> None:
    raw = dsn("Final-Recipient: rfc822; |/usr/bin/filter\nAction: failed\nStatus: 5.3.0\n")
    fact = only(b"X-Failed-Recipients: ana@shop.example\n" + raw)
    assert (fact.address, fact.status) == ("ana@shop.example", "5.3.0")


def test_many_recipients_keep_their_own_words() -> None:
    body = "I wasn't able to deliver your message to:\n\n" + "".join(
        f"<u{number}@shop.example>:\n55{number} 5.{number}.{number} no\n\n" for number in range(1, 5)
    )
    facts = read(notice(body)).recipients
    assert [(fact.address, fact.status) for fact in facts] == [
        (f"u{n}@shop.example", f"5.{n}.{n}") for n in range(1, 5)
    ]


def test_a_bounce_that_a_gateway_wraps_is_read_inside() -> None:
    inner = dsn("Final-Recipient: rfc822; ana@shop.example\nAction: failed\nStatus: 5.1.1\n").decode()
    raw = (
        "From: MAILER-DAEMON@gw.example\nTo: desk@desk.example\nSubject: Undelivered mail\n"
        'Content-Type: multipart/mixed; boundary="o"\n\n--o\n\nReturned.\n--o\n'
        f"Content-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert only(raw.encode()).address == "ana@shop.example"


@pytest.mark.parametrize(
    "head",
    [
        "From: ana@shop.example\nAuto-Submitted: auto-replied\nSubject: Automatic reply: Order",
        "Return-Path: <>\nFrom: ana@shop.example\nSubject: Out of office: Undeliverable until Monday",
        "Return-Path: <>\nFrom: Support <help@shop.example>\nSubject: We received: Delivery failed for order 17",
    ],
)
def test_an_automatic_answer_that_looks_like_a_bounce_is_none(head: str) -> None:
    body = "I am away. Write to bo@shop.example; what was not delivered waits. My old address does not exist any more."
    mail = parse(f"{head}\nTo: desk@desk.example\n\n{body}\n".encode())
    report = read_report(mail)
    assert report is None or report.recipients == ()
    assert classify(mail, "")[0] == Kind.AUTO_REPLY
