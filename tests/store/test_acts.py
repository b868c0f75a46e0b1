from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlmodel import Session

from gatepost.acts import FROM, Actor, may
from gatepost.database import Database
from gatepost.gateway import acts
from gatepost.ledger import Ledger
from gatepost.model import Delivery
from gatepost.reply import Reply
from gatepost.store import conversations, deliveries, suppressions
from gatepost.store.deliveries import Result
from gatepost.store.events import message_events
from gatepost.store.queue import Which
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import LEASE, REFUSED, claim_all, result, send

ANA = Actor("Ana Admin", "usr_ana")
RETRIED = frozenset(("queued", "delayed", "failed", "bounced", "expired", "uncertain", "suppressed"))


def row_of(database: Database, delivery_id: str) -> Delivery:
    with database.session() as session:
        row = deliveries.get_delivery(session, delivery_id)
        assert row
        return row


def put_state(ledger: Ledger, state: DeliveryState, now: datetime, recipient: str = "a@x.example") -> Delivery:
    """A delivery in this state, the way it comes there."""
    (row,) = ledger.write(lambda session: send(session, [recipient], now))
    if state in (DeliveryState.HELD, DeliveryState.CANCELLED):
        act = "hold" if state == DeliveryState.HELD else "cancel"
        acts.perform(ledger.database, ledger, act, Which(ids=(row.id,)), ANA, now)
    elif state != DeliveryState.QUEUED:
        claim = next(claim for claim in claim_all(ledger, now) if claim.delivery_id == row.id)
        if state != DeliveryState.SENDING:
            due = now + timedelta(hours=1) if state == DeliveryState.DELAYED else None
            reply = Reply(250) if state == DeliveryState.DELIVERED else Reply(450 if due else 550)
            ledger.write(lambda session: record_reply(session, claim, result(state, reply, due), now))
    return row_of(ledger.database, row.id)


@pytest.mark.parametrize(("act", "state"), list(product(("retry", "hold", "release", "cancel"), DeliveryState)))
def test_what_goes_in_which_state_is_one_table(
    ledger: Ledger, database: Database, now: datetime, act: str, state: DeliveryState
) -> None:
    row = put_state(ledger, state, now)
    which = Which(ids=(row.id,))
    before = acts.preview(database, act, which, now)
    done = acts.perform(database, ledger, act, which, ANA, now)
    after = row_of(database, row.id)
    allowed = state in FROM[act] and state != DeliveryState.SENDING
    assert done.changed == before.total == int(allowed)
    assert bool(done.refused) != allowed
    if not allowed:
        assert after.state == state
        return
    expected = {"retry": "queued", "hold": "held", "release": "queued", "cancel": "cancelled"}[act]
    assert after.state == expected
    assert after.fence > row.fence
    assert after.next_attempt_at == (now if expected == "queued" else None)
    with database.session() as session:
        last = deliveries.delivery_events(session, row.id)[-1]
        event = [event for event in message_events(session, row.message_id) if event.user_id][-1]
    assert (last.state, last.source) == (expected, "person")
    assert "Ana Admin" in last.text
    assert (event.user_id, event.delivery_id, event.data["from"]) == ("usr_ana", row.id, state)


def test_who_may_be_tried_again() -> None:
    assert {state for state in DeliveryState if may("retry", state)[0]} == RETRIED
    assert may("cancel", "sending", leased=True)[1].startswith("it is just being sent")
    assert may("cancel", "sending", leased=False)[0]
    assert not may("retry", "delivered")[0]


def test_what_is_being_sent_cannot_be_cancelled_until_its_lease_has_run_out(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    (row,) = ledger.write(lambda session: send(session, ["a@x.example"], now))
    (claim,) = claim_all(ledger, now)
    done = acts.perform(database, ledger, "cancel", Which(), ANA, now)
    assert (done.changed, list(done.refused)) == (0, [may("cancel", "sending", leased=True)[1]])
    assert acts.perform(database, ledger, "cancel", Which(), ANA, now + LEASE).changed == 1
    late = result(DeliveryState.DELIVERED, Reply(250))
    assert not ledger.write(lambda session: record_reply(session, claim, late, now + LEASE))
    after = row_of(database, row.id)
    assert (after.state, after.lease_until) == (DeliveryState.CANCELLED, None)


def test_an_act_applies_to_what_fits_the_filter_and_nothing_else(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    def op(session: Session) -> str:
        row = conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
        send(session, ["a@x.example", "b@y.example"], now, row.id)
        send(session, ["a@x.example"], now)
        return row.id

    conversation = ledger.write(op)
    for which, fits in (
        (Which(conversation=conversation), 2),
        (Which(conversation="con_none"), 0),
        (Which(recipient="A@x.example"), 2),
        (Which(domain="y.example"), 1),
        (Which(states=("queued",)), 3),
        (Which(states=("failed",)), 0),
        (Which(code="550"), 0),
        (Which(credential="crd_none"), 0),
        (Which(channels=frozenset(("chn_none",))), 0),
        (Which(), 3),
    ):
        assert acts.preview(database, "hold", which, now).total == fits, which
    assert acts.perform(database, ledger, "hold", Which(domain="y.example"), ANA, now).changed == 1
    with database.session() as session:
        assert deliveries.count_states(session) == {"queued": 2, "held": 1}


def test_failures_are_found_by_their_code(ledger: Ledger, database: Database, now: datetime) -> None:
    ledger.write(lambda session: send(session, ["a@x.example", "b@x.example"], now))
    one, two = claim_all(ledger, now)
    ledger.write(lambda s: record_reply(s, one, result(DeliveryState.FAILED, Reply(554, "5.7.1")), now))
    ledger.write(lambda s: record_reply(s, two, result(DeliveryState.FAILED, Reply(550, "5.4.4")), now))
    for code in ("554", "5.7.1"):
        assert acts.preview(database, "retry", Which(code=code), now).ready == {"failed": 1}


def test_trying_again_clears_the_marks_and_needs_the_address_off_the_list(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    def op(session: Session) -> str:
        row = conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
        send(session, ["a@x.example"], now, row.id)
        return row.id

    conversation = ledger.write(op)
    (claim,) = claim_all(ledger, now)
    ledger.write(lambda s: record_reply(s, claim, result(DeliveryState.FAILED, REFUSED), now))
    done = acts.perform(database, ledger, "retry", Which(), ANA, now)
    assert done.changed == 0
    assert "suppression list" in next(iter(done.refused))
    ledger.write(lambda session: suppressions.unsuppress(session, "a@x.example", "works", now))
    later = now + timedelta(days=9)
    assert acts.perform(database, ledger, "retry", Which(), ANA, later).changed == 1
    row = row_of(database, claim.delivery_id)
    assert (row.state, row.code, row.status, row.created_at) == ("queued", None, None, later)
    with database.session() as session:
        found = conversations.get_conversation(session, conversation)
        assert found
        assert (found.failed, found.tags) == (0, [])


def test_a_corrected_address_gets_the_same_mail_as_a_delivery_of_its_own(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    old = put_state(ledger, DeliveryState.FAILED, now, "ana@calderon.exmaple")
    new = row_of(database, acts.resend(ledger, old.id, "Ana@calderon.example", ANA, now))
    assert (new.message_id, new.recipient, new.state) == (old.message_id, "Ana@calderon.example", "queued")
    was = row_of(database, old.id)
    assert (was.state, was.next_attempt_at) == (DeliveryState.CANCELLED, None)
    assert "Ana@calderon.example instead, by Ana Admin" in was.text
    with database.session() as session:
        states = [event.state for event in deliveries.delivery_events(session, old.id)]
        event = message_events(session, old.message_id)[-1]
    assert states == ["failed", "cancelled"]
    assert (event.kind, event.user_id) == ("delivery.readdressed", "usr_ana")
    assert (event.delivery_id, event.data["old_delivery"]) == (new.id, old.id)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("no address", "@"),
        ("A@x.example", "is the address it was sent to"),
        ("b@x.example", "is a recipient of this mail already"),
        ("gone@x.example", "suppression list"),
    ],
)
def test_a_correction_goes_through_the_same_checks(
    ledger: Ledger, database: Database, now: datetime, address: str, problem: str
) -> None:
    rows = ledger.write(lambda session: send(session, ["a@x.example", "b@x.example"], now))
    ledger.write(
        lambda s: suppressions.suppress(s, "gone@x.example", "gone", source="person", now=now, expires_at=None)
    )
    with pytest.raises(ValueError, match=problem):
        acts.resend(ledger, rows[0].id, address, ANA, now)
    with database.session() as session:
        assert deliveries.count_states(session) == {"queued": 2}


def test_what_was_delivered_or_is_being_sent_is_not_readdressed(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    for state in (DeliveryState.DELIVERED, DeliveryState.SENDING):
        row = put_state(ledger, state, now)
        with pytest.raises(ValueError, match="cannot be sent to another address: it"):
            acts.resend(ledger, row.id, "new@x.example", ANA, now)


def test_complaint_27_an_uncertain_one_waits_for_a_person_and_stays_so_when_readdressed(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    row = put_state(ledger, DeliveryState.UNCERTAIN, now)
    assert claim_all(ledger, now + timedelta(days=1)) == []
    acts.resend(ledger, row.id, "new@x.example", ANA, now)
    assert row_of(database, row.id).state == DeliveryState.UNCERTAIN
    assert acts.perform(database, ledger, "retry", Which(ids=(row.id,)), ANA, now).changed == 1


def test_complaint_28_a_late_worker_cannot_overwrite_what_a_person_sent_again(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    (row,) = ledger.write(lambda session: send(session, ["a@x.example"], now))
    (first,) = claim_all(ledger, now)
    assert acts.perform(database, ledger, "hold", Which(), ANA, now + LEASE).changed == 1
    assert acts.perform(database, ledger, "release", Which(), ANA, now + LEASE).changed == 1
    (second,) = claim_all(ledger, now + LEASE)
    failed = Result(DeliveryState.FAILED, REFUSED, "", "relay", None)
    assert not ledger.write(lambda s: record_reply(s, first, failed, now))
    assert ledger.write(lambda s: record_reply(s, second, result(DeliveryState.DELIVERED, Reply(250)), now))
    assert row_of(database, row.id).state == DeliveryState.DELIVERED
