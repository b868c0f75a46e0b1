"""Life c: the world answers by SMTP; who wrote is checked against DNS, and the answer joins and says why."""

from collections.abc import Iterator
from dataclasses import dataclass

import dkim
import pytest
from sqlmodel import Session, select

from gatepost.domain_key import make_key
from gatepost.model import Arrival
from gatepost.store.messages import raw_of
from tests.fakes.dns import DnsServer, Zone, dns_server
from tests.lives.letters import answer, letter
from tests.rig.gatepost import Product, started

SHOP = "support@northwind.example"
ANA = "ana@calderon.example"


@dataclass(frozen=True, slots=True)
class World:
    """Domains of customers: their DNS and the key of calderon.example."""

    dns: DnsServer
    key: bytes

    def sign(self, mail: bytes) -> bytes:
        """The mail as calderon.example's server sends it."""
        return (
            bytes(dkim.sign(mail, b"s1", b"calderon.example", self.key, include_headers=[b"from", b"subject"])) + mail
        )


def zone(record: str) -> Zone:
    strings = " ".join(f'"{record[at : at + 200]}"' for at in range(0, len(record), 200))
    return {
        "calderon.example": {"A": ["192.0.2.1"], "TXT": ['"v=spf1 -all"']},
        "_dmarc.calderon.example": {"TXT": ['"v=DMARC1; p=reject"']},
        "s1._domainkey.calderon.example": {"TXT": [strings]},
        "harbour.example": {"A": ["192.0.2.2"]},
        "_dmarc.harbour.example": {"TXT": ['"v=DMARC1; p=quarantine"']},
        "storm.example": {"A": ["192.0.2.3"]},
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    key, record = make_key()
    with dns_server(zone(record), {"_dmarc.storm.example": "servfail"}) as server:
        yield World(server, key)


@pytest.fixture(scope="module")
def product(world: World) -> Iterator[Product]:
    with started(dns_servers=[world.dns.address]) as running:
        running.channel(SHOP)
        yield running


@pytest.fixture(scope="module")
def origin(product: Product) -> str:
    """The Message-ID of a mail of the shop to Ana and Kim."""
    login = product.credential("northwind.example")
    people = [ANA, "kim@harbour.example", "lee@storm.example"]
    header_id, mail = letter(f"Northwind <{SHOP}>", ", ".join(people), "Your order 81", "Thank you for your order.")
    message_id = product.submit(login, SHOP, people, mail)
    product.until(lambda: all(row.state == "delivered" for row in product.deliveries(message_id).values()))
    return header_id


def arrivals_from(product: Product, sender: str) -> list[Arrival]:
    return product.read(lambda s: list(s.exec(select(Arrival).where(Arrival.envelope_from == sender))))


def test_nobody_else_is_known_here(product: Product) -> None:
    ida = "ida@quiet.test"
    _, mail = letter(ida, "nobody@northwind.example", "Hello", "?")
    for recipient in ("nobody@northwind.example", "someone@elsewhere.test", "r+forged@reply.gatepost.test"):
        reply = product.deliver(ida, recipient, mail)
        assert (reply.code, reply.status) == (550, "5.1.1")
    assert product.deliver(ida, "Support+orders@Northwind.Example", mail).code == 250


def test_a_proven_answer_joins_and_says_why(product: Product, world: World, origin: str) -> None:
    header_id, mail = answer(f"Ana Ruiz <{ANA}>", SHOP, "Your order 81", "Where is it?", origin)
    assert product.deliver(ANA, SHOP, world.sign(mail)).code == 250
    message = product.message(header_id)
    assert (message.outcome, message.strength, message.verified) == ("placed", "aligned", True)
    assert message.auth["dmarc"]["result"] == "pass"
    assert [each["result"] for each in message.auth["dkim"]] == ["pass"]
    assert "In-Reply-To matched" in message.why[0]["text"]
    assert f"{ANA} takes part" in message.why[0]["text"]
    assert product.conversation(message.id).origin_id == product.message(origin).id
    assert ("_dmarc.calderon.example", "TXT") in {(name, kind) for name, kind, _ in world.dns.asked}


def test_a_forged_mail_is_refused_as_its_domain_asks_and_kept(product: Product, origin: str) -> None:
    header_id, mail = answer(f"Ana Ruiz <{ANA}>", SHOP, "Your order 81", "Send it elsewhere.", origin)
    reply = product.deliver("evil@forger.test", SHOP, mail)
    assert (reply.code, reply.status) == (550, "5.7.26")
    assert "calderon.example" in reply.text
    assert product.messages(header_id) == []
    (arrival,) = arrivals_from(product, "evil@forger.test")
    assert arrival.outcome == "refused"
    assert "calderon.example" in arrival.outcome_why
    assert product.read(lambda session: raw_of(session, arrival.raw_id, product.parts.blobs)) == mail


def test_a_changed_mail_does_not_pass_with_its_signature(product: Product, world: World, origin: str) -> None:
    _, mail = answer(f"Ana Ruiz <{ANA}>", SHOP, "Your order 81", "Please wait.", origin)
    reply = product.deliver(ANA, SHOP, world.sign(mail).replace(b"Please wait.", b"Please hurry."))
    assert (reply.code, reply.status) == (550, "5.7.26")


def test_a_suspicious_mail_waits_for_a_look(product: Product, origin: str) -> None:
    header_id, mail = answer("Kim <kim@harbour.example>", SHOP, "Your order 81", "Cancel it.", origin)
    assert product.deliver("evil@forger.test", SHOP, mail).code == 250
    message = product.message(header_id)
    assert (message.outcome, message.strength) == ("review", "failing")
    assert message.why[0]["result"] == "passed over"
    assert product.conversation(message.id).origin_id is None


def test_trouble_with_dns_holds_no_mail_up(product: Product, origin: str) -> None:
    header_id, mail = answer("Lee <lee@storm.example>", SHOP, "Your order 81", "Hello", origin)
    assert product.deliver("lee@storm.example", SHOP, mail).code == 250
    message = product.message(header_id)
    assert (message.outcome, message.auth["dmarc"]["result"]) == ("placed", "temperror")
    assert message.strength == "none"


def test_who_was_not_written_to_opens_a_conversation_of_its_own(product: Product, origin: str) -> None:
    header_id, mail = answer("Eve <eve@other.test>", SHOP, "Your order 81", "Me too", origin)
    assert product.deliver("eve@other.test", SHOP, mail).code == 250
    conversation = product.conversation(product.message(header_id).id)
    assert (conversation.requester, conversation.origin_id) == ("eve@other.test", None)


def test_the_same_mail_again_is_one_message(product: Product) -> None:
    header_id, mail = letter("kim@quiet.test", SHOP, "A question", "Do you ship to Malta?")
    answers = [product.deliver("kim@quiet.test", SHOP, mail) for _ in range(2)]
    assert [reply.code for reply in answers] == [250, 250]
    assert len(product.messages(header_id)) == 1

    def count(session: Session) -> int:
        return len(session.exec(select(Arrival).where(Arrival.envelope_from == "kim@quiet.test")).all())

    assert product.read(count) == 1
