"""What goes wrong with us loses nothing: killed in the middle, a second start, a database that fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlmodel import select, text

from gatepost.model import Arrival, Credential, Delivery
from gatepost.reply import Reply
from gatepost.store.arrivals import count_outcomes
from gatepost.store.messages import get_message
from tests.lives.letters import letter
from tests.rig.gatepost import Product, started

SHOP = "support@northwind.example"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with started() as running:
        running.channel(SHOP)
        yield running


@contextmanager
def without(product: Product, table: str) -> Iterator[None]:
    """The database has lost a table for a while."""
    product.write(lambda session: session.connection().execute(text(f"ALTER TABLE {table} RENAME TO lost_{table}")))
    try:
        yield
    finally:
        product.write(lambda session: session.connection().execute(text(f"ALTER TABLE lost_{table} RENAME TO {table}")))


def outcomes(product: Product, sender: str) -> list[str]:
    """What became of the mails from this reverse-path."""
    query = select(Arrival).where(Arrival.envelope_from == sender)
    return product.read(lambda session: [row.outcome for row in session.exec(query)])


def submitted(product: Product, login: tuple[Credential, str], mail: bytes) -> Reply:
    with product.connect() as client:
        client.login(login[0].username, login[1])
        client.mail(SHOP)
        client.rcpt("ana@calderon.test")
        code, said = client.data(mail)
    return Reply(code, said.decode().split()[0], said.decode())


def test_killed_in_the_middle_everything_acknowledged_is_there(product: Product) -> None:
    login = product.credential("northwind.example")
    ids: list[str] = []
    received: list[str] = []
    enough = threading.Event()

    def send(number: int) -> None:
        try:
            for at in range(1000):
                recipient = "slow@calderon.test" if at == 0 else f"ana{at}@calderon.test"
                _, mail = letter(SHOP, recipient, f"Order {number}.{at}", "Hello")
                ids.append(product.submit(login, SHOP, [recipient], mail))
                header_id, mail = letter(f"kim{at}@harbour.test", SHOP, f"Question {number}.{at}", "?")
                if product.deliver(f"kim{at}@harbour.test", SHOP, mail).code == 250:
                    received.append(header_id)
                if len(received) >= 20:
                    enough.set()
        except OSError:
            pass

    threads = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    product.kill()
    for thread in threads:
        thread.join(60)

    product.start()
    assert all(product.read(lambda s, i=i: get_message(s, i)) for i in ids)  # type: ignore[misc]
    assert all(product.messages(header_id) for header_id in received)
    assert product.read(count_outcomes).get("pending", 0) <= len(threads)
    states = {row.state for message_id in ids for row in product.deliveries(message_id).values()}
    assert states <= {"queued", "sending", "delivered"}
    rows = [row for message_id in ids for row in product.deliveries(message_id).values()]
    for row in rows:
        product.until(lambda row=row: taken_up(product, row), 60)  # type: ignore[misc]


def taken_up(product: Product, row: Delivery) -> bool:
    """Whether a delivery that was there at the cut is done, or under way once more."""
    now = product.deliveries(row.message_id)[row.recipient]
    return now.state == "delivered" or (now.state == "sending" and now.fence > 1)


def test_a_second_start_says_what_is_taken_and_disturbs_nothing(product: Product) -> None:
    login = product.credential("northwind.example")
    _, mail = letter(SHOP, "slow@calderon.test", "Order", "Hello")
    message_id = product.submit(login, SHOP, ["slow@calderon.test"], mail)
    product.until(lambda: product.deliveries(message_id)["slow@calderon.test"].state == "sending")
    again = product.run("serve")
    assert again.returncode == 1
    assert "another gatepost serves" in again.stderr
    assert product.run("init", var="other").returncode == 0
    for ended, port in (
        (product.run("serve", var="other", web=product.ports["web"]), product.ports["web"]),
        (product.run("serve", var="other", mx=product.ports["mx"]), product.ports["mx"]),
    ):
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        assert "in use" in ended.stderr
        assert port.rpartition(":")[2] in ended.stderr
    row = product.deliveries(message_id)["slow@calderon.test"]
    assert row.state in ("sending", "delivered")
    assert row.fence == 1  # it was claimed once


def test_settings_that_do_not_fit_stop_the_start(product: Product) -> None:
    ended = product.run("serve", mx="nowhere", poll_seconds="soon")
    assert ended.returncode == 2
    assert "GATEPOST_MX" in ended.stderr
    assert "GATEPOST_POLL_SECONDS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_fault_in_storing_is_temporary(product: Product) -> None:
    login = product.credential("northwind.example")
    header_id, outgoing = letter(SHOP, "ana@calderon.test", "Order", "Hello")
    question, incoming = letter("ida@harbour.test", SHOP, "Question", "?")
    with without(product, "raw"):
        replies = [submitted(product, login, outgoing), product.deliver("ida@harbour.test", SHOP, incoming)]
        assert [(reply.code, reply.status) for reply in replies] == [(451, "4.3.0")] * 2
        assert all("raw" not in reply.text and "sql" not in reply.text.lower() for reply in replies)
    assert submitted(product, login, outgoing).code == 250
    assert product.deliver("ida@harbour.test", SHOP, incoming).code == 250
    assert len(product.messages(header_id)) == len(product.messages(question)) == 1


def test_a_fault_in_placing_keeps_the_mail_and_takes_it_once(product: Product) -> None:
    question, incoming = letter("mia@harbour.test", SHOP, "Question", "?")
    with without(product, "known_id"):
        reply = product.deliver("mia@harbour.test", SHOP, incoming)
        assert (reply.code, reply.status) == (451, "4.3.0")
        assert outcomes(product, "mia@harbour.test") == ["pending"]
    assert product.deliver("mia@harbour.test", SHOP, incoming).code == 250
    assert len(product.messages(question)) == 1
    assert outcomes(product, "mia@harbour.test") == ["placed"]


def test_a_locked_database_is_waited_for(product: Product) -> None:
    login = product.credential("northwind.example")
    _, mail = letter(SHOP, "ana@calderon.test", "Order", "Hello")
    replies: list[Reply] = []
    with product.parts.database.engine.connect().execution_options(immediate=True) as connection:
        connection.exec_driver_sql("SELECT 1")
        thread = threading.Thread(target=lambda: replies.append(submitted(product, login, mail)))
        thread.start()
        thread.join(1)
        assert replies == []
    thread.join(60)
    assert [reply.code for reply in replies] == [250]
