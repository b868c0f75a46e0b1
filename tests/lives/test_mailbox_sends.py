"""A connected mailbox sends for itself: a real Dovecot, a real Postfix, its own bounce, and one copy in Sent."""

from collections.abc import Iterator

import httpx2
import pytest
from sqlmodel import Session

from gatepost.model import Account, SentCopy
from gatepost.parts import clock
from gatepost.store.accounts import create_account
from gatepost.store.arrivals import arrivals_of
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.messages import conversation_messages
from gatepost.store.sending import send_over_account, set_sending
from gatepost.words import Outcome
from tests.lives.letters import letter
from tests.lives.test_reply_by_imap import polled
from tests.rig.dovecot import PASSWORD, Dovecot
from tests.rig.gatepost import Product
from tests.rig.gatepost import started as product_started
from tests.rig.postfix import Postfix
from tests.rig.postfix import started as postfix_started
from tests.rows import copies_of

AGENT = "maya@northwind.example"
ANA = "ana@calderon.test"
REFUSED_LATER = {
    "transport_maps": "inline:{{ {{gone@calderon.test = error:5.1.1 User unknown in virtual table}} }}",
    "smtpd_reject_unlisted_recipient": "no",
}


@pytest.fixture(scope="module")
def postfix(shared_dovecot: Dovecot) -> Iterator[Postfix]:
    """It takes mail from who logs in with a mailbox's password, and finds out later that one recipient is gone."""
    folder = shared_dovecot.folder
    same = {"smtpd_tls_cert_file": str(folder / "certificate.pem"), "smtpd_tls_key_file": str(folder / "key.pem")}
    with postfix_started({}, sasl=folder / "run" / "auth-client", more={**REFUSED_LATER, **same}) as server:
        yield server


@pytest.fixture(scope="module")
def product(shared_dovecot: Dovecot, postfix: Postfix) -> Iterator[Product]:
    with product_started({"SSL_CERT_FILE": str(shared_dovecot.certificate)}) as running:
        running.user(AGENT)
        yield running


@pytest.fixture
def agent(product: Product) -> Iterator[httpx2.Client]:
    with product.client(AGENT) as client:
        yield client


def connect(product: Product, dovecot: Dovecot, postfix: Postfix) -> tuple[str, str]:
    """A mailbox whose mail goes out over its account; the account's id and the mailbox's address."""
    user = dovecot.add_user()
    channel = product.channel(user, by_mx=False)
    keys, port = product.parts.keys, dovecot.tls_port

    def create(session: Session) -> Account:
        login = {"host": "localhost", "security": "tls", "username": user, "secret": PASSWORD}
        account = create_account(session, keys, channel_id=channel.id, port=port, now=clock(), **login)
        set_sending(session, account, smtp_host="localhost", smtp_port=postfix.port, smtp_security="starttls")
        send_over_account(session, account, True, clock())
        return account

    account = product.write(create)
    polled(product, account.id)
    return account.id, user


def asked(product: Product, dovecot: Dovecot, account_id: str, user: str, who: str = ANA) -> int:
    """The number of the conversation of a question that came into the mailbox."""
    header_id, mail = letter(who, user, "Invoice", "Where is it?")
    dovecot.deliver(user, mail)
    polled(product, account_id)
    return product.conversation(product.message(header_id).id).number


def answer_it(product: Product, agent: httpx2.Client, number: int, who: str = ANA) -> str:
    """The id of the message that answers a conversation from the page."""
    sent = agent.post(f"/inbox/{number}/reply", data={"to": who, "text": "It is on its way."})
    assert sent.status_code == 303, sent.text
    return product.until(lambda: newest_out(product, number))


def newest_out(product: Product, number: int) -> str:
    def find(session: Session) -> str:
        conversation = by_number(session, number)
        assert conversation
        return next((row.id for row in conversation_messages(session, conversation) if row.direction == "out"), "")

    return product.read(find)


def copy_of(product: Product, message_id: str) -> SentCopy | None:
    return product.read(lambda session: next(iter(copies_of(session, message_id)), None))


def look_now(session: Session, message_id: str) -> None:
    """The server had its time to file its own copy."""
    for copy in copies_of(session, message_id):
        copy.next_at = clock()
        session.add(copy)


def test_one_copy_in_sent_that_is_no_second_message(
    product: Product, agent: httpx2.Client, shared_dovecot: Dovecot, postfix: Postfix
) -> None:
    account_id, user = connect(product, shared_dovecot, postfix)
    number = asked(product, shared_dovecot, account_id, user)
    before = len(postfix.messages())
    message_id = answer_it(product, agent, number)
    mail = postfix.wait_for(before + 1)[-1]
    assert f"Return-Path: <{user}>".encode() in mail
    product.until(lambda: copy_of(product, message_id))
    product.write(lambda session: look_now(session, message_id))
    product.until(lambda: (copy := copy_of(product, message_id)) and copy.state == "appended")
    polled(product, account_id)
    copies = list((shared_dovecot.maildir(user, "Sent") / "cur").iterdir())
    assert len(copies) == 1
    assert copies[0].name.endswith("S")  # read

    def seen(session: Session) -> tuple[int, list[str], list[str]]:
        conversation = get_conversation(session, product.conversation(message_id).id)
        assert conversation
        arrived = arrivals_of(session, message_id)
        mails = conversation_messages(session, conversation)
        return len(mails), [row.outcome for row in arrived], [row.outcome_why for row in arrived]

    mails, outcomes, why = product.read(seen)
    assert (mails, outcomes) == (2, [Outcome.PLACED])
    assert "copy in the Sent folder of a mail that we sent (it has our Message-ID)" in why[0]


def test_a_bounce_in_the_mailbox_finds_its_delivery(
    product: Product, agent: httpx2.Client, shared_dovecot: Dovecot, postfix: Postfix
) -> None:
    account_id, user = connect(product, shared_dovecot, postfix)
    number = asked(product, shared_dovecot, account_id, user, "gone@calderon.test")
    message_id = answer_it(product, agent, number, "gone@calderon.test")

    def bounce() -> bytes | None:
        mails = postfix.messages()
        return next((raw for raw in mails if f"X-Original-To: {user}".encode() in raw and b"report" in raw), None)

    raw = product.until(bounce)
    assert raw
    assert b"multipart/report" in raw
    shared_dovecot.deliver(user, raw)
    polled(product, account_id)
    (row,) = product.deliveries(message_id).values()
    assert (row.state, row.status, row.reported) == ("bounced", "5.1.1", True)
    page = agent.get(f"/inbox/{number}").text
    assert "gone@calderon.test" in page
    assert "User unknown in virtual table" in agent.get(f"/inbox/{number}/events").text
