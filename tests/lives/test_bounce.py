"""Life d: mail that was accepted bounces later; the report finds its delivery by the signed return path."""

import pytest
from sqlmodel import select

from gatepost.gateway.sandbox_mail import compose_dsn
from gatepost.model import Delivery, DeliveryEvent, Message
from gatepost.parts import clock
from gatepost.store.deliveries import FAILURE_TAG, delivery_events
from gatepost.store.events import message_events
from gatepost.tokens import mint_message_id
from tests.lives.letters import answer, letter
from tests.rig.gatepost import Product
from tests.rows import sandbox_mails

SHOP = "support@northwind.example"


@pytest.fixture(scope="module")
def shop(product: Product) -> Product:
    product.channel(SHOP)
    return product


def relayed(product: Product, *recipients: str) -> tuple[str, str]:
    """A mail of the shop that was attempted for everybody; its id and Message-ID."""
    login = product.credential("northwind.example")
    header_id, mail = letter(f"Northwind <{SHOP}>", ", ".join(recipients), "Your order 81", "It is on its way.")
    message_id = product.submit(login, SHOP, recipients, mail)
    product.until(lambda: all(row.attempts for row in product.deliveries(message_id).values()))
    return message_id, header_id


def history(product: Product, delivery: Delivery) -> list[DeliveryEvent]:
    return list(product.read(lambda session: delivery_events(session, delivery.id)))


def from_address(product: Product, address: str) -> list[Message]:
    """What came from an address."""
    where = (Message.from_address == address, Message.direction == "in")
    return product.read(lambda session: list(session.exec(select(Message).where(*where))))


def return_path(product: Product, delivery: Delivery) -> str:
    """The envelope sender that the remote server got."""
    kept = product.read(sandbox_mails)
    return next(mail.mail_from for mail in kept if mail.delivery_id == delivery.id)


def test_a_late_bounce_updates_just_its_recipient(shop: Product) -> None:
    gone, fine = "bounce-later@calderon.test", "ana@calderon.test"
    message_id, header_id = relayed(shop, gone, fine)
    assert {row.state for row in shop.deliveries(message_id).values()} == {"delivered"}
    reply_id, reply = answer(f"Ana <{fine}>", SHOP, "Your order 81", "Thanks", header_id)
    assert shop.deliver(fine, SHOP, reply).code == 250

    shop.until(lambda: shop.deliveries(message_id)[gone].state == "bounced")
    rows = shop.deliveries(message_id)
    assert (rows[gone].code, rows[gone].status, rows[gone].reported) == (550, "5.1.1", False)
    assert "closed" in rows[gone].text
    assert [(event.state, event.source) for event in history(shop, rows[gone])] == [
        ("delivered", "dialogue"),
        ("bounced", "return path"),
    ]
    assert (rows[fine].state, len(history(shop, rows[fine]))) == ("delivered", 1)
    kinds = [event.kind for event in shop.read(lambda session: message_events(session, message_id))]
    assert "delivery.bounced" in kinds
    conversation = shop.conversation(shop.message(reply_id).id)
    assert (conversation.failed, conversation.tags) == (1, [FAILURE_TAG])


def test_a_report_by_hand_to_the_return_path(shop: Product) -> None:
    message_id, header_id = relayed(shop, "kim@harbour.test", "lee@harbour.test")
    kim = shop.deliveries(message_id)["kim@harbour.test"]
    path = return_path(shop, kim)
    content = f"From: {SHOP}\r\nMessage-ID: <{header_id}>\r\nSubject: Your order 81\r\n\r\n".encode()
    report = compose_dsn("kim@new-name.test", content, to=path, now=clock())
    for _ in range(2):
        assert shop.deliver("", path, report).code == 250
    rows = shop.deliveries(message_id)
    assert (rows["kim@harbour.test"].state, rows["kim@harbour.test"].status) == ("bounced", "5.1.1")
    assert rows["lee@harbour.test"].state == "delivered"
    assert len(history(shop, kim)) == 2


def test_a_report_to_somewhere_else_is_a_hint(shop: Product) -> None:
    """An id that the submitting system chose can be guessed; one that we signed is known to who got the mail."""
    message_id, header_id = relayed(shop, "mia@harbour.test")
    signed = mint_message_id(shop.parts.keys, message_id, shop.settings.domain)
    for returned, state in ((header_id, ("delivered", False)), (signed, ("bounced", True))):
        content = f"From: {SHOP}\r\nMessage-ID: <{returned}>\r\nSubject: Your order 81\r\n\r\n".encode()
        report = compose_dsn("mia@harbour.test", content, to=SHOP, now=clock())
        assert shop.deliver("", SHOP, report).code == 250
        row = shop.deliveries(message_id)["mia@harbour.test"]
        assert (row.state, row.reported) == state
    assert [event.source for event in history(shop, row)] == ["dialogue", "unproven report", "message id"]


def test_a_forged_return_path_is_unknown(shop: Product) -> None:
    message_id, _ = relayed(shop, "noa@harbour.test")
    row = shop.deliveries(message_id)["noa@harbour.test"]
    path = return_path(shop, row)
    forged = path.replace(path[5], "a" if path[5] != "a" else "b", 1)
    reply = shop.deliver("", forged, compose_dsn("noa@harbour.test", b"\r\n", to=forged, now=clock()))
    assert (reply.code, reply.status) == (550, "5.1.1")
    assert shop.deliveries(message_id)["noa@harbour.test"].state == "delivered"


def test_an_automatic_answer_opens_nothing_and_joins_what_is_there(shop: Product) -> None:
    away, awake = "autoreply@calderon.test", "ida@calderon.test"
    message_id, header_id = relayed(shop, away, awake)
    reply_id, reply = answer(f"Ida <{awake}>", SHOP, "Your order 81", "Thanks", header_id)
    assert shop.deliver(awake, SHOP, reply).code == 250
    conversation = shop.conversation(shop.message(reply_id).id)

    relayed(shop, "autoreply+2@calderon.test")

    shop.until(lambda: from_address(shop, away) and from_address(shop, "autoreply+2@calderon.test"))
    (joined,) = from_address(shop, away)
    assert (joined.kind, joined.conversation_id, joined.outcome) == ("auto-reply", conversation.id, "automatic")
    (loose,) = from_address(shop, "autoreply+2@calderon.test")
    assert (loose.kind, loose.conversation_id, loose.outcome) == ("auto-reply", None, "automatic")
    assert {row.state for row in shop.deliveries(message_id).values()} == {"delivered"}
