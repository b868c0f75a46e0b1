"""A mail to several mailboxes of ours (complaint 44): who sees its conversation, and who must not."""

import itertools

import pytest
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.model import Message
from gatepost.store import channels, corrections, users
from gatepost.store.arrivals import arrivals_of
from gatepost.store.placing import channels_of
from gatepost.store.showing import further_of
from gatepost.threading.intake import Received
from gatepost.threading.showing import may_show
from gatepost.words import Outcome, Strength
from tests.threading.office import ANA, EVE, SUPPORT, Office, mail

BILLING, SALES = "billing@shop.example", "sales@shop.example"
BOTH = f"Cc: Billing <{BILLING}>"
PROVEN = Strength.ALIGNED
PROVEN_ONES = (Strength.TOKEN, Strength.ALIGNED, Strength.BOTH)


@pytest.fixture(autouse=True)
def with_billing(office: Office) -> None:
    def op(session: Session) -> None:
        for name, address in (("Billing", BILLING), ("Sales", SALES)):
            channels.create_channel(session, name=name, address=address, now=office.now)

    office.ledger.write(op)


def homes(office: Office, received: Received) -> set[str]:
    """The addresses of the mailboxes that show it."""
    with office.ledger.database.session() as session:
        found = [channels.get_channel(session, one) for one in channels_of(session, received.conversation_id or "")]
        return {one.address for one in found if one}


def both(office: Office, raw: bytes, *, strength: Strength = Strength.NONE, turned: bool = False) -> list[Received]:
    """A mail that comes to Support and to Billing, in either order."""
    order = (BILLING, SUPPORT) if turned else (SUPPORT, BILLING)
    return [office.receive(raw, recipient=recipient, strength=strength) for recipient in order]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("strength", [Strength.NONE, PROVEN])
def test_complaint_44_a_new_mail_to_two_mailboxes_is_one_conversation_in_both(
    office: Office, strength: Strength, turned: bool
) -> None:
    first, second = both(office, mail(ANA, "Lamp", "1@calderon.example", BOTH), strength=strength, turned=turned)
    assert (first.message_id, first.conversation_id) == (second.message_id, second.conversation_id)
    assert homes(office, first) == {SUPPORT, BILLING}
    assert "is shown in" in second.why
    assert "sent to both mailboxes" in second.why
    with office.ledger.database.session() as session:
        further = further_of(session, office.conversation(first))
        assert [(one.channel.address, one.message and one.message.id) for one in further] == [
            (SUPPORT if turned else BILLING, first.message_id)
        ]
    answer = office.receive(mail(ANA, "Lamp", "2@calderon.example", "In-Reply-To: <1@calderon.example>"))
    assert answer.conversation_id == first.conversation_id
    third = office.receive(mail(ANA, "Lamp", "1@calderon.example", BOTH), recipient=BILLING)
    assert third.message_id == first.message_id


def test_a_third_mailbox_is_shown_it_too(office: Office) -> None:
    raw = mail(ANA, "Lamp", "1@calderon.example", f"Cc: {BILLING}, {SALES}")
    first, *_ = [office.receive(raw, recipient=recipient) for recipient in (SUPPORT, BILLING, SALES)]
    assert homes(office, first) == {SUPPORT, BILLING, SALES}


@pytest.mark.parametrize("turned", [False, True])
def test_a_proven_participant_brings_a_mailbox_in(office: Office, turned: bool) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    raw = mail(ANA, "Lamp", "2@calderon.example", BOTH, "In-Reply-To: <1@calderon.example>")
    for received in both(office, raw, strength=PROVEN, turned=turned):
        assert received.conversation_id == first.conversation_id
    assert homes(office, first) == {SUPPORT, BILLING}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("sender", "strength"), [(ANA, Strength.NONE), (ANA, Strength.FAILING), (EVE, PROVEN)])
def test_nobody_else_leads_a_mailbox_into_a_conversation(
    office: Office, sender: str, strength: Strength, turned: bool
) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    raw = mail(sender, "Lamp", "2@calderon.example", BOTH, "In-Reply-To: <1@calderon.example>")
    order = (BILLING, SUPPORT) if turned else (SUPPORT, BILLING)
    received = dict(zip(order, both(office, raw, strength=strength, turned=turned), strict=True))
    assert homes(office, first) == {SUPPORT}
    in_billing = received[BILLING]
    assert in_billing.conversation_id != first.conversation_id, "the people of Billing get it all the same"
    assert BILLING in homes(office, in_billing)
    assert office.shown(in_billing) == ["2@calderon.example"], "and nothing but it"
    if sender == ANA and strength == Strength.NONE:
        assert received[SUPPORT].conversation_id == first.conversation_id
        assert office.conversation(in_billing).claims_id == first.conversation_id
        again = office.receive(raw, recipient=BILLING, strength=strength)
        assert again.message_id == in_billing.message_id, "once"


def test_a_mail_sent_once_more_to_a_mailbox_that_it_does_not_name_shows_nothing_there(office: Office) -> None:
    raw = mail(ANA, "Lamp", "1@calderon.example")
    first = office.receive(raw, strength=PROVEN)
    again = office.receive(raw, recipient=BILLING, strength=PROVEN)
    assert homes(office, first) == {SUPPORT}
    assert homes(office, again) == {BILLING}
    assert again.message_id != first.message_id
    assert office.message(again).why[0]["copy"] is True
    assert "does not name this mailbox" in str(office.message(again).why[0]["text"])


def split_off(office: Office, received: Received, user_id: str | None = None) -> str:
    """Its mail in a conversation of its own; the correction's id."""
    conversation_id, message_id = received.conversation_id or "", received.message_id or ""
    return office.ledger.write(
        lambda session: (
            corrections.carry_out(session, conversation_id, "", [message_id], Actor("Ada", user_id), office.now).id
        )
    )


def test_what_is_split_off_takes_its_mailbox_along_and_undo_brings_it_back(office: Office) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    raw = mail(ANA, "Lamp", "2@calderon.example", BOTH, "In-Reply-To: <1@calderon.example>")
    joined = both(office, raw, strength=PROVEN)[0]
    assert homes(office, first) == {SUPPORT, BILLING}
    correction = split_off(office, joined)
    split = Received(Outcome.PLACED, "", joined.message_id, office.message(joined).conversation_id)
    assert homes(office, first) == {SUPPORT}, "the reason is gone, and with it the view"
    assert homes(office, split) == {SUPPORT, BILLING}
    office.ledger.write(lambda session: corrections.take_back(session, correction, Actor("Ada"), office.now))
    assert homes(office, first) == {SUPPORT, BILLING}


def member(office: Office, *addresses: str) -> str:
    def op(session: Session) -> str:
        user = users.create_user(
            session, email=f"{len(addresses)}@x.example", name="U", role="agent", password_hash="x", now=office.now
        )
        ids = [found.id for one in addresses if (found := channels.channel_by_address(session, one))]
        users.set_memberships(session, user.id, ids)
        return user.id

    return office.ledger.write(op)


@pytest.mark.parametrize(
    ("strength", "works_in", "widened"),
    [
        (PROVEN, (SUPPORT, BILLING), True),
        (PROVEN, (SUPPORT,), False),
        (Strength.NONE, (SUPPORT, BILLING), False),
    ],
)
def test_merging_shows_a_conversation_to_more_people_only_by_proof_and_right(
    office: Office, strength: Strength, works_in: tuple[str, ...], widened: bool
) -> None:
    old = office.receive(mail(ANA, "Old", "0@calderon.example"))
    new = both(office, mail(ANA, "Lamp", "1@calderon.example", BOTH), strength=strength)[0]
    user_id = member(office, *works_in)
    source, target = new.conversation_id or "", old.conversation_id or ""
    correction = office.ledger.write(
        lambda s: corrections.carry_out(s, source, target, None, Actor("U", user_id), office.now).id
    )
    assert homes(office, old) == ({SUPPORT, BILLING} if widened else {SUPPORT})
    office.ledger.write(lambda session: corrections.take_back(session, correction, Actor("U"), office.now))
    assert homes(office, old) == {SUPPORT}
    assert homes(office, new) == {SUPPORT, BILLING}


def test_a_mail_that_a_person_moved_shows_nothing_to_a_mailbox_that_gets_it_later(office: Office) -> None:
    old = office.receive(mail(ANA, "Old", "0@calderon.example"))
    raw = mail(ANA, "Lamp", "1@calderon.example", BOTH)
    new = office.receive(raw, strength=PROVEN)
    source, target = new.conversation_id or "", old.conversation_id or ""
    office.ledger.write(lambda s: corrections.carry_out(s, source, target, None, Actor("U"), office.now))
    late = office.receive(raw, recipient=BILLING, strength=PROVEN)
    assert homes(office, old) == {SUPPORT}
    assert office.shown(late) == ["1@calderon.example"]
    assert homes(office, late) == {BILLING}


YES_NO = (False, True)


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("outcome", [Outcome.PLACED, Outcome.REVIEW])
def test_the_decision_for_every_combination(office: Office, outcome: Outcome, strength: Strength) -> None:
    """Shown only: never in review, never where moved; begun by it and sent there; or proven, taking part and named."""
    for third, begins, moved, named, at_once in itertools.product(YES_NO, repeat=5):
        message = Message(
            id="m", direction="in", digest="d", message_id="x", at=office.now, size=1, outcome=outcome,
            strength=strength, verified=strength in PROVEN_ONES, why=[{"third": True}] if third else [],
        )  # fmt: skip
        shown, why = may_show(message, begins=begins, moved=moved, named=named, at_once=at_once)
        fine = outcome != Outcome.REVIEW and strength != Strength.FAILING and not moved
        proven = message.verified and not third and named
        assert shown == (fine and ((begins and (named or at_once)) or proven))
        assert why


def test_a_mailbox_that_only_shows_conversations_of_others_can_be_deleted(office: Office) -> None:
    first, _ = both(office, mail(ANA, "Lamp", "1@calderon.example", BOTH))

    def delete(session: Session) -> None:
        found = channels.channel_by_address(session, BILLING)
        assert found
        channels.delete_channel(session, found.id)

    office.ledger.write(delete)
    assert homes(office, first) == {SUPPORT}


def test_the_arrival_tells_where_it_is_shown(office: Office) -> None:
    _, second = both(office, mail(ANA, "Lamp", "1@calderon.example", BOTH))
    with office.ledger.database.session() as session:
        told = [row.outcome_why for row in arrivals_of(session, second.message_id or "") if row.channel_id]
    assert told == [second.why]
