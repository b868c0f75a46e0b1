from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Suppression
from gatepost.reply import Reply
from gatepost.store import deliveries, suppressions
from gatepost.store.deliveries import Result
from gatepost.store.events import events_after
from gatepost.store.suppressions import suppressed_among
from gatepost.suppression import EXPIRES, REMEMBERED
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import claim_all, send

NOBODY = Reply(550, "5.1.1", "no such user")
SWITCHED_OFF = Reply(550, "5.2.1", "mailbox disabled")
ANA = "Ana@x.example"


def attempt(ledger: Ledger, reply: Reply, now: datetime, recipient: str = ANA, route: str = "relay") -> str:
    """Send one mail whose only attempt is answered so; the delivery's id."""
    (row,) = ledger.write(lambda session: send(session, [recipient], now))
    (claim,) = claim_all(ledger, now)
    state = DeliveryState.DELIVERED if reply.positive else DeliveryState.FAILED
    result = Result(state, reply, "mx.example", route, None)
    assert ledger.write(lambda session: record_reply(session, claim, result, now))
    return row.id


def attempt_both(ledger: Ledger, now: datetime) -> None:
    """Two mails under way at once: the first proves that the address is wrong, the second that it is right."""
    for _ in range(2):
        ledger.write(lambda session: send(session, [ANA], now))
    refused, taken = claim_all(ledger, now)
    for claim, state, reply in ((refused, DeliveryState.FAILED, NOBODY), (taken, DeliveryState.DELIVERED, Reply(250))):
        result = Result(state, reply, "mx.example", "relay", None)
        assert ledger.write(lambda s, c=claim, r=result: record_reply(s, c, r, now))  # type: ignore[misc]


def bounce(ledger: Ledger, delivery_id: str, reply: Reply, proven: bool, now: datetime) -> None:
    def op(session: Session) -> None:
        row = deliveries.get_delivery(session, delivery_id)
        assert row
        deliveries.record_report(session, row, DeliveryState.BOUNCED, reply, "", proven, now)

    ledger.write(op)


def listed(database: Database, now: datetime) -> list[Suppression]:
    with database.session() as session:
        return suppressed_among(session, [ANA, "ben@x.example"], now)


def test_one_unknown_user_at_rcpt_is_enough_and_the_proof_is_kept(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    delivery_id = attempt(ledger, NOBODY, now)
    (row,) = listed(database, now)
    assert (row.address, row.source, row.delivery_id) == ("ana@x.example", "dialogue", delivery_id)
    assert "does not exist" in row.reason
    assert "550 5.1.1 no such user" in row.evidence
    told = suppressions.sentence(row)
    assert all(part in told for part in ("ana@x.example", "since 2026-11-22", "does not exist", "remove it"))
    with database.session() as session:
        event = events_after(session, 0)[-1]
    assert (event.kind, event.data["address"]) == ("suppression.added", "ana@x.example")


def test_an_entry_ends_by_itself(ledger: Ledger, database: Database, now: datetime) -> None:
    attempt(ledger, NOBODY, now)
    assert listed(database, now + EXPIRES - timedelta(seconds=1))
    assert not listed(database, now + EXPIRES)


def test_other_hard_failures_count_from_the_second_mail_on(ledger: Ledger, database: Database, now: datetime) -> None:
    attempt(ledger, SWITCHED_OFF, now)
    assert not listed(database, now)
    attempt(ledger, SWITCHED_OFF, now + timedelta(days=1))
    assert listed(database, now)


def test_a_success_between_two_failures_clears_the_first(ledger: Ledger, database: Database, now: datetime) -> None:
    attempt(ledger, SWITCHED_OFF, now)
    attempt(ledger, Reply(250, "2.0.0", "ok"), now + timedelta(hours=1))
    attempt(ledger, SWITCHED_OFF, now + timedelta(hours=2))
    assert not listed(database, now)


def test_old_failures_are_forgotten(ledger: Ledger, database: Database, now: datetime) -> None:
    attempt(ledger, SWITCHED_OFF, now)
    attempt(ledger, SWITCHED_OFF, now + REMEMBERED)
    assert not listed(database, now)


def test_bounces_count_only_at_the_signed_return_path(ledger: Ledger, database: Database, now: datetime) -> None:
    for proven in (False, False, True):
        bounce(ledger, attempt(ledger, Reply(250), now), NOBODY, proven, now)
        now += timedelta(minutes=1)
    assert not listed(database, now)


def test_two_bounces_at_the_signed_return_path_are_enough(ledger: Ledger, database: Database, now: datetime) -> None:
    first, second = attempt(ledger, Reply(250), now), attempt(ledger, Reply(250), now)
    bounce(ledger, first, SWITCHED_OFF, True, now + timedelta(minutes=1))
    bounce(ledger, first, SWITCHED_OFF, True, now + timedelta(minutes=1))
    assert not listed(database, now)
    bounce(ledger, second, SWITCHED_OFF, True, now + timedelta(minutes=2))
    (row,) = listed(database, now)
    assert row.source == "return path"


def test_complaint_32_spam_and_a_full_mailbox_never_suppress(ledger: Ledger, database: Database, now: datetime) -> None:
    for reply in (Reply(554, "5.7.1", "spam"), Reply(552, "5.2.2", "full"), Reply(550, None, "blocked using spamhaus")):
        for _ in range(4):
            attempt(ledger, reply, now)
    assert not listed(database, now)


def test_the_sandbox_proves_nothing(ledger: Ledger, database: Database, now: datetime) -> None:
    attempt(ledger, NOBODY, now, route="sandbox")
    attempt(ledger, SWITCHED_OFF, now, route="sandbox")
    attempt(ledger, SWITCHED_OFF, now, route="relay")
    assert not listed(database, now)


def test_a_success_takes_an_address_off_but_not_one_that_a_person_put_there(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    attempt_both(ledger, now)
    assert not listed(database, now)
    ledger.write(lambda session: send(session, [ANA, ANA.replace("@x", "@y")], now))
    queued = claim_all(ledger, now)
    ledger.write(
        lambda s: suppressions.suppress(
            s, ANA, "asked us to stop", source="person", now=now, expires_at=None, user_id="usr"
        )
    )
    for claim in queued:
        result = Result(DeliveryState.DELIVERED, Reply(250), "mx.example", "relay", None)
        assert ledger.write(lambda s, c=claim, r=result: record_reply(s, c, r, now))  # type: ignore[misc]
    (row,) = listed(database, now)
    assert (row.reason, row.source, row.expires_at) == ("asked us to stop", "person", None)
    assert ledger.write(lambda s: suppressions.unsuppress(s, "ANA@x.example", "asked again", now, "usr"))
    assert not ledger.write(lambda s: suppressions.unsuppress(s, ANA, "asked again", now, "usr"))
    assert not listed(database, now)
    with database.session() as session:
        event = events_after(session, 0)[-1]
    assert (event.kind, event.user_id) == ("suppression.removed", "usr")


def test_the_list_is_searched_and_counted(ledger: Ledger, database: Database, now: datetime) -> None:
    for at, recipient in enumerate(("a_b@x.example", "axb@x.example", "c@y.example")):
        attempt(ledger, NOBODY, now + timedelta(minutes=at), recipient)
    with database.session() as session:
        assert suppressions.list_suppressions(session)[0].address == "c@y.example"
        assert [row.address for row in suppressions.list_suppressions(session, "A_B")] == ["a_b@x.example"]
        assert suppressions.count_suppressions(session, now) == 3
        assert suppressions.count_suppressions(session, now + EXPIRES + timedelta(hours=1)) == 0
        assert len(suppressed_among(session, [f"{n}@z.example" for n in range(1200)] + ["C@y.example"], now)) == 1


def test_a_report_about_an_earlier_try_does_not_stop_what_is_sent_again(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    (row,) = ledger.write(lambda session: send(session, [ANA], now))
    (claim,) = claim_all(ledger, now)
    bounce(ledger, row.id, SWITCHED_OFF, True, now)
    result = Result(DeliveryState.DELIVERED, Reply(250), "mx.example", "relay", None)
    assert ledger.write(lambda session: record_reply(session, claim, result, now))


def test_a_proven_receipt_ends_the_doubt(ledger: Ledger, database: Database, now: datetime) -> None:
    (row,) = ledger.write(lambda session: send(session, [ANA], now))
    (claim,) = claim_all(ledger, now)
    lost = Result(DeliveryState.UNCERTAIN, Reply(None, "4.4.2", "connection lost"), "mx.example", "relay", None)
    ledger.write(lambda session: record_reply(session, claim, lost, now))

    def receipt(session: Session, proven: bool) -> str:
        delivery = deliveries.get_delivery(session, row.id)
        assert delivery
        deliveries.record_report(session, delivery, DeliveryState.DELIVERED, Reply(None, "2.0.0"), "", proven, now)
        session.expire_all()
        found = deliveries.get_delivery(session, row.id)
        assert found
        return found.state

    assert ledger.write(lambda session: receipt(session, False)) == DeliveryState.UNCERTAIN
    assert ledger.write(lambda session: receipt(session, True)) == DeliveryState.DELIVERED
