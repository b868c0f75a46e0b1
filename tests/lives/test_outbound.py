"""Life a: a system submits one mail to three recipients; a real Postfix takes one, refuses one and defers one."""

import smtplib
from collections.abc import Iterator
from datetime import timedelta

import dkim
import pytest
from sqlmodel import Session

from gatepost.mail import parse
from gatepost.model import Credential, Delivery
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.deliveries import delivery_events
from gatepost.store.domains import create_domain, dns_record, list_domains
from gatepost.tokens import read_return_path
from tests.rig.gatepost import Product, started
from tests.rig.postfix import REFUSALS, Postfix
from tests.rig.postfix import started as postfix_started

SENDER = "orders@northwind.example"
Login = tuple[Credential, str]


@pytest.fixture(scope="module")
def remote() -> Iterator[Postfix]:
    with postfix_started(REFUSALS) as server:
        yield server


@pytest.fixture(scope="module")
def product(remote: Postfix) -> Iterator[Product]:
    relay = f"smtp://localhost:{remote.port}"
    with started(route="relay", relay=relay, relay_ca=str(remote.certificate)) as running:
        yield running


@pytest.fixture(scope="module")
def login(product: Product) -> Login:
    keys = product.parts.keys
    product.write(lambda session: create_domain(session, keys, "northwind.example", clock()))
    return product.credential("northwind.example")


def order(to: str, *fields: str) -> bytes:
    lines = [
        f"From: Northwind Orders <{SENDER}>",
        f"To: {to}",
        "Subject: Your order 81",
        *fields,
        "",
        "It is on its way.",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def arrived(remote: Postfix, recipient: str) -> list[bytes]:
    """What Postfix got for one recipient."""
    return [raw for raw in remote.messages() if f"X-Original-To: {recipient}\n".encode() in raw]


def settled(product: Product, message_id: str) -> dict[str, Delivery]:
    """The deliveries once every one has been attempted."""

    def look() -> dict[str, Delivery]:
        rows = product.deliveries(message_id)
        return rows if all(row.state not in ("queued", "sending") for row in rows.values()) else {}

    return product.until(look)


def make_due(product: Product, delivery_id: str) -> None:
    """Try now, by the command."""
    done = product.run("queue", "retry", delivery_id, "--yes")
    assert done.returncode == 0, done.stderr


def test_one_mail_to_three_recipients(product: Product, login: Login, remote: Postfix) -> None:
    taken, refused, deferred = "ana@calderon.test", "unknown@calderon.test", "grey@harbour.test"
    mail = order(f"{taken}, {refused}", f"Bcc: {deferred}")
    message_id = product.submit(login, "returns@northwind.example", [taken, refused, deferred], mail)
    rows = settled(product, message_id)

    assert {name: row.state for name, row in rows.items()} == {
        taken: "delivered",
        refused: "failed",
        deferred: "delayed",
    }
    assert (rows[refused].code, rows[refused].status, rows[refused].attempts) == (550, "5.1.1", 1)
    assert "No such user here" in rows[refused].text
    assert (rows[deferred].code, rows[deferred].status) == (450, "4.7.1")
    due = rows[deferred].next_attempt_at
    assert due is not None
    assert due > clock() + timedelta(minutes=3)
    assert all(row.remote_host and row.route == "relay" for row in rows.values())

    remote.accept("grey")
    product.stop()  # connections that are kept open still see the old answers
    product.start()
    make_due(product, rows[deferred].id)
    product.until(lambda: product.deliveries(message_id)[deferred].state == "delivered")
    states = [event.state for event in product.read(lambda s: delivery_events(s, rows[deferred].id))]
    assert states == ["delayed", "queued", "delivered"], "a person had it tried again"

    remote.wait_for(2)
    check_wire(product, rows, [arrived(remote, name)[0] for name in (taken, deferred)])
    assert arrived(remote, refused) == []


def check_wire(product: Product, rows: dict[str, Delivery], arrived: list[bytes]) -> None:
    """What Postfix got: signed, without Bcc, each copy with the return path of its own delivery."""
    (domain,) = [row for row in product.read(domains) if row[0].endswith("northwind.example")]
    paths = []
    for raw in arrived:
        asked: list[str] = []

        def published(name: bytes, timeout: float = 5, asked: list[str] = asked) -> bytes:
            asked.append(name.decode().rstrip("."))
            return domain[1].encode()

        assert dkim.verify(raw, dnsfunc=published)
        assert asked == [domain[0]]
        mail = parse(raw)
        assert (mail.header("bcc"), mail.subject, mail.text.strip()) == (None, "Your order 81", "It is on its way.")
        assert mail.message_id is not None
        assert mail.date is not None
        local, _, host = (mail.header("return-path") or "").strip("<>").rpartition("@")
        assert host == "bounce.gatepost.test"
        paths.append(read_return_path(product.parts.keys, local))
    assert paths == [rows[name].id for name in ("ana@calderon.test", "grey@harbour.test")]
    assert len({parse(raw).message_id for raw in arrived}) == 1


def domains(session: Session) -> list[tuple[str, str]]:
    """The DNS records of the domains that are signed for."""
    return [dns_record(session, domain) for domain in list_domains(session)]


def test_what_was_acknowledged_survives_a_power_cut(product: Product, login: Login, remote: Postfix) -> None:
    recipients = [f"kim{number}@harbour.test" for number in range(5)]
    ids = [product.submit(login, SENDER, [recipient], order(recipient)) for recipient in recipients]
    product.kill()

    kept = [product.deliveries(message_id) for message_id in ids]
    assert [list(rows) for rows in kept] == [[recipient] for recipient in recipients]
    product.start()
    for message_id, recipient in zip(ids, recipients, strict=True):
        product.until(lambda m=message_id, r=recipient: product.deliveries(m)[r].state == "delivered")  # type: ignore[misc]
        assert remote_copies(product, remote, recipient)


def test_a_large_mail_arrives_whole(product: Product, login: Login, remote: Postfix) -> None:
    line = "0123456789" * 7 + "\r\n"
    body = "".join(f"{number:08} {line}" for number in range(25_000))
    mail = order("max@harbour.test").replace(b"It is on its way.\r\n", body.encode())
    message_id = product.submit(login, SENDER, ["max@harbour.test"], mail)
    product.kill()
    assert len(list(product.settings.path(product.settings.var).glob("blobs/**/*"))) > 0
    product.start()
    product.until(lambda: product.deliveries(message_id)["max@harbour.test"].state == "delivered")
    raw, *again = remote_copies(product, remote, "max@harbour.test")
    assert again in ([], [raw])  # it may have been on its way when the process was killed
    assert raw.partition(b"\n\n")[2].decode() == body.replace("\r\n", "\n")


def remote_copies(product: Product, remote: Postfix, recipient: str) -> list[bytes]:
    """What Postfix has written to disk for a recipient."""
    return product.until(lambda: arrived(remote, recipient))


def test_a_queue_waits_for_a_relay_that_is_away(product: Product, login: Login, remote: Postfix) -> None:
    product.stop()
    product.start(relay="smtp://localhost:1")
    message_id = product.submit(login, SENDER, ["lee@harbour.test"], order("lee@harbour.test"))
    row = settled(product, message_id)["lee@harbour.test"]
    assert (row.state, row.code, row.status) == ("delayed", None, "4.4.1")
    product.stop()

    assert product.deliveries(message_id)["lee@harbour.test"].state == "delayed"
    product.start()
    make_due(product, row.id)
    product.until(lambda: product.deliveries(message_id)["lee@harbour.test"].state == "delivered")
    assert len(remote_copies(product, remote, "lee@harbour.test")) == 1


def test_what_may_not_go_out_is_refused_with_its_reason(product: Product, login: Login) -> None:
    def sent(mail_from: str, mail: bytes, secret: str = login[1]) -> Reply:
        with product.connect() as client:
            try:
                client.login(login[0].username, secret)
                client.sendmail(mail_from, ["ana@calderon.test"], mail)
            except smtplib.SMTPResponseException as refused:
                error = refused.smtp_error
                text = error.decode() if isinstance(error, bytes) else error
                return Reply(refused.smtp_code, text.split()[0], text)
        return Reply(250, None, "")

    foreign = order("ana@calderon.test").replace(SENDER.encode(), b"boss@other.example")
    twice = b"From: boss@northwind.example\r\n" + order("ana@calderon.test")
    answers = [sent(SENDER, foreign), sent(SENDER, twice), sent("boss@other.example", order("ana@calderon.test"))]
    assert [(reply.code, reply.status) for reply in answers] == [(550, "5.7.1")] * 3
    assert sent(SENDER, order("ana@calderon.test"), "wrong").code == 535
    with product.connect() as client:
        assert client.mail(SENDER)[0] == 530
