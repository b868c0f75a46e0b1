"""An agent answers in the web page; the customer's answer comes back to the signed reply address."""

import html
import re

import pytest

from gatepost.failures import summarise
from gatepost.mail import parse
from gatepost.model import Conversation, Delivery
from gatepost.store.conversations import by_number
from gatepost.store.messages import conversation_messages, raw_of
from tests.lives.letters import letter
from tests.rig.gatepost import Product

SHOP = "help@northwind.example"
ANA = "ana@calderon.test"
MAYA = "maya@northwind.example"


@pytest.fixture(scope="module")
def shop(product: Product) -> Product:
    product.channel(SHOP, "Northwind Support")
    product.user(MAYA)
    return product


def test_an_answer_goes_out_and_its_answer_comes_back(shop: Product) -> None:
    question, mail = letter(
        f"Ana Ruiz <{ANA}>", SHOP, "Delivery to Malta?", "Do you deliver there?", cc="Kim <kim@x.test>"
    )
    assert shop.deliver(ANA, SHOP, mail).code == 250
    conversation = shop.conversation(shop.message(question).id)
    page = f"/inbox/{conversation.number}"
    with shop.client(MAYA) as client:
        shown = client.get(page).text
        assert "Do you deliver there?" in shown
        assert f'value="{ANA}"' in shown
        assert 'value="kim@x.test"' in shown
        refused = client.post(f"{page}/reply", data={"to": ANA, "text": "  "})
        assert refused.status_code == 422
        assert "Write something before you send." in refused.text
        form = {"to": ANA, "cc": "kim@x.test", "text": "We do, within a week.\r\n\r\nMaya"}
        foreign = client.post(f"{page}/reply", data=form, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        assert client.post(f"{page}/reply", data=form).status_code == 303
        assert "We do, within a week." in client.get(page).text

    thread = shop.read(lambda session: conversation_messages(session, conversation))
    assert [row.direction for row in thread] == ["in", "out"]
    sent = parse(shop.read(lambda session: raw_of(session, thread[1].raw_id, shop.parts.blobs)))
    assert sent.in_reply_to == (question,)
    anchor, last = sent.references
    assert (anchor.endswith("@gatepost.test"), last) == (True, question)
    assert sent.subject == "Re: Delivery to Malta?"
    assert sent.from_[0].name == "Maya Lindqvist (Northwind Support)"
    assert str(sent.from_[0].address) == SHOP
    shop.until(lambda: {row.state for row in shop.deliveries(thread[1].id).values()} == {"delivered"})
    assert set(shop.deliveries(thread[1].id)) == {ANA, "kim@x.test"}

    token = str(sent.reply_to[0].address)
    assert token.startswith("r+")
    assert token.endswith("@reply.gatepost.test")
    back, mail = letter(f"Ana Ruiz <{ANA}>", token, "Something else entirely", "Good, please send it.")
    assert shop.deliver(ANA, token, mail).code == 250
    message = shop.message(back)
    assert (message.conversation_id, message.verified) == (conversation.id, False)  # Kim knows the token too
    assert "Reply address matched message 2" in message.why[0]["text"]


def test_the_token_alone_makes_nobody_a_participant(shop: Product) -> None:
    question, mail = letter("ida@calderon.test", SHOP, "Price of 40 chairs", "How much?")
    assert shop.deliver("ida@calderon.test", SHOP, mail).code == 250
    conversation = shop.conversation(shop.message(question).id)
    with shop.client(MAYA) as client:
        form = {"to": "ida@calderon.test", "text": "900 euros."}
        assert client.post(f"/inbox/{conversation.number}/reply", data=form).status_code == 303
    sent = shop.read(lambda session: conversation_messages(session, conversation))[1]
    token = str(parse(shop.read(lambda s: raw_of(s, sent.raw_id, shop.parts.blobs))).reply_to[0].address)
    stolen, mail = letter("eve@forger.test", token, "Re: Price of 40 chairs", "Send the bill to me.")
    assert shop.deliver("eve@forger.test", token, mail).code == 250
    claims = shop.conversation(shop.message(stolen).id)
    assert (claims.id != conversation.id, claims.claims_id) == (True, conversation.id)
    found = shop.read(lambda session: by_number(session, claims.number))
    assert found is not None
    assert found.requester == "eve@forger.test"

    back, mail = letter("ida@calderon.test", token, "Re: Price of 40 chairs", "We take them.")
    assert shop.deliver("ida@calderon.test", token, mail).code == 250
    assert (shop.message(back).conversation_id, shop.message(back).verified) == (conversation.id, True)


def failing(product: Product, conversation: Conversation) -> list[Delivery]:
    """The deliveries of a conversation that failed."""
    mails = product.read(lambda session: conversation_messages(session, conversation))
    rows = [row for mail in mails for row in product.deliveries(mail.id).values()]
    return [row for row in rows if row.state == "failed"]


def test_a_reply_to_a_failing_address_is_told_on_the_page(shop: Product) -> None:
    question, mail = letter("unknown@calderon.test", SHOP, "Where is my parcel?", "It should be here.")
    assert shop.deliver("unknown@calderon.test", SHOP, mail).code == 250
    conversation = shop.conversation(shop.message(question).id)
    with shop.client(MAYA) as client:
        form = {"to": "unknown@calderon.test", "text": "On its way."}
        client.post(f"/inbox/{conversation.number}/reply", data=form)
        shop.until(lambda: shop.conversation(shop.message(question).id).failed)
        shown = client.get(f"/inbox/{conversation.number}").text
        (failed,) = failing(shop, conversation)
        sentence = summarise([failed])
        assert sentence is not None
        text = " ".join(re.sub(r"<[^>]*>", "", html.unescape(shown)).split())  # the code is a link to its page
        assert sentence.sentence in text
        assert "550 5.1.1" in shown
        assert str(conversation.number) in client.get("/inbox?tab=failed").text
