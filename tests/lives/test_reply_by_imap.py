"""Life b: a customer's answer lies in a mailbox of a real Dovecot and joins the conversation that MX mail joins."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session

from gatepost.model import Account
from gatepost.parts import clock
from gatepost.store.accounts import create_account, get_account, poll_now
from gatepost.store.arrivals import arrivals_of, count_outcomes
from gatepost.store.messages import conversation_messages
from tests.lives.letters import answer, letter
from tests.rig.dovecot import PASSWORD, Dovecot
from tests.rig.gatepost import Product, started

SHOP = "support@northwind.example"
ANA = "ana@calderon.test"


@pytest.fixture(scope="module")
def product(shared_dovecot: Dovecot) -> Iterator[Product]:
    with started({"SSL_CERT_FILE": str(shared_dovecot.certificate)}) as running:
        yield running


def connect(product: Product, dovecot: Dovecot, address: str) -> tuple[str, str]:
    """A mailbox with an account at Dovecot; its account's id and user there."""
    channel, user = product.channel(address), dovecot.add_user()
    keys, port = product.parts.keys, dovecot.tls_port

    def create(session: Session) -> Account:
        login = {"host": "localhost", "security": "tls", "username": user, "secret": PASSWORD}
        return create_account(session, keys, channel_id=channel.id, port=port, now=clock(), **login)

    account = product.write(create)
    polled(product, account.id)
    return account.id, user


def polled(product: Product, account_id: str) -> None:
    """Wait for a whole pass that begins after now."""
    asked = clock()

    def ask(session: Session) -> None:
        account = get_account(session, account_id)
        assert account is not None
        poll_now(session, account, asked)

    def done(session: Session) -> bool:
        account = get_account(session, account_id)
        return bool(account and account.state == "live" and account.last_sync_at and account.last_sync_at > asked)

    for _ in range(2):  # the first one may have begun before
        product.write(ask)
        product.until(lambda: product.read(done))
        asked = clock()


def relayed(product: Product, sender: str, recipient: str) -> str:
    """A delivered mail of the shop; its Message-ID."""
    login = product.credential("northwind.example")
    header_id, mail = letter(f"Northwind <{sender}>", recipient, "Your order 81", "Thank you for your order.")
    message_id = product.submit(login, sender, [recipient], mail)
    product.until(lambda: product.deliveries(message_id)[recipient].state == "delivered")
    return header_id


def test_an_answer_in_a_mailbox_joins_as_one_by_mx_does(product: Product, shared_dovecot: Dovecot) -> None:
    account_id, user = connect(product, shared_dovecot, SHOP)
    origin = relayed(product, SHOP, ANA)
    first, mail = answer(f"Ana Ruiz <{ANA}>", SHOP, "Your order 81", "Where is it?", origin)
    shared_dovecot.deliver(user, mail)
    product.until(lambda: product.messages(first))
    conversation = product.conversation(product.message(first).id)
    assert conversation.requester == ANA
    assert "joined" in [reason["result"] for reason in product.message(first).why]

    second, again = answer(f"Ana Ruiz <{ANA}>", SHOP, "Your order 81", "Found it.", first)
    assert product.deliver(ANA, SHOP, again).code == 250
    assert product.conversation(product.message(second).id).id == conversation.id
    shared_dovecot.deliver(
        user, b"Received: from mx.remote.test by mail.test; Sun, 22 Nov 2026 10:00:00 +0000\r\n" + again
    )
    product.until(lambda: len(product.read(lambda s: arrivals_of(s, product.message(second).id))) == 2)
    thread = product.read(lambda s: conversation_messages(s, conversation))
    assert sorted(row.message_id for row in thread) == sorted([origin, first, second])  # all within a second or two
    polled(product, account_id)
    flags = shared_dovecot.doveadm("fetch", "-u", user, "flags", "mailbox", "INBOX")
    assert flags.count("flags:") == 2
    assert "Seen" not in flags


def test_an_answer_from_another_mail_program_stands_in_its_conversation(
    product: Product, shared_dovecot: Dovecot
) -> None:
    box = "desk@northwind.example"
    account_id, user = connect(product, shared_dovecot, box)
    asked, mail = letter(f"Ana Ruiz <{ANA}>", box, "Opening hours", "When do you open?")
    shared_dovecot.deliver(user, mail)
    product.until(lambda: product.messages(asked))
    said, mine = answer(f"Northwind <{box}>", ANA, "Opening hours", "At nine.", asked)
    shared_dovecot.deliver(user, mine, "Sent")
    polled(product, account_id)
    conversation = product.conversation(product.message(asked).id)
    thread = product.read(lambda session: conversation_messages(session, conversation))
    assert [(row.message_id, row.direction) for row in thread] == [(asked, "in"), (said, "out")]
    assert product.deliveries(product.message(said).id) == {}
    shared_dovecot.maildir(user, "Archive")
    shared_dovecot.doveadm("move", "-u", user, "Archive", "mailbox", "INBOX", "all")
    shared_dovecot.set_uidvalidity(user, 99, "Sent")
    polled(product, account_id)
    assert len(product.read(lambda session: conversation_messages(session, conversation))) == 2


def test_a_restart_repeats_nothing_and_loses_nothing(product: Product, shared_dovecot: Dovecot) -> None:
    account_id, user = connect(product, shared_dovecot, "billing@northwind.example")
    mails = [letter(f"kim{n}@harbour.test", "billing@northwind.example", f"Invoice {n}", "?") for n in range(6)]
    for _, mail in mails[:3]:
        shared_dovecot.deliver(user, mail)
    polled(product, account_id)
    before = product.read(count_outcomes)
    assert all(len(product.messages(header_id)) == 1 for header_id, _ in mails[:3])

    for at, end in ((3, product.stop), (4, product.kill)):
        end()
        shared_dovecot.deliver(user, mails[at][1])
        product.start()
        polled(product, account_id)
    shared_dovecot.deliver(user, mails[5][1])
    polled(product, account_id)
    assert all(len(product.messages(header_id)) == 1 for header_id, _ in mails)
    assert product.read(count_outcomes) == {**before, "placed": before["placed"] + 3}


def test_a_server_that_is_away_is_told_and_comes_back(product: Product, dovecot: Dovecot) -> None:
    product.stop()
    product.environ = {**product.environ, "SSL_CERT_FILE": str(dovecot.certificate)}
    product.start()
    account_id, user = connect(product, dovecot, "away@northwind.example")

    def state() -> tuple[str, str]:
        account = product.read(lambda session: get_account(session, account_id))
        return (account.state, account.state_why) if account else ("", "")

    dovecot.stop()
    product.until(lambda: state()[0] == "delayed")
    assert "localhost" in state()[1]
    dovecot.start()
    header_id, mail = letter("kim@harbour.test", "away@northwind.example", "Still there?", "?")
    dovecot.deliver(user, mail)
    polled(product, account_id)
    assert state()[0] == "live"
    assert len(product.messages(header_id)) == 1
