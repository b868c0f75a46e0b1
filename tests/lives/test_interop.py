"""Programs of others as our clients: a Postfix that relays through us, swaks, and smtp-source."""

import shutil
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from gatepost.mail import parse
from gatepost.model import Arrival, Credential, Delivery, Message
from gatepost.parts import clock
from gatepost.store.credentials import create_credential
from gatepost.store.messages import raw_of
from tests.rig.gatepost import Product, started
from tests.rig.packages import find_program, need, unavailable
from tests.rig.postfix import Postfix
from tests.rig.postfix import started as postfix_started

SENDER = "orders@northwind.example"
SUPPORT = "support@northwind.example"
Login = tuple[Credential, str]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with started(connections_per_ip=40) as running:
        running.channel(SUPPORT)
        yield running


@pytest.fixture(scope="module")
def login(product: Product) -> Login:
    return product.credential("northwind.example")


@pytest.fixture(scope="module")
def client(product: Product, login: Login) -> Iterator[Postfix]:
    """A Postfix whose way out is our submission: TLS with our certificate checked, and a log-in."""
    if not list(Path("/usr/lib").glob("*/sasl2/libplain.so")):
        unavailable("Postfix cannot log in: apt-get install libsasl2-modules")
    port = product.ports["submission"].rpartition(":")[2]
    more = {
        "virtual_mailbox_domains": "",
        "relayhost": f"[localhost]:{port}",
        "smtp_host_lookup": "native",
        "smtp_tls_security_level": "verify",
        "smtp_tls_loglevel": "1",
        "smtp_tls_CAfile": "{config}/gatepost.pem",
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": f"inline:{{{{{{{{[localhost]:{port} = {login[0].username}:{login[1]}}}}}}}}}",
        "smtp_sasl_security_options": "noanonymous",
    }
    with postfix_started({}, more=more) as server:
        certificate = product.settings.path(product.settings.var) / "tls-certificate.pem"
        shutil.copy(certificate, server.certificate.parent / "gatepost.pem")
        yield server


def hand_to(postfix: Postfix, sender: str, recipients: list[str], mail: str, *, options: tuple[str, ...] = ()) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, local_hostname="shop.northwind.example", timeout=60) as smtp:
        assert smtp.sendmail(sender, recipients, mail.encode(), rcpt_options=options) == {}


def sent(product: Product, subject: str) -> list[tuple[Message, list[Delivery]]]:
    """The messages of this subject that went out, each with its deliveries."""

    def find(session: Session) -> list[tuple[Message, list[Delivery]]]:
        messages = session.exec(select(Message).where(Message.subject == subject, Message.direction == "out")).all()
        of = {m.id: list(session.exec(select(Delivery).where(Delivery.message_id == m.id))) for m in messages}
        return [(message, of[message.id]) for message in messages]

    return product.read(find)


def ended(product: Product, subject: str, count: int) -> list[tuple[Message, list[Delivery]]]:
    """The same, once there are so many deliveries and each has ended."""

    def look() -> list[tuple[Message, list[Delivery]]]:
        found = sent(product, subject)
        rows = [row for _, deliveries in found for row in deliveries]
        done = all(row.state not in ("queued", "sending", "delayed") for row in rows)
        return found if len(rows) == count and done else []

    return product.until(look)


def test_a_postfix_relays_through_us(product: Product, client: Postfix) -> None:
    recipients = [f"ana{number}@calderon.test" for number in range(3)]
    mail = f"From: {SENDER}\r\nTo: {', '.join(recipients)}\r\nSubject: By Postfix\r\n\r\n.one\r\n..two\r\nthree\r\n"
    hand_to(client, SENDER, recipients, mail, options=("NOTIFY=FAILURE,DELAY",))
    ((message, rows),) = ended(product, "By Postfix", 3)
    assert sorted(row.recipient for row in rows) == recipients
    assert {(row.state, row.notify) for row in rows} == {("delivered", "FAILURE,DELAY")}, "DSN was passed on to us"
    raw = product.read(lambda session: raw_of(session, message.raw_id or "", product.parts.blobs))
    read = parse(raw)
    assert read.text.replace("\r\n", "\n").strip() == ".one\n..two\nthree"
    assert b"by mx.remote.test (Postfix)" in raw
    assert "Verified TLS connection established to localhost" in client.log.read_text()


def test_what_we_refuse_a_postfix_bounces_with_our_words(product: Product, client: Postfix) -> None:
    mail = "From: boss@other.example\r\nTo: ana@calderon.test\r\nSubject: Forged\r\n\r\nHello\r\n"
    hand_to(client, "boss@other.example", ["ana@calderon.test"], mail)
    line = product.until(
        lambda: [line for line in client.log.read_text().splitlines() if "to=<ana@calderon.test>" in line]
    )[0]
    assert "dsn=5.7.1, status=bounced" in line
    assert " said: 550 5.7.1 " in line
    assert sent(product, "Forged") == []


def swaks(product: Product, listener: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [need("swaks"), "--server", product.ports[listener], "--timeout", "30", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_swaks_submits_with_tls_and_a_login(product: Product, login: Login) -> None:
    options = ["--from", SENDER, "--to", "ida@calderon.test", "--header", "Subject: By swaks", "-tls"]
    log_in = ["--auth-user", login[0].username, "--auth-password", login[1]]
    for method in ("PLAIN", "LOGIN"):
        done = swaks(product, "submission", *options, "--auth", method, *log_in)
        assert done.returncode == 0, done.stdout
        assert "250 2.0.0 queued as msg_" in done.stdout
    assert len(ended(product, "By swaks", 2)) == 2
    refused = swaks(product, "submission", *options)
    assert (refused.returncode, "530 5.7.0 authentication required" in refused.stdout) == (23, True)
    wrong = swaks(product, "submission", *options, "--auth", "PLAIN", "--auth-user", "shop", "--auth-password", "x")
    assert (wrong.returncode, "535 5.7.8 " in wrong.stdout) == (28, True)


def test_swaks_at_the_mx(product: Product) -> None:
    taken = swaks(product, "mx", "--from", "kim@harbour.test", "--to", SUPPORT, "-tls")
    assert taken.returncode == 0, taken.stdout
    assert "250 2.0.0 received as " in taken.stdout
    relayed = swaks(product, "mx", "--from", "kim@harbour.test", "--to", "ana@calderon.test", "--pipeline")
    assert "550 5.1.1 No such address here" in relayed.stdout
    assert relayed.returncode != 0


def source(product: Product, listener: str, *options: str) -> None:
    program = find_program("smtp-source") or unavailable("smtp-source is not installed: apt-get install postfix")
    command = [program, "-s", "5", "-l", "4000", "-S", "By smtp-source", *options, product.ports[listener]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def network(product: Product) -> None:
    """Loopback may submit without a log-in: smtp-source has none. The running process knows it within seconds."""
    keys = product.parts.keys
    bound: dict[str, Any] = {"senders": ["northwind.example"], "networks": ["127.0.0.1"]}
    product.write(lambda s: create_credential(s, keys, kind="smtp", name="Host", now=clock(), **bound))

    def is_known() -> bool:
        host, _, port = product.ports["submission"].rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=60) as smtp:
            smtp.ehlo()
            return smtp.mail(SENDER)[0] == 250

    product.until(is_known)


@pytest.mark.parametrize("kept", [True, False], ids=["kept connections", "a new one for each mail"])
def test_smtp_source_submits_from_a_network(product: Product, network: None, kept: bool) -> None:
    recipient = "kept@calderon.test" if kept else "new@calderon.test"
    source(product, "submission", "-m", "40", "-f", SENDER, "-t", recipient, *(() if kept else ("-d",)))
    product.until(lambda: len([row for row in all_to(product, recipient) if row.state == "delivered"]) >= 40)
    assert len(all_to(product, recipient)) == 40


def all_to(product: Product, recipient: str) -> list[Delivery]:
    return product.read(lambda session: list(session.exec(select(Delivery).where(Delivery.recipient == recipient))))


def test_smtp_source_at_the_mx(product: Product) -> None:
    source(product, "mx", "-m", "20", "-f", "source@harbour.test", "-t", SUPPORT)
    query = select(Arrival).where(Arrival.envelope_from == "source@harbour.test")
    arrivals = product.read(lambda session: list(session.exec(query)))
    assert len(arrivals) == 20
    assert {row.outcome for row in arrivals} == {"placed"}
