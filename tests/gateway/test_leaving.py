"""A mail to the unsubscribe address of a stream (RFC 2369): who writes there leaves it, and that is all."""

import asyncio
from datetime import datetime
from functools import partial

from sqlmodel import Session, select

from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.inbound import Inbound, known_recipient, receive_mail
from gatepost.model import Arrival, Conversation, Credential
from gatepost.store.credentials import get_credential
from gatepost.store.deliveries import deliveries_of
from gatepost.store.unsubscribes import has_left, list_unsubscribes, set_stream
from gatepost.threading.intake import Desk
from gatepost.tokens import unsubscribe_address
from tests.fakes.dns import DictResolver
from tests.gateway.conftest import Submit

MAIL = b"From: %s\r\nMessage-ID: <%d@x.example>\r\nSubject: unsubscribe\r\n\r\n"


def address_of(gate: Gate, submit: Submit, credential: Credential, now: datetime) -> str:
    """The unsubscribe address of a mail to Ana."""
    message_id = accept(gate, submit(recipients=("Ana@x.example",), sender=credential), now).result(10)
    with gate.database.session() as session:
        (row,) = deliveries_of(session, message_id)
    return f"{unsubscribe_address(gate.keys, row.id)}@{gate.settings.replies}"


def write_to(gate: Gate, address: str, sender: bytes, now: datetime, number: int = 1) -> Arrival:
    """A mail to this address by MX, and how it ended."""
    desk = Desk(gate.settings, gate.keys, gate.blobs)
    inbound = Inbound(desk, gate.database, gate.ledger, DictResolver(), lambda: now)
    mail = Envelope("", (address,), MAIL % (sender, number), remote_ip="192.0.2.1", helo="mx.x.example")

    async def scenario() -> None:
        assert await known_recipient(inbound, address)
        assert (await receive_mail(inbound, mail)).code == 250

    asyncio.run(scenario())
    with gate.database.session() as session:
        return session.exec(select(Arrival).where(Arrival.recipient == address)).all()[-1]


def gone(session: Session) -> bool:
    return has_left(session, "Order news", "ana@x.example")


def test_who_writes_to_the_address_in_his_mail_leaves_its_stream(
    gate: Gate, submit: Submit, credential: Credential, now: datetime
) -> None:
    gate.ledger.write(partial(set_stream, credential_id=credential.id, stream="Order news"))
    with gate.database.session() as session:
        news = get_credential(session, credential.id)
        assert news
    address = address_of(gate, submit, news, now)
    with gate.database.session() as session:
        assert not gone(session)
    for number, sender in enumerate((b"ana.private@y.example", b"ana@x.example")):
        arrival = write_to(gate, address.upper() if number else address, sender, now, number)
        assert arrival.outcome == "automatic"
        assert arrival.outcome_why == "ana@x.example left the stream Order news by a mail to its unsubscribe address"
    with gate.database.session() as session:
        assert gone(session)
        (row,) = list_unsubscribes(session)
        assert row.how == "a mail to its unsubscribe address"
        assert session.exec(select(Conversation)).all() == []


def test_an_address_of_mail_without_a_stream_takes_nobody_out(
    gate: Gate, submit: Submit, credential: Credential, now: datetime
) -> None:
    arrival = write_to(gate, address_of(gate, submit, credential, now), b"ana@x.example", now)
    assert arrival.outcome == "automatic"
    assert "there was nothing to leave" in arrival.outcome_why
    with gate.database.session() as session:
        assert list_unsubscribes(session) == []
