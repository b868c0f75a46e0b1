"""Acknowledgements and the breaker: who gets one, who never does, and that no round of machines lasts."""

from datetime import datetime

import pytest
from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.database import migrate, open_database
from gatepost.gateway.accept import Gate
from gatepost.gateway.acknowledge import preview
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.mail import Mail
from gatepost.model import Channel, User
from gatepost.seal import make_keys
from gatepost.settings import Settings
from gatepost.store.automatic import list_breakers, reset, set_acknowledgement
from gatepost.store.channels import create_channel
from gatepost.store.conversations import participants, set_state
from gatepost.store.users import create_user
from gatepost.tokens import mint_message_id
from gatepost.words import Outcome, Strength
from tests.gateway.agent_rig import ANA, SUPPORT, Rig, make_rig

DESK = "desk@other.example"
STRIPPED = ("auto-submitted", "x-auto-response-suppress", "in-reply-to", "references")
TEXT = "We have got it. Please wait for a day."


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    found = make_rig(gate, now)
    gate.ledger.write(lambda session: set_acknowledgement(session, found.channel.id, True, TEXT))
    return found


def test_it_is_off_until_somebody_switches_it_on(gate: Gate, now: datetime) -> None:
    rig = make_rig(gate, now)
    rig.customer()
    rig.follow()
    assert rig.sent() == []


def test_a_customer_is_told_once_in_24_hours_and_never_in_his_own_words(rig: Rig) -> None:
    first = rig.customer("My secret is 4711")
    rig.follow()
    ((row, mail, recipients),) = rig.sent("acknowledgement")
    assert recipients == [ANA]
    assert mail.text.strip() == f"{TEXT}\n\n-- \nShop Ltd"
    assert mail.subject == preview("", rig.channel, rig.conversation(first.conversation_id or "").number)[0]
    assert "Order" not in mail.subject + mail.text
    assert mail.header("Auto-Submitted") == "auto-replied"
    assert mail.header("X-Auto-Response-Suppress") == "All"
    assert mail.in_reply_to == (rig.message(first).message_id,)
    assert row.conversation_id == first.conversation_id
    more = f"References: <{rig.message(first).message_id}>\r\n"
    rig.follow(hours=23)
    rig.customer("And?", more)
    rig.follow()
    assert len(rig.sent("acknowledgement")) == 1
    rig.follow(hours=2)
    rig.customer("And now?", more)
    rig.follow()
    assert len(rig.sent("acknowledgement")) == 2


@pytest.mark.parametrize(
    "extra",
    [
        "List-Id: <all.example>\r\n",
        "Precedence: bulk\r\n",
        "Precedence: list\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "X-Auto-Response-Suppress: DR, AutoReply\r\n",
        "List-Unsubscribe: <https://x.example>\r\n",
        "X-Loop: ana\r\n",
    ],
)
def test_lists_bulk_and_machines_get_none(rig: Rig, extra: str) -> None:
    rig.customer("Hello", extra)
    rig.follow()
    assert rig.sent() == []


@pytest.mark.parametrize("strength", [Strength.NONE, Strength.TOKEN, Strength.FAILING])
def test_who_is_not_authenticated_gets_none(rig: Rig, strength: Strength) -> None:
    rig.mail_in(letter(ANA), SUPPORT, strength)
    rig.follow()
    assert rig.sent() == []


def letter(sender: str, text: str = "Hello", message_id: str = "") -> bytes:
    head = f"From: {sender}\r\nTo: {SUPPORT}\r\nSubject: Hi\r\nMessage-ID: <{message_id or new_id('msg') + '@c'}>\r\n"
    return f"{head}\r\n{text}\r\n".encode()


@pytest.mark.parametrize("sender", ["no-reply@calderon.example", "mailer-daemon@calderon.example", SUPPORT])
def test_robots_and_we_ourselves_get_none(rig: Rig, sender: str) -> None:
    rig.mail_in(letter(sender))
    rig.mail_in(letter(ANA), envelope_from="")
    rig.follow()
    assert rig.sent() == []


def test_complaint_15_our_own_mail_that_comes_back_is_not_answered(rig: Rig) -> None:
    rig.mail_in(letter(ANA, message_id=mint_message_id(rig.gate.keys, new_id("msg"), "gatepost.test")))
    rig.follow()
    assert rig.sent() == []


def test_complaint_16_own_addresses_never_take_part(rig: Rig) -> None:
    cc = rig.customer("Hello", f"Cc: {SUPPORT}, help@shop.example\r\n")
    looped = rig.mail_in(letter(SUPPORT))
    rig.follow()
    for received in (cc, looped):
        with rig.gate.database.session() as session:
            people = [person.address for person in participants(session, received.conversation_id or "")]
        assert SUPPORT not in people


def test_complaint_17_an_absence_notice_never_opens_what_is_closed(rig: Rig) -> None:
    first = rig.customer()
    rig.gate.ledger.write(lambda session: close(session, rig, first.conversation_id or ""))
    extra = f"Auto-Submitted: auto-replied\r\nReferences: <{rig.message(first).message_id}>\r\n"
    absent = rig.customer("I am away", extra)
    rig.follow()
    assert absent.outcome == Outcome.AUTOMATIC
    assert absent.conversation_id == first.conversation_id
    assert rig.conversation(first.conversation_id or "").state == "closed"
    assert len(rig.sent("acknowledgement")) == 1, "only the first mail got one"


def close(session: Session, rig: Rig, conversation_id: str) -> None:
    set_state(session, rig.conversation(conversation_id), "closed", None, rig.now)


def test_complaint_16_a_responder_that_names_itself_nowhere_is_silent_after_three_mails(rig: Rig) -> None:
    """It answers whatever it gets with a new mail, without a reference, from an authenticated address."""
    rig.mail_in(letter(ANA, "Hello"))
    mails, answered = 1, 0
    for _ in range(10):
        rig.follow(seconds=20)
        acknowledged = rig.sent("acknowledgement")
        if len(acknowledged) == answered:
            break
        answered = len(acknowledged)
        rig.mail_in(letter(ANA, "Your mail is important to us"))
        mails += 2
    assert mails <= 3
    with rig.gate.database.session() as session:
        (breaker,) = list_breakers(session, rig.now)
    assert breaker.rule.startswith("Answered within 10 minutes")
    assert [line.split()[1] for line in breaker.cycle] == ["from", "automatic,", "from"]
    rig.gate.ledger.write(lambda session: reset(session, ANA, rig.marta.id, rig.now))
    with rig.gate.database.session() as session:
        assert list_breakers(session, rig.now) == []


def test_three_in_a_day_are_the_most_for_one_correspondent(rig: Rig) -> None:
    for _ in range(6):
        rig.mail_in(letter(ANA))
        rig.follow()
        rig.follow(hours=1)
    assert len(rig.sent("acknowledgement")) == 3


@pytest.mark.parametrize(("stripped", "most"), [((), 2), (STRIPPED, 3)])
def test_complaint_16_two_installations_facing_each_other_fall_silent(
    rig: Rig, settings: Settings, now: datetime, stripped: tuple[str, ...], most: int
) -> None:
    """Each acknowledges what it gets, DMARC pass and all; a relay between them may strip what names automatic mail."""
    other = another(settings, now)
    try:
        rig.mail_in(letter(DESK), envelope_from=DESK)
        passed = {id(rig): 0, id(other): 0}
        mails = 1
        for _ in range(10):
            moved = 0
            for here, there, sender, target in ((rig, other, SUPPORT, DESK), (other, rig, DESK, SUPPORT)):
                here.follow(seconds=5)
                sent = here.sent("acknowledgement")
                for _, mail, _ in sent[passed[id(here)] :]:
                    there.mail_in(as_octets(mail, stripped), target, Strength.ALIGNED, sender)
                    moved += 1
                passed[id(here)] = len(sent)
            mails += moved
            if not moved:
                break
        assert mails == most
    finally:
        other.gate.ledger.close()
        other.gate.database.close()


def as_octets(mail: Mail, stripped: tuple[str, ...]) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in mail.headers if name.lower() not in stripped)
    return f"{head}\r\n{mail.text}\r\n".encode()


def another(settings: Settings, now: datetime) -> Rig:
    """A second installation, with an acknowledging mailbox desk@other.example."""
    home = settings.home / "other"
    home.mkdir()
    migrate(f"sqlite:///{home}/gatepost.db")
    database = open_database(f"sqlite:///{home}/gatepost.db")
    ledger = Ledger(database).start()
    gate = Gate(Settings(home=home), database, ledger, make_keys(home / "key"), Blobs(home / "blobs"))

    def op(session: Session) -> tuple[Channel, User]:
        channel = create_channel(session, name="Other", address=DESK, now=now)
        set_acknowledgement(session, channel.id, True, "")
        return channel, create_user(session, email="ben@other.example", name="Ben", role="agent", now=now)

    return Rig(gate, now, *gate.ledger.write(op))
