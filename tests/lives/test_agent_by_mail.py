"""An agent's answer by mail: over the real MX, signed, with records in a loopback zone, it reaches the customer; forged
ones do not."""

from collections.abc import Iterator
from dataclasses import dataclass

import dkim
import pytest
from sqlmodel import Session, select

from gatepost.domain_key import make_key
from gatepost.mail import Mail, parse
from gatepost.model import Arrival, Message
from gatepost.parts import clock
from gatepost.store.agents import ask_agent, confirm_address
from gatepost.store.conversations import assign, get_conversation
from gatepost.store.messages import raw_of
from tests.fakes.dns import DnsServer, Zone, dns_server
from tests.lives.letters import answer, letter
from tests.rig.gatepost import Product, started

SHOP, ANA, HOME = "support@northwind.example", "ana@calderon.example", "marta@home.example"
SECRET = "a-token-of-a-test"


@dataclass(frozen=True, slots=True)
class Signer:
    """A domain with its key."""

    domain: str
    key: bytes

    def sign(self, mail: bytes) -> bytes:
        names = [b"from", b"to", b"subject", b"message-id"]
        return bytes(dkim.sign(mail, b"s1", self.domain.encode(), self.key, include_headers=names)) + mail


@dataclass(frozen=True, slots=True)
class Scene:
    """The product, and the conversation that an agent got a copy of."""

    product: Product
    home: Signer
    conversation_id: str
    copy: Mail

    @property
    def public(self) -> str:
        return str(self.copy.reply_to[0].address)

    @property
    def private(self) -> str:
        return next(word for word in self.copy.text.split() if word.startswith("n+"))

    def sent(self, trigger: str) -> list[tuple[Message, Mail]]:
        def find(session: Session) -> list[tuple[Message, Mail]]:
            rows = session.exec(select(Message).where(Message.trigger == trigger).order_by(Message.id)).all()
            return [(row, parse(raw_of(session, row.raw_id, self.product.parts.blobs))) for row in rows]

        return self.product.read(find)


def zone(**records: str) -> Zone:
    found: Zone = {}
    for name, record in records.items():
        domain = f"{name}.example"
        strings = " ".join(f'"{record[at : at + 200]}"' for at in range(0, len(record), 200))
        found[domain] = {"A": ["192.0.2.1"], "TXT": ['"v=spf1 -all"']}
        found[f"_dmarc.{domain}"] = {"TXT": ['"v=DMARC1; p=quarantine"']}
        found[f"s1._domainkey.{domain}"] = {"TXT": [strings]}
    return found


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    (key, record), (other, other_record) = make_key(), make_key()
    ana = Signer("calderon.example", other)
    with dns_server(zone(home=record, calderon=other_record)) as dns, started(dns_servers=[dns.address]) as product:
        yield begin(product, dns, Signer("home.example", key), ana)


def begin(product: Product, dns: DnsServer, home: Signer, ana: Signer) -> Scene:
    """Ana writes, it is Marta's, Ana writes again, and Marta has a copy in her mailbox."""
    product.channel(SHOP)
    marta = product.user("marta@northwind.example")

    def confirmed(session: Session) -> None:
        ask_agent(session, marta.id, HOME, SECRET, clock())
        confirm_address(session, SECRET, clock())

    product.write(confirmed)
    header_id, first = letter(f"Ana Ruiz <{ANA}>", SHOP, "Order 81", "Hello")
    assert product.deliver(ANA, SHOP, ana.sign(first)).code == 250
    conversation = product.conversation(product.message(header_id).id)

    def hers(session: Session) -> None:
        row = get_conversation(session, conversation.id)
        assert row
        assign(session, row, marta, None, clock())

    product.write(hers)
    _, second = answer(f"Ana Ruiz <{ANA}>", SHOP, "Order 81", "Where is it?", header_id)
    assert product.deliver(ANA, SHOP, ana.sign(second)).code == 250
    copies = Scene(product, home, conversation.id, parse(b""))
    product.until(lambda: [mail for _, mail in copies.sent("agent copy") if "Where is it?" in mail.text])
    return Scene(product, home, conversation.id, copies.sent("agent copy")[-1][1])


def arrived(scene: Scene, recipient: str) -> Arrival:
    newest = select(Arrival).where(Arrival.recipient == recipient).order_by(Arrival.id.desc())  # type: ignore[attr-defined]
    found = scene.product.read(lambda session: session.exec(newest).first())
    assert found
    return found


def test_the_answer_reaches_the_customer(scene: Scene) -> None:
    text = (
        f"It left today.\n\n-- \nMarta at home\n\nOn Sunday Ana via Support wrote:\n> {scene.private}\n> Where is it?\n"
    )
    _, mail = letter(f"Marta <{HOME}>", scene.public, "Re: Order 81", text)
    assert scene.product.deliver(HOME, scene.public, scene.home.sign(mail)).code == 250
    assert arrived(scene, scene.public).outcome == "placed"
    scene.product.until(lambda: scene.sent("agent reply"))
    ((row, sent),) = scene.sent("agent reply")
    scene.product.until(lambda: scene.product.deliveries(row.id)[ANA].state == "delivered")
    assert row.conversation_id == scene.conversation_id
    assert sent.text.strip().startswith("It left today.")
    assert str(sent.from_[0].address) == SHOP
    whole = str(sent.headers) + sent.text
    for secret in (HOME, scene.public, scene.private, "at home"):
        assert secret not in whole


def test_forged_ones_do_not(scene: Scene) -> None:
    before = len(scene.sent("agent reply"))
    stranger = Signer("home.example", make_key()[0])
    _, forged = letter(f"Marta <{HOME}>", scene.public, "Re: Order 81", "Pay to another account")
    _, other = letter("Eve <eve@calderon.example>", scene.public, "Re: Order 81", "Pay to me")
    for sender, mail in ((HOME, forged), (HOME, stranger.sign(forged + b"\r\n")), ("eve@calderon.example", other)):
        scene.product.deliver(sender, scene.public, mail)
        assert arrived(scene, scene.public).outcome in ("review", "refused")
    true = scene.home.sign(letter(f"Marta <{HOME}>", scene.public, "Re: Order 81", "Pay as before")[1])
    scene.product.deliver(HOME, scene.public, true.replace(b"as before", b"to Eve now"))
    assert arrived(scene, scene.public).outcome in ("review", "refused")
    broken = scene.public[:6] + ("a" if scene.public[6] != "a" else "b") + scene.public[7:]
    assert scene.product.deliver(HOME, broken, scene.home.sign(forged)).code == 550
    scene.product.until(lambda: len(scene.sent("agent mail waits")) >= 4)
    assert len(scene.sent("agent reply")) == before


def test_an_absence_notice_of_hers_goes_nowhere(scene: Scene) -> None:
    before = len(scene.sent("agent reply"))
    _, mail = letter(
        f"Marta <{HOME}>", scene.public, "Automatic reply: Order 81", "Away", auto_submitted="auto-replied"
    )
    assert scene.product.deliver(HOME, scene.public, scene.home.sign(mail)).code == 250
    assert arrived(scene, scene.public).outcome == "automatic"
    assert len(scene.sent("agent reply")) == before
