"""Claiming: oldest first, each once, and past long queues of domains that have no room."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.store.claims import claim, claim_chosen, due
from tests.store.test_deliveries import send

LEASE = timedelta(minutes=30)


def only_live(found: Sequence[tuple[str, str]], free: int) -> tuple[list[str], set[str]]:
    """No domain but live.example has room."""
    domains = {recipient: recipient.rpartition("@")[2] for _, recipient in found}
    chosen = [key for key, recipient in found if domains[recipient] == "live.example"]
    return chosen[:free], {domain for domain in domains.values() if domain != "live.example"}


def put(ledger: Ledger, recipients: list[str], now: datetime) -> None:
    ledger.write(lambda session: send(session, recipients, now))


def test_the_longest_due_come_first_whatever_their_state(ledger: Ledger, database: Database, now: datetime) -> None:
    for minute, name in ((2, "late"), (0, "early"), (1, "middle"), (9, "not yet")):
        put(ledger, [f'"{name}"@x.example'], now + timedelta(minutes=minute))
    abandoned = ledger.write(lambda session: claim(session, 1, timedelta(seconds=90), now))
    with database.session() as session:
        found = [recipient for _, recipient in due(session, 10, now + timedelta(minutes=2))]
    assert found == ['"middle"@x.example', '"early"@x.example', '"late"@x.example']
    again = ledger.write(lambda session: claim(session, 10, LEASE, now + timedelta(minutes=2)))
    assert len(again) == 3
    assert next(one for one in again if one.delivery_id == abandoned[0].delivery_id).fence == 2
    assert ledger.write(lambda session: claim(session, 10, LEASE, now + timedelta(minutes=2))) == []


def test_domains_without_room_are_passed_over(ledger: Ledger, now: datetime) -> None:
    for domain, count in (("dead.example", 700), ("slow.example", 300), ("live.example", 3)):
        put(ledger, [f"n{n}@{domain}" for n in range(count)], now)
        now += timedelta(seconds=1)
    claims, full = ledger.write(lambda session: claim_chosen(session, 20, LEASE, now, only_live))
    assert [one.recipient for one in claims] == ["n0@live.example", "n1@live.example", "n2@live.example"]
    assert full == {"dead.example", "slow.example"}
    claims, full = ledger.write(lambda session: claim_chosen(session, 20, LEASE, now, only_live, full))
    assert (claims, full) == ([], {"dead.example", "slow.example"})


def test_a_quoted_at_sign_hides_no_domain(ledger: Ledger, now: datetime) -> None:
    ledger.write(lambda session: send(session, ['"a@dead.example"@live.example', "b@dead.example"], now))
    claims, _ = ledger.write(lambda session: claim_chosen(session, 9, LEASE, now, only_live, {"dead.example"}))
    assert [one.recipient for one in claims] == ['"a@dead.example"@live.example']
