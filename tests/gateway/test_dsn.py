"""The submitter is told what it asked for: real dialogues from RCPT's parameters to the notification that arrives."""

import asyncio
import smtplib
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import update
from sqlmodel import select

from gatepost.blobs import ContentFile
from gatepost.envelope import Asked, Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.dsn import action_owed, keep_signed, tell_once, telling
from gatepost.gateway.dsn_mail import Fact, Original, compose_notice
from gatepost.gateway.large import body_of
from gatepost.gateway.put import Submission
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.signing import Signer, sign_all
from gatepost.gateway.submission import start_submission
from gatepost.gateway.ways import relay_route
from gatepost.mail import parse
from gatepost.model import Credential, Delivery, Event, Message
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.claims import claim
from gatepost.store.deliveries import Claim, Result, deliveries_of, record_report
from gatepost.store.messages import get_message, raw_of
from gatepost.store.settled import Horizon
from gatepost.threading.report import read_report
from gatepost.words import DeliveryState
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import FakeServer, Received, Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import ended, sending, until
from tests.rig.postfix import Postfix
from tests.rows import record_reply

OFFERED = ("8BITMIME", "SIZE 1000000000", "ENHANCEDSTATUSCODES", "DSN")
NO_USER = Script(replies={"RCPT": ["550 5.1.1 no such user", "250 2.1.5 ok"]})


def asking(submission: Submission, notify: str = "", orcpt: str = "", ret: str = "", envid: str = "") -> Submission:
    envelope = submission.envelope
    asked = {recipient: Asked(notify, orcpt) for recipient in envelope.recipients}
    return replace(submission, envelope=replace(envelope, asked=asked, ret=ret, envid=envid))


def relaying(gate: Gate, host_port: str, dsn: str = "asked") -> Gate:
    changes = {"route": "relay", "relay": f"smtp://{host_port}", "relay_tls": "none", "dsn": dsn}
    return replace(gate, settings=gate.settings.model_copy(update=changes))


@asynccontextmanager
async def working(gate: Gate) -> AsyncIterator[None]:
    pool = Pool()
    async with sending(gate, relay_route(gate, pool)), telling(gate, clock):
        yield
    await pool.close()


async def come(done: Callable[[], object]) -> None:
    for _ in range(400):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


async def told(gate: Gate, server: FakeServer, submission: Submission, mails: int) -> list[Received]:
    """What the next server gets when this is submitted: that many mails."""
    async with working(gate):
        await asyncio.wrap_future(accept(gate, submission, clock()))
        await come(lambda: len(server.mails) >= mails)
    return server.mails


def test_a_failure_is_told_to_the_reverse_path(gate: Gate, submit: Submit) -> None:
    async def scenario() -> Received:
        async with smtp_server(NO_USER) as server:
            wanted = asking(submit(), "FAILURE", "rfc822;Ana@old.example", envid="order+2B7")
            (mail,) = await told(relaying(gate, server.host_port), server, wanted, 1)
        return mail

    mail = asyncio.run(scenario())
    assert mail.mail_from.startswith("FROM:<> ")
    assert mail.recipients == ("TO:<orders@shop.example>",)
    found = parse(mail.content)
    assert found.content_type == "multipart/report"
    assert found.header("Auto-Submitted") == "auto-replied"
    assert "There is no mailbox" in found.text or "ana@calderon.example" in found.text
    report = read_report(found)
    assert report
    (fact,) = report.recipients
    assert (fact.action, fact.status, fact.code) == ("failed", "5.1.1", 550)
    assert {fact.address, fact.original} == {"ana@calderon.example", "Ana@old.example"}
    status = next(part for part in found.parts if part.content_type == "message/delivery-status")
    assert b"Original-Envelope-Id: order+7" in status.content
    assert b"nobody" not in mail.content.split(b"text/rfc822-headers")[1]


@pytest.mark.parametrize(
    ("notify", "setting", "owed"),
    [("", "asked", 0), ("NEVER", "always", 0), ("DELAY", "always", 0), ("", "always", 1), ("FAILURE", "never", 0)],
)
def test_who_asks_for_nothing_is_told_as_the_setting_says(
    gate: Gate, submit: Submit, notify: str, setting: str, owed: int
) -> None:
    async def scenario() -> int:
        async with smtp_server(NO_USER) as server:
            relay = relaying(gate, server.host_port, setting)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                message_id = await asyncio.wrap_future(accept(relay, asking(submit(), notify), clock()))
                await until(relay, message_id, ended)
                horizon = Horizon()
                while await asyncio.to_thread(tell_once, relay, horizon, clock()):
                    pass
                if owed:
                    await come(lambda: server.mails)
            await pool.close()
            return len(server.mails)

    assert asyncio.run(scenario()) == owed


def test_null_reverse_paths_are_told_nothing(gate: Gate, submit: Submit, now: datetime) -> None:
    wanted = asking(submit(mail_from=""), "FAILURE")
    fail(gate, accept(gate, wanted, now).result(), now)
    assert notices(gate, now) == []


def fail(gate: Gate, message_id: str, now: datetime, state: DeliveryState = DeliveryState.FAILED) -> Claim:
    reply = Reply(550, "5.1.1", "no such user") if state == DeliveryState.FAILED else Reply(451, "4.7.1", "later")
    (taken,) = gate.ledger.write(lambda s: claim(s, 1, timedelta(minutes=5), now))
    due = now + timedelta(minutes=5) if state == DeliveryState.DELAYED else None
    gate.ledger.write(lambda s: record_reply(s, taken, Result(state, reply, "mx.x.example", "relay", due), now))
    return taken


def notices(gate: Gate, now: datetime) -> list[Delivery]:
    """The deliveries of the notifications so far."""
    horizon = Horizon()
    while tell_once(gate, horizon, now):
        pass
    with gate.database.session() as session:
        found = session.exec(select(Message).where(Message.trigger == "dsn").order_by(Message.id)).all()
        return [row for message in found for row in deliveries_of(session, message.id)]


def test_a_delay_is_told_once_after_four_hours_then_the_end(gate: Gate, submit: Submit, now: datetime) -> None:
    message_id = accept(gate, asking(submit(), "DELAY,FAILURE"), now).result()
    counts = []
    for hours in (0, 3, 5, 7):
        later = now + timedelta(hours=hours)
        fail(gate, message_id, later, DeliveryState.DELAYED)
        found = notices(gate, later)
        counts.append(len(found))
        hold(gate, found, later)
    end = now + timedelta(hours=9)
    fail(gate, message_id, end)
    assert counts == [0, 0, 1, 1]
    found = notices(gate, end)
    assert [row.recipient for row in found] == ["orders@shop.example"] * 2
    assert {row.notify for row in found} == {"NEVER"}
    with gate.database.session() as session:
        first, last = (get_message(session, row.message_id) for row in found)
        assert first
        assert last
        assert (first.kind, last.kind) == ("delay", "bounce")
        assert first.envelope_from == ""


def hold(gate: Gate, rows: list[Delivery], now: datetime) -> None:
    """Keep notifications out of the next claims."""
    ids = [row.id for row in rows]
    gate.ledger.write(lambda s: s.execute(update(Delivery).where(Delivery.id.in_(ids)).values(state="held")))  # type: ignore[attr-defined]


def test_a_forged_bounce_of_a_failed_mail_tells_nothing_more(gate: Gate, submit: Submit, now: datetime) -> None:
    message_id = accept(gate, asking(submit(), "FAILURE"), now).result()
    fail(gate, message_id, now)
    found = notices(gate, now)
    assert len(found) == 1
    with gate.database.session() as session:
        (row,) = deliveries_of(session, message_id)
    for proven in (False, True):
        report = partial(record_report, state=DeliveryState.BOUNCED, reply=Reply(550, "5.1.1"), host="", now=now)
        gate.ledger.write(partial(report, delivery=row, proven=proven))
    assert len(notices(gate, now)) == 1


def test_a_success_is_told_by_whoever_knows_it() -> None:
    row = Delivery(
        id="dlv_1", message_id="m", recipient="a@x.example", notify="SUCCESS", created_at=clock(), updated_at=clock()
    )
    now = clock()

    def action(**data: str) -> str:
        return action_owed(Event(at=now, kind="delivery.delivered", data=data), row, "asked", now)[0]

    assert action() == "relayed"
    assert action(dsn="told on") == ""
    assert action(source="return path") == "delivered"


def test_a_server_that_offers_dsn_is_asked_in_turn(gate: Gate, submit: Submit) -> None:
    async def scenario(offered: tuple[str, ...], mails: int) -> list[Received]:
        async with smtp_server(Script(extensions=offered)) as server:
            wanted = asking(submit(), "SUCCESS", ret="HDRS", envid="x7")
            return await told(relaying(gate, server.host_port), server, wanted, mails)

    (mail,) = asyncio.run(scenario(OFFERED, 1))
    assert "RET=HDRS ENVID=x7" in mail.mail_from
    assert mail.recipients[0].endswith("> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ana@calderon.example")
    first, second = asyncio.run(scenario(OFFERED[:3], 2))
    assert "RET=" not in first.mail_from
    assert "NOTIFY" not in first.recipients[0]
    report = read_report(parse(second.content))
    assert report
    assert [fact.action for fact in report.recipients] == ["relayed"]


def test_postfix_tells_us_of_the_success_that_was_asked_for(gate: Gate, submit: Submit, postfix: Postfix) -> None:
    async def scenario() -> None:
        relay = relaying(gate, f"127.0.0.1:{postfix.port}")
        pool = Pool()
        async with sending(relay, relay_route(relay, pool)):
            wanted = asking(submit(), "SUCCESS", envid="order7")
            message_id = await asyncio.wrap_future(accept(relay, wanted, clock()))
            await until(relay, message_id, ended)
        await pool.close()
        kept = await asyncio.to_thread(postfix.wait_for, 2)
        reports = [mail for mail in kept if b"report-type=delivery-status" in mail]
        assert len(reports) == 1
        report = read_report(parse(reports[0]))
        assert report
        assert [(fact.address, fact.action) for fact in report.recipients] == [("ana@calderon.example", "delivered")]
        assert b"Original-Envelope-Id: order7" in reports[0]
        assert f"@{relay.settings.bounces}".encode() in reports[0]

    asyncio.run(scenario())


@contextmanager
def logged_in(port: int, certificate: Path) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(certificate)))
        client.login("shop", "any")
        yield client


def test_a_client_asks_with_smtplib(gate: Gate, credential: Credential, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)

    async def someone(*_: str) -> Credential | None:
        return credential

    async def nobody(_ip: str) -> Credential | None:
        return None

    async def take(envelope: Envelope, who: Credential) -> str:
        submission = Submission(envelope, tuple(who.senders), "smtp", credential=who)
        return await asyncio.wrap_future(await asyncio.to_thread(accept, gate, submission, clock()))

    def submit_both(port: int) -> dict[str, tuple[int, bytes]]:
        with logged_in(port, certificate) as client:
            assert client.has_extn("dsn")
            text = "From: orders@shop.example\r\nSubject: Order\r\n\r\nHello\r\n"
            client.sendmail(
                "orders@shop.example",
                ["ana@calderon.example", "ben@calderon.example"],
                text,
                mail_options=["RET=HDRS", "ENVID=abc"],
                rcpt_options=["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;ana@calderon.example"],
            )
            return client.sendmail("orders@shop.example", ["ana@calderon.example"], text)

    async def scenario() -> None:
        server = await start_submission(
            gate.settings,
            "127.0.0.1:0",
            implicit_tls=False,
            tls=server_context(certificate, key),
            authenticate=someone,
            network_credential=nobody,
            accept=take,
        )
        try:
            await asyncio.to_thread(submit_both, server.sockets[0].getsockname()[1])
        finally:
            server.close()

    asyncio.run(scenario())
    with gate.database.session() as session:
        taken = claim(session, 10, timedelta(minutes=1), clock())
        assert [each.notify for each in taken] == ["FAILURE,DELAY", "FAILURE,DELAY", ""]
        asked = get_message(session, taken[0].message_id)
        plain = get_message(session, taken[2].message_id)
    assert asked
    assert plain
    assert (asked.dsn, plain.dsn) == ({"ret": "HDRS", "envid": "abc"}, {})


def test_a_notice_is_safe_with_hostile_words(now: datetime) -> None:
    content = b"From: a@x.example\r\nSubject: x\r\n\r\nthe whole text\r\n"
    fact = Fact("a@x.example", "failed", Reply(550, "5.7.1", "no\r\nBcc: you\x1b[31m"), "mx [1.2.3.4]", "", now)
    for ret, whole in (("", False), ("HDRS", False), ("FULL", True)):
        original = Original(content, "evil\r\nBcc: x@y.example", now, ret)
        head, body = compose_notice(
            original, [fact], author="m@g.test", host="g.test", to="a@x.example", message_id="1@g.test", now=now
        )
        raw = head + b"".join(body())
        found = parse(raw)
        assert found.header("Bcc") is None
        assert b"\x1b" not in raw
        assert (b"the whole text" in raw) == whole
        assert not found.defects


@pytest.mark.parametrize(("ret", "whole"), [("FULL", True), ("HDRS", False)])
@pytest.mark.parametrize("lost", [False, True])
def test_a_large_mail_is_returned_without_being_held(
    gate: Gate, submit: Submit, now: datetime, ret: str, whole: bool, lost: bool
) -> None:
    text = "a line of the large mail\r\n" * 200_000
    message_id = accept(gate, asking(submit(body=text), "FAILURE", ret=ret), now).result()
    fail(gate, message_id, now)
    if lost:
        for file in gate.blobs.root.glob("*/*"):
            file.unlink()
    tracemalloc.start()
    try:
        (found,) = notices(gate, now)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(text) / 2
    with gate.database.session() as session:
        message = get_message(session, found.message_id)
        assert message
        raw = raw_of(session, message.raw_id, gate.blobs)
    assert message.size == len(raw)
    assert (text.encode() in raw) == (whole and not lost)
    report = read_report(parse(raw))
    assert report
    assert [fact.action for fact in report.recipients] == ["failed"]


def test_a_mail_in_a_file_is_returned_as_one_in_memory(now: datetime, tmp_path: Path) -> None:
    content = b"From: a@x.example\r\nSubject: x\r\n\r\n" + "grün und blau\r\n".encode() * 10_000
    path = tmp_path / "mail"
    path.write_bytes(content)
    fact = Fact("a@x.example", "failed", Reply(550, "5.7.1", "no"), "mx.test", "", now)

    def written(original: Original) -> bytes:
        head, body = compose_notice(
            original, [fact], author="m@g.test", host="g.test", to="a@x.example", message_id="1@g.test", now=now
        )
        return head + b"".join(body())

    for ret in ("FULL", "HDRS"):
        kept = written(Original(content, "x", now, ret))
        assert written(Original(ContentFile(path, len(content)), "x", now, ret)) == kept
        assert (content in kept) == (ret == "FULL")
        assert (b"Content-Transfer-Encoding: 8bit\r\n\r\nFrom" in kept) == (ret == "FULL")


def test_a_large_notice_is_signed_as_a_small_one(gate: Gate, now: datetime) -> None:
    signer = Signer("g.test", "s1", ed25519.Ed25519PrivateKey.generate())
    head, text = b"From: m@g.test\r\nSubject: x\r\n\r\n", b"returned \r\n" * 30_000
    large = keep_signed(gate, head, body_of(text), len(text), [signer], now)
    assert large.blob
    assert gate.blobs.load(large.blob) == sign_all(head + text, [signer], now)
