"""Unsubscribe links of streams (RFC 8058): one for each recipient, signed, and kept to that stream alone."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import dkim
import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from gatepost.acts import Actor
from gatepost.gateway import acts
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.fixing import preview_fixes, send_fixes
from gatepost.gateway.outbox import Route
from gatepost.gateway.routes import way_out
from gatepost.gateway.stream_mark import MARK
from gatepost.gateway.streams import read_link
from gatepost.model import Credential, Delivery
from gatepost.parts import clock
from gatepost.resolver import dns_resolver
from gatepost.store.credentials import get_credential
from gatepost.store.deliveries import deliveries_of, delivery_events
from gatepost.store.domains import domain_by_name, domain_keys
from gatepost.store.events import message_events
from gatepost.store.messages import raw_of
from gatepost.store.queue import Which
from gatepost.store.unsubscribes import come_back, has_left, leave, list_unsubscribes, set_stream
from gatepost.words import DeliveryState
from tests.fakes.smtp import FakeServer, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import relaying, sending
from tests.gateway.test_pace import until

LINK = re.compile(rb"List-Unsubscribe: <(\S+)/u/([a-z0-9]+)>")
OWN = "From: orders@shop.example\r\nTo: a@x.example\r\nList-Unsubscribe: <https://evil.example/>\r\nSubject: News\r\n"


@pytest.fixture
def news(gate: Gate, credential: Credential) -> Credential:
    """The credential, as a stream."""
    gate.ledger.write(lambda session: set_stream(session, credential.id, " Order  news "))
    with gate.database.session() as session:
        found = get_credential(session, credential.id)
        assert found
        assert found.stream == "Order news"
        return found


async def sent(gate: Gate, submit: Submit, credential: Credential, *recipients: str) -> tuple[str, FakeServer]:
    """A message of the stream after all of it was sent."""
    async with smtp_server() as server:
        relay = relaying(gate, server.host_port)
        relay = replace(relay, settings=relay.settings.model_copy(update={"web_url": "https://mail.shop.example"}))
        async with way_out(relay, dns_resolver([]), lambda: "", clock) as route, sending(relay, route):
            submission = submit(OWN, recipients=recipients, sender=credential)
            message_id = await asyncio.wrap_future(accept(relay, submission, clock()))
            await until(relay, message_id, DeliveryState.DELIVERED, len(recipients))
        return message_id, server


def rows_of(gate: Gate, message_id: str) -> list[Delivery]:
    with gate.database.session() as session:
        return list(deliveries_of(session, message_id))


def test_each_recipient_has_a_link_of_his_own_under_the_signature(
    gate: Gate, domain: str, submit: Submit, news: Credential
) -> None:
    message_id, server = asyncio.run(sent(gate, submit, news, "ana@x.example", "ben@x.example"))
    with gate.database.session() as session:
        stored = raw_of(session, message_id, gate.blobs)
        row = domain_by_name(session, domain)
        assert row
        record = domain_keys(session, row.id)[0].public_record.encode()
    assert stored.startswith(MARK)
    tokens = {}
    for mail in server.mails:
        (found,) = LINK.findall(mail.content)
        assert found[0] == b"https://mail.shop.example"
        address = b"u+" + found[1] + b"@" + gate.settings.replies.encode()
        assert b"/u/" + found[1] + b">,\r\n <mailto:" + address + b"?subject=unsubscribe>\r\n" in mail.content
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mail.content
        assert b"evil.example" not in mail.content
        assert b"gatepost-stream" not in mail.content
        signature = mail.content[: mail.content.index(b"bh=")].replace(b"\r\n\t ", b"")
        assert b":list-unsubscribe:list-unsubscribe-post" in signature
        assert dkim.verify(mail.content, dnsfunc=lambda name, timeout=5: record)
        assert not dkim.verify(mail.content.replace(found[1], found[1][::-1]), dnsfunc=lambda n, timeout=5: record)
        tokens[mail.recipients[0]] = read_link(gate, found[1].decode())
    assert tokens == {f"TO:<{row.recipient}>": row.id for row in rows_of(gate, message_id)}


def test_who_waits_for_memory_keeps_no_thread_from_who_has_it(gate: Gate, submit: Submit, news: Credential) -> None:
    """Accepting a large mail has a share and then needs a thread: all of them waiting for shares would be the end."""

    async def scenario() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        recipients = tuple(f"{name}@x.example" for name in ("ana", "ben", "cleo"))
        async with smtp_server() as server:
            relay = relaying(gate, server.host_port)
            large = submit(OWN, recipients=recipients, sender=news, body="news\r\n" * 50_000)
            message_id = await asyncio.wrap_future(accept(relay, large, clock()))
            async with way_out(relay, dns_resolver([]), lambda: "", clock) as route:
                async with gate.budget.share(gate.budget.total), asyncio.timeout(30):
                    outgoing = asyncio.create_task(sent_to_all(relay, route, message_id, len(recipients)))
                    while len(gate.budget.waiting) < len(recipients):
                        await asyncio.sleep(0.01)
                    assert await asyncio.to_thread(lambda: True)
                await outgoing
        return len(server.mails)

    assert asyncio.run(scenario()) == 3


async def sent_to_all(gate: Gate, route: Route, message_id: str, count: int) -> None:
    async with sending(gate, route):
        await until(gate, message_id, DeliveryState.DELIVERED, count)


def test_other_mail_is_not_touched(gate: Gate, domain: str, submit: Submit, credential: Credential) -> None:
    header = "From: orders@shop.example\r\nList-Unsubscribe: <gatepost-stream:>\r\nSubject: x\r\n"
    message_id = accept(gate, submit(header), clock()).result(10)
    with gate.database.session() as session:
        stored = raw_of(session, message_id, gate.blobs)
    assert stored.startswith(b"DKIM-Signature:")
    assert b"/u/" not in stored


def test_who_left_gets_nothing_of_this_stream_and_all_else(
    gate: Gate, submit: Submit, news: Credential, credential: Credential, now: datetime
) -> None:
    first = accept(gate, submit(recipients=("ana@x.example",), sender=news), now).result(10)
    (row,) = rows_of(gate, first)
    assert gate.ledger.write(lambda s: leave(s, row.id, "the link in a mail", now))
    assert gate.ledger.write(lambda s: leave(s, row.id, "the link in a mail", now))
    second = accept(gate, submit(recipients=("Ana@x.example", "ben@x.example"), sender=news), now).result(10)
    found = {each.recipient: each for each in rows_of(gate, second)}
    assert {name: each.state for name, each in found.items()} == {
        "Ana@x.example": "suppressed", "ben@x.example": "queued"
    }  # fmt: skip
    assert found["Ana@x.example"].text == "Suppressed: the recipient unsubscribed from Order news"
    with gate.database.session() as session:
        assert [line.source for line in delivery_events(session, found["Ana@x.example"].id)] == ["unsubscribe"]
        assert [each.address for each in list_unsubscribes(session)] == ["ana@x.example"]
        assert "delivery.suppressed" in [event.kind for event in message_events(session, second)]
    other = replace_stream(news, "")
    third = accept(gate, submit(recipients=("ana@x.example",), sender=other), now).result(10)
    assert [each.state for each in rows_of(gate, third)] == ["queued"]
    assert gate.ledger.write(lambda s: come_back(s, "Order news", "ana@x.example", now))
    assert not gate.ledger.write(lambda s: come_back(s, "Order news", "ana@x.example", now))
    fourth = accept(gate, submit(recipients=("ana@x.example",), sender=news), now).result(10)
    assert [each.state for each in rows_of(gate, fourth)] == ["queued"]
    with gate.database.session() as session:
        assert not has_left(session, "Order news", "ana@x.example")


def replace_stream(row: Credential, stream: str) -> Credential:
    copy = row.model_copy()
    copy.stream = stream
    return copy


def test_mail_without_a_stream_has_nothing_to_leave(gate: Gate, submit: Submit, now: datetime) -> None:
    message_id = accept(gate, submit(), now).result(10)
    assert not gate.ledger.write(lambda s: leave(s, rows_of(gate, message_id)[0].id, "x", now))
    assert read_link(gate, "nonsense") is None


def test_names_of_streams(gate: Gate, credential: Credential) -> None:
    for name in ("x" * 61, "a\x00b"):
        with pytest.raises(ValueError, match="stream's name"):
            gate.ledger.write(lambda session, name=name: set_stream(session, credential.id, name))  # type: ignore[misc]


BY = Actor("Ada")


def has_gone(gate: Gate, submit: Submit, news: Credential, address: str, now: datetime) -> str:
    """Somebody who has left the stream, by a mail of before; its id."""
    message_id = accept(gate, submit(recipients=(address,), sender=news), now).result(10)
    (row,) = rows_of(gate, message_id)
    assert gate.ledger.write(lambda session: leave(session, row.id, "the link in a mail", now))
    return message_id


def test_what_waits_for_who_leaves_is_not_sent_any_more(
    gate: Gate, submit: Submit, news: Credential, now: datetime
) -> None:
    waiting = accept(gate, submit(recipients=("Ana@x.example", "ben@x.example"), sender=news), now).result(10)
    other = accept(gate, submit(recipients=("ana@x.example",), sender=replace_stream(news, "")), now).result(10)
    own = submit(recipients=("ana@x.example",))
    elsewhere = accept(gate, replace(own, credential=None, senders=own.senders), now).result(10)
    has_gone(gate, submit, news, "ana@x.example", now)
    states = {row.recipient: row.state for row in rows_of(gate, waiting)}
    assert states == {"Ana@x.example": "suppressed", "ben@x.example": "queued"}
    assert [row.state for row in rows_of(gate, elsewhere)] == ["queued"]
    assert [row.state for row in rows_of(gate, other)] == ["suppressed"], "it is of the same credential, now a stream"


@pytest.mark.parametrize("act", ["retry", "release", "reroute"])
def test_no_act_sends_a_stream_to_who_has_left_it(
    gate: Gate, submit: Submit, news: Credential, now: datetime, act: str
) -> None:
    message_id = has_gone(gate, submit, news, "ana@x.example", now)
    put_into(gate, message_id, DeliveryState.HELD if act == "release" else DeliveryState.SUPPRESSED)
    which = Which(ids=(message_id,))
    refused = acts.preview(gate.database, act, which, now).refused
    assert [why for why in refused if "unsubscribed" in why] == list(refused)
    assert refused
    assert acts.perform(gate.database, gate.ledger, act, which, BY, now).changed == 0
    gate.ledger.write(lambda session: come_back(session, "Order news", "ana@x.example", now))
    assert acts.perform(gate.database, gate.ledger, act, which, BY, now).changed == 1


def put_into(gate: Gate, message_id: str, state: DeliveryState) -> None:
    def op(session: Session) -> None:
        session.execute(update(Delivery).where(col(Delivery.message_id) == message_id).values(state=state))

    gate.ledger.write(op)


def test_nothing_is_sent_again_to_a_corrected_address_that_has_left(
    gate: Gate, submit: Submit, news: Credential, now: datetime
) -> None:
    has_gone(gate, submit, news, "ana@x.example", now)
    wrong = accept(gate, submit(recipients=("anna@x.example",), sender=news), now).result(10)
    put_into(gate, wrong, DeliveryState.FAILED)
    (row,) = rows_of(gate, wrong)
    with pytest.raises(ValueError, match="has unsubscribed from Order news"):
        acts.resend(gate.ledger, row.id, "Ana@x.example", BY, now)
    fixes = {"anna@x.example": "ana@x.example"}
    (planned,) = preview_fixes(gate.database, Which(), fixes, now)
    assert (planned.ready, list(planned.refused)) == (
        (), ["ana@x.example has unsubscribed from Order news, to which this mail belongs"]
    )  # fmt: skip
    assert send_fixes(gate.database, gate.ledger, Which(), fixes, BY, now).changed == 0
    assert acts.resend(gate.ledger, row.id, "ann@x.example", BY, now), "anybody else may get it"
