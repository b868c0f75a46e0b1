"""The sandbox's answers, and the mails it sends back through a real SMTP port."""

import asyncio
import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.sandbox import answer, deliver_follow_up
from gatepost.gateway.sandbox_mail import FollowUp, compose_autoreply, compose_dsn, follow_up
from tests.fakes.smtp import FakeServer, smtp_server

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
TOKEN = "b+abc@bounce.gatepost.test"
MAIL = (
    b"From: Help <Help@gatepost.test>\r\nTo: bounce-later@x.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <1@gatepost.test>\r\n\r\nHello\r\n"
)


@pytest.mark.parametrize(
    ("recipient", "code", "status"),
    [
        ("unknown@x.test", 550, "5.1.1"),
        ("Unknown+2@x.test", 550, "5.1.1"),
        ("full@x.test", 452, "4.2.2"),
        ("spam@x.test", 550, "5.7.1"),
        ("big@x.test", 552, "5.3.4"),
        ("gone@x.test", None, "5.1.2"),
        ("slow@x.test", 250, "2.0.0"),
        ("bounce-later@x.test", 250, "2.0.0"),
        ("autoreply@x.test", 250, "2.0.0"),
        ("maria@x.test", 250, "2.0.0"),
        ("code+451-4.7.1@x.test", 451, "4.7.1"),
        ("code+550@x.test", 550, None),
        ("code+250-2.1.5@x.test", 250, "2.1.5"),
        ("code+451-5.7.1@x.test", 550, "5.1.3"),
        ("code+999@x.test", 550, "5.1.3"),
        ("code@x.test", 550, "5.1.3"),
    ],
)
def test_the_local_part_decides(recipient: str, code: int | None, status: str | None) -> None:
    reply = answer(recipient, 1).reply
    assert (reply.code, reply.status) == (code, status)
    assert reply.text


def test_full_is_delivered_at_the_third_try() -> None:
    assert [answer("full@x.test", n).reply.code for n in (1, 2, 3, 4)] == [452, 452, 250, 250]


def test_waits_and_follow_ups() -> None:
    assert answer("slow@x.test", 1).wait == 10
    assert answer("bounce-later@x.test", 1).follow_up == "bounce"
    assert answer("autoreply@x.test", 1).follow_up == "autoreply"
    assert answer("maria@x.test", 1).follow_up is None


def test_the_text_names_the_recipient() -> None:
    assert answer("unknown@x.test", 1).reply.text.startswith("<unknown@x.test>: ")
    assert "Domain not found: x.test" in answer("gone@x.test", 1).reply.text


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=80) | st.from_regex(r"code\+.*@x\.test"), st.integers(-1, 10))
def test_every_recipient_gets_an_answer(recipient: str, attempt: int) -> None:
    reply = answer(recipient, attempt).reply
    assert reply.positive or reply.temporary or reply.permanent


def read(content: bytes) -> EmailMessage:
    """The standard library's reading of a mail of ours."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_bounce_is_a_delivery_status_notification() -> None:
    mail = follow_up(
        "bounce", return_path=TOKEN, recipient="bounce-later@x.test", content=MAIL, now=NOW, from_is_channel=True
    )
    assert mail is not None
    assert (mail.mail_from, mail.recipient) == ("", TOKEN)
    message = read(mail.content)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, report, returned = message.iter_parts()
    assert "<bounce-later@x.test>" in text.get_content()
    blocks: Any = report.get_payload()
    rows = [dict(block.items()) for block in blocks]
    assert rows[1]["Final-Recipient"] == "rfc822; bounce-later@x.test"
    assert (rows[1]["Action"], rows[1]["Status"]) == ("failed", "5.1.1")
    assert "Message-ID: <1@gatepost.test>" in returned.get_content()
    assert "Hello" not in mail.content.decode()


def test_an_automatic_answer_goes_to_a_channel_or_the_return_path() -> None:
    def make(from_is_channel: bool) -> FollowUp | None:
        return follow_up(
            "autoreply",
            return_path=TOKEN,
            recipient="autoreply@x.test",
            content=MAIL,
            now=NOW,
            from_is_channel=from_is_channel,
        )

    mail, other = make(True), make(False)
    assert mail is not None
    assert other is not None
    assert (mail.mail_from, mail.recipient, other.recipient) == ("", "help@gatepost.test", TOKEN)
    message = read(mail.content)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<1@gatepost.test>"
    assert message["Subject"] == "Automatic reply: Grüße"
    assert message["From"] == "autoreply@x.test"


def test_a_bounce_is_never_bounced() -> None:
    assert (
        follow_up("bounce", return_path="", recipient="a@x.test", content=MAIL, now=NOW, from_is_channel=False) is None
    )


HOSTILE = st.text(max_size=60) | st.sampled_from(["a\r\nBcc: x@y.test", "=?utf-8?q?=0D=0AX:_1?=", "jörg@x.test"])


@settings(deadline=None, max_examples=200)
@given(HOSTILE, HOSTILE, st.binary(max_size=200))
def test_follow_ups_are_whole_whatever_they_answer(recipient: str, subject: str, junk: bytes) -> None:
    content = b"Subject: " + subject.encode("utf-8", "replace") + b"\r\nMessage-ID: " + junk + b"\r\n" + junk
    for mail in (
        compose_dsn(recipient, content, to=TOKEN, now=NOW),
        compose_autoreply(recipient, content, to=TOKEN, now=NOW),
    ):
        head = mail.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
        assert b"bcc" not in names
        assert b"x" not in names
        assert len(names) == len(set(names))
        assert head.isascii()


def test_a_follow_up_travels_by_smtp() -> None:
    async def scenario() -> tuple[FakeServer, int | None]:
        async with smtp_server() as server:
            content = compose_dsn("bounce-later@x.test", MAIL, to=TOKEN, now=NOW)
            sent = await deliver_follow_up(server.host_port, "", TOKEN, content)
            return server, sent.reply.code

    server, code = asyncio.run(scenario())
    assert code == 250
    assert server.mails[0].mail_from.startswith("FROM:<>")
    assert server.mails[0].recipients == (f"TO:<{TOKEN}>",)
    assert "EHLO sandbox.invalid" in server.commands
