"""Complaint 14: a bounce, of any code, to any mail of ours, never causes a mail, save the notice owed to a system."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.envelope import Asked
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.account_notices import TRIGGER as NOTICE
from gatepost.gateway.account_notices import tell_once
from gatepost.gateway.confirm import AGENT_TRIGGER, ask_agent_to_confirm, ask_to_confirm
from gatepost.gateway.confirm import TRIGGER as CONFIRMATION
from gatepost.gateway.dsn import tell_once as tell_systems
from gatepost.gateway.dsn_parameters import DSN_TRIGGER
from gatepost.model import Delivery, Message
from gatepost.reply import Reply
from gatepost.store.accounts import AccountState, create_account, set_state
from gatepost.store.automatic import set_acknowledgement
from gatepost.store.channels import create_channel
from gatepost.store.claims import claim
from gatepost.store.deliveries import Result, deliveries_of
from gatepost.store.settled import Horizon
from gatepost.store.users import create_user
from gatepost.tokens import return_path
from gatepost.words import DeliveryState, Outcome, Strength
from tests.gateway.agent_rig import ANA, MARTA, SUPPORT, Rig, make_rig
from tests.gateway.conftest import Submit
from tests.rows import record_reply

SYSTEM = "orders@shop.example"
DETAILS = ("1.1", "1.10", "2.1", "2.2", "4.1", "4.7", "7.1", "7.26", "7.129", "7.133", "0.0", "9.999")
TRIGGERS = {"acknowledgement", "agent copy", "agent reply", "smtp", NOTICE, CONFIRMATION, AGENT_TRIGGER}
OWNER = "owner@office.example"
WANTED = "FAILURE,DELAY,SUCCESS"


@pytest.fixture
def rig(gate: Gate, now: datetime, domain: str) -> Rig:
    assert domain
    made = make_rig(gate, now)
    gate.ledger.write(lambda session: set_acknowledgement(session, made.channel.id, True, "We have got it."))
    return made


def settle(rig: Rig) -> None:
    """Everything that waits is delivered, and everything that happened is followed."""

    def op(session: Session) -> None:
        for one in claim(session, 99, timedelta(minutes=1), rig.now):
            record_reply(
                session, one, Result(DeliveryState.DELIVERED, Reply(250, "2.0.0", "ok"), "mx", "r", None), rig.now
            )

    for _ in range(3):
        rig.gate.ledger.write(op)
        rig.follow()
        while tell_systems(rig.gate, Horizon(), rig.now):
            pass


def every_sender(rig: Rig, submit: Submit, notify: str) -> None:
    """A mail by each of those who send: an acknowledgement, an agent's copy, his answer, what he is told, a system."""
    first = rig.customer()
    assert first.conversation_id
    rig.assign(first.conversation_id)
    settle(rig)
    rig.customer("And?", f"References: <{rig.message(first).message_id}>\r\n")
    settle(rig)
    rig.answer("On Monday.\n\n#close")
    settle(rig)
    submission = submit(mail_from=SYSTEM)
    asked = {ANA: Asked(notify, "")} if notify else {}
    accept(rig.gate, replace(submission, envelope=replace(submission.envelope, asked=asked)), now=rig.now)
    settle(rig)
    by_ourselves(rig)
    settle(rig)


def by_ourselves(rig: Rig) -> None:
    """What no customer causes: a notice that a mailbox is not read any more, and both mails with a link."""

    def op(session: Session) -> None:
        owner = create_user(session, email=OWNER, name="Olga", role="admin", now=rig.now)
        channel = create_channel(session, name="Sales", address="sales@shop.example", now=rig.now)
        account = create_account(
            session, rig.gate.keys, channel_id=channel.id, host="imap.example.org", port=993, security="tls",
            username="sales", secret="s", now=rig.now,
        )  # fmt: skip
        account.address, account.user_id, account.told = channel.address, owner.id, "live"
        set_state(session, account, AccountState.NEEDS_RECONNECT, "The login was refused.", rig.now)

    rig.gate.ledger.write(op)
    tell_once(rig.gate, rig.now)
    ask_to_confirm(rig.gate, parse_address("new@sender.example"), rig.now)
    ask_agent_to_confirm(rig.gate, rig.marta, parse_address("marta@other.example"), rig.now)


def bounce(chance: random.Random, about: Delivery, message: Message, to: str) -> bytes:
    """A report in one of three shapes, with any code."""
    status = f"{chance.choice('45')}.{chance.choice(DETAILS)}"
    code = chance.choice((421, 450, 452, 550, 551, 552, 553, 554, 571, 599))
    sender = chance.choice(("MAILER-DAEMON@mx.calderon.example", about.recipient, "postmaster@calderon.example", ANA))
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
    ids = f"Message-ID: <{chance.getrandbits(60)}@mx>\r\nIn-Reply-To: <{message.message_id}>\r\n"
    if chance.random() < 0.3:
        text = f"<{about.recipient}>: host mx said: {code} {status} no\r\n"
        returned = f"--- Below this line is a copy\r\n\r\nMessage-ID: <{message.message_id}>\r\n"
        return f"{head}{ids}\r\n{text}\r\n{returned}".encode()
    action = chance.choice(("failed", "failed", "delayed", "delivered", "expanded"))
    return (
        f'{head}{ids}Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"--b\r\n\r\nSorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {about.recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {code} {status} no\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{message.message_id}>\r\n\r\n--b--\r\n"
    ).encode()


def addresses(rig: Rig, delivery: Delivery) -> Iterator[str]:
    """Where a bounce may come to: the return path, the mailbox, an agent's reply address."""
    yield f"{return_path(rig.gate.keys, delivery.id)}@{rig.gate.settings.bounces}"
    yield SUPPORT
    yield rig.reply_to("public")
    yield rig.reply_to("private")


@pytest.mark.parametrize("notify", ["", "NEVER", WANTED])
@pytest.mark.parametrize("seed", range(2))
def test_complaint_14_no_bounce_of_any_mail_causes_a_mail(rig: Rig, submit: Submit, notify: str, seed: int) -> None:
    chance = random.Random(seed)
    every_sender(rig, submit, notify)
    before = rig.sent()
    assert {row.trigger for row, _, _ in before} >= TRIGGERS
    assert len({recipient for _, _, recipients in before for recipient in recipients} & {ANA, MARTA}) == 2
    for row, _, _ in before:
        with rig.gate.database.session() as session:
            delivery = deliveries_of(session, row.id)[0]
        for to in addresses(rig, delivery):
            strength = chance.choice((Strength.NONE, Strength.ALIGNED, Strength.FAILING))
            received = rig.mail_in(bounce(chance, delivery, row, to), to, strength, "")
            assert received.outcome in (Outcome.REPORT, Outcome.AUTOMATIC, Outcome.REVIEW)
    rig.now += timedelta(days=2)
    settle(rig)
    new = rig.sent()[len(before) :]
    assert {row.trigger for row, _, _ in new} <= {DSN_TRIGGER}
    assert [recipients for _, _, recipients in new] in ([], [[SYSTEM]], [[SYSTEM], [SYSTEM]])
    if notify != WANTED:
        assert new == []
