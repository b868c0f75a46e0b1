import email.policy
import email.utils
from datetime import datetime, timedelta

import dkim
import pytest

from gatepost.database import Database
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.authenticate import dkim_only
from gatepost.ledger import Ledger
from gatepost.mail import parse
from gatepost.model import Message
from gatepost.reply import Refused
from gatepost.seal import Keys
from gatepost.store.conversations import by_number, participants
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import deliveries_of
from gatepost.store.domains import dns_record, domain_by_name
from gatepost.store.events import message_events
from gatepost.store.messages import get_message, raw_of
from gatepost.tokens import read_message_id
from tests.fakes.dns import DictResolver
from tests.gateway.conftest import Submit


def stored(gate: Gate, message_id: str) -> tuple[Message, bytes]:
    with gate.database.session() as session:
        message = get_message(session, message_id)
        assert message is not None
        return message, raw_of(session, message.raw_id, gate.blobs)


def test_a_mail_is_stamped_signed_and_stored_with_a_row_per_recipient(
    gate: Gate, submit: Submit, domain: str, now: datetime
) -> None:
    header = (
        "From: Shop <orders@shop.example>\r\nTo: ana@calderon.example\r\n"
        "Bcc: spy@x.example\r\nSubject: =?utf-8?q?=C3=89?=\r\n"
    )
    recipients = ("ana@calderon.example", "Ana@calderon.example", "b@x.example")
    message_id = accept(gate, submit(header, recipients=recipients), now).result()
    message, raw = stored(gate, message_id)
    mail = parse(raw)
    assert mail.header("bcc") is None
    assert mail.date == now
    assert read_message_id(gate.keys, mail.message_id or "") == message_id
    assert message.subject == "É"
    assert message.recipients_shown == [{"field": "to", "address": "ana@calderon.example", "name": ""}]
    assert message.envelope_from == "orders@shop.example"
    with gate.database.session() as session:
        assert [row.recipient for row in deliveries_of(session, message_id)] == ["ana@calderon.example", "b@x.example"]
        assert [event.kind for event in message_events(session, message_id)] == ["message.queued"]
        row = domain_by_name(session, domain)
        assert row is not None
        record = dns_record(session, row)[1].encode()
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: record)
    assert not dkim.verify(raw.replace(b"Hello", b"Hullo"), dnsfunc=lambda name, timeout=5: record)


def test_what_is_there_already_is_kept(gate: Gate, submit: Submit, now: datetime) -> None:
    header = (
        "From: boss@other.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <own@other.example>\r\n"
        "To: a@x.example\r\n"
    )
    message_id = accept(gate, submit(header, mail_from="", recipients=("a@x.example",)), now).result()
    message, raw = stored(gate, message_id)
    assert message.message_id == "own@other.example"
    assert parse(raw).date == now.replace(day=21, hour=10, minute=0)
    assert b"DKIM-Signature" not in raw, "there is no key for other.example"


def test_a_second_message_id_is_not_sent_on(gate: Gate, submit: Submit, now: datetime) -> None:
    header = "From: a@shop.example\r\nMessage-ID: <one@shop.example>\r\nMessage-Id: <two@shop.example>\r\n"
    message, raw = stored(gate, accept(gate, submit(header), now).result())
    assert message.message_id == "one@shop.example"
    assert parse(raw).all("message-id") == ("<one@shop.example>",)


@pytest.mark.parametrize(
    ("header", "mail_from", "code", "status", "words"),
    [
        ("To: a@x.example\r\n", "", 550, "5.7.1", "no From"),
        ("From: a@shop.example\r\nFrom: b@shop.example\r\n", "", 550, "5.7.1", "2 From fields"),
        ("From: a@shop.example, b@shop.example\r\n", "", 550, "5.7.1", "2 mailboxes"),
        ("From: nobody\r\n", "", 550, "5.7.1", "not an address"),
        ("From: eve@evil.example\r\n", "", 550, "5.7.1", "may not send as eve@evil.example"),
        ("From: a@sub.shop.example\r\n", "", 550, "5.7.1", "may not send as"),
        ("From: a@shop.example\r\n", "eve@evil.example", 550, "5.7.1", "MAIL FROM"),
        ("From: Boss <boss@other.example> (x) <eve@evil.example>\r\n", "", 550, "5.7.1", ""),
        ("garbage\r\nFrom: a@shop.example\r\n", "", 550, "5.6.0", "not a mail"),
        ("From: a@shop.example\r\n" + "Received: x\r\n" * 51, "", 554, "5.4.6", "loop"),
    ],
)
def test_what_may_not_go_out_is_refused_with_the_reason(
    gate: Gate, submit: Submit, now: datetime, header: str, mail_from: str, code: int, status: str, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        accept(gate, submit(header, mail_from=mail_from), now)
    assert (caught.value.reply.code, caught.value.reply.status) == (code, status)
    assert words in caught.value.reply.text


@pytest.mark.parametrize(
    "value",
    [
        "<ceo@bank.example> <orders@shop.example>",
        "ceo@bank.example <orders@shop.example>",
        "ceo@bank.example orders@shop.example",
        "ceo@bank.example: orders@shop.example;",
        '"ceo@bank.example" orders@shop.example',
        'ceo@bank.example" <orders@shop.example>',
        "<ceo@bank.example\\> <orders@shop.example>",
        "ceo@bank.example\\, <orders@shop.example>",
        "=?utf-8?q?<ceo@bank.example>?= <orders@shop.example>",
        "(ceo@bank.example, orders@shop.example",
    ],
)
def test_a_from_that_others_may_read_as_somebody_else_is_written_anew(
    gate: Gate, submit: Submit, now: datetime, value: str
) -> None:
    header = f"From: {value}\r\nTo: a@x.example\r\n"
    try:
        _, raw = stored(gate, accept(gate, submit(header), now).result())
    except Refused:
        return
    for policy in (email.policy.default, email.policy.compat32):
        written = str(email.message_from_bytes(raw, policy=policy)["from"])
        assert email.utils.parseaddr(written)[1] == "orders@shop.example"
        assert raw.lower().count(b"\nfrom:") == 1


@pytest.mark.parametrize(
    "value",
    ["Shop <orders@shop.example>", '"Shop, Inc." <orders@shop.example>', "=?utf-8?q?=C3=89?= <orders@shop.example>"],
)
def test_a_clear_from_stays_as_it_was_written(gate: Gate, submit: Submit, now: datetime, value: str) -> None:
    _, raw = stored(gate, accept(gate, submit(f"From:  {value}\r\nTo: a@x.example\r\n"), now).result())
    assert f"From:  {value}\r\n".encode() in raw


def test_nothing_can_be_smuggled_through_a_bare_line_end(gate: Gate, submit: Submit, now: datetime) -> None:
    submission = submit(body="a\r\n.\nb\rc\n")
    message_id = accept(gate, submission, now).result()
    raw = stored(gate, message_id)[1]
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_the_same_key_makes_one_mail_and_another_request_is_refused(gate: Gate, submit: Submit, now: datetime) -> None:
    first = accept(gate, submit(key=("k", "hash")), now).result()
    assert accept(gate, submit(key=("k", "hash")), now).result() == first
    with pytest.raises(Refused, match="Idempotency-Key"):
        accept(gate, submit(key=("k", "other")), now).result()
    later = now + timedelta(hours=25)
    assert accept(gate, submit(key=("new", "hash")), later).result() != first
    assert accept(gate, submit(key=("k", "other")), later).result() != first, "keys are kept 24 h"


def test_a_credential_may_always_make_conversations(
    gate: Gate, database: Database, ledger: Ledger, keys: Keys, submit: Submit, now: datetime
) -> None:
    always, _ = ledger.write(
        lambda s: create_credential(
            s, keys, kind="smtp", name="x", senders=["shop.example"], conversations="always", now=now
        )
    )
    recipients = ("ana@calderon.example", "hidden@x.example")
    message_id = accept(gate, submit(recipients=recipients, sender=always), now).result()
    with database.session() as session:
        conversation = by_number(session, 1)
        assert conversation is not None
        assert conversation.origin_id == message_id
        assert [row.address for row in participants(session, conversation.id)] == ["ana@calderon.example"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_complaint_41_line_ends_are_canonical_before_signing(
    gate: Gate, submit: Submit, domain: str, now: datetime, end: str
) -> None:
    """What a system submits with bare line ends goes out with CRLF, and the signature fits what goes out."""
    header = f"From: orders@{domain}{end}To: ana@calderon.example{end}Subject: Folded{end} over two{end}"
    message_id = accept(gate, submit(header, body=f"One{end}.{end}Two{end}{end}"), now).result()
    raw = stored(gate, message_id)[1]
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    with gate.database.session() as session:
        row = domain_by_name(session, domain)
        assert row is not None
        name, record = dns_record(session, row)
    verdict = dkim_only(raw, resolver=DictResolver(TXT={name: [record]}), now=now)
    assert [each.result for each in verdict.dkim] == ["pass"]
