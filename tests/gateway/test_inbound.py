"""What stands behind the MX listener, over a real store: known recipients, outcomes, faults of ours."""

import asyncio
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.envelope import Envelope
from gatepost.gateway.inbound import Inbound, known_recipient, receive_mail, sweep
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Arrival
from gatepost.reply import TROUBLE, Reply
from gatepost.resolver import NoSuchName
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.arrivals import count_try
from gatepost.store.channels import create_channel, set_aliases
from gatepost.store.messages import raw_of
from gatepost.threading.intake import Desk
from gatepost.tokens import reply_address, return_path, unsubscribe_address
from gatepost.words import Outcome, Strength
from tests.fakes.dns import DictResolver

SUPPORT = "support@gatepost.test"
RAW = b"From: Ana <ana@calderon.example>\r\nTo: support@gatepost.test\r\nMessage-ID: <1@c>\r\n\r\nHello\r\n"
ZONE = DictResolver(
    TXT={
        "calderon.example": [b"v=spf1 ip4:192.0.2.1 -all"],
        "_dmarc.calderon.example": [b"v=DMARC1; p=reject"],
    }
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def inbound(settings: Settings, database: Database, ledger: Ledger, keys: Keys, clock: Clock) -> Inbound:
    def op(session: Session) -> None:
        channel = create_channel(session, name="Support", address=SUPPORT, now=clock.now)
        set_aliases(session, channel.id, ["help@gatepost.test"])
        create_channel(session, name="Far", address="far@gatepost.test", by_mx=False, now=clock.now)

    ledger.write(op)
    return Inbound(Desk(settings, keys, Blobs(settings.path(settings.var))), database, ledger, ZONE, clock)


def come_in(inbound: Inbound, raw: bytes = RAW, *recipients: str, ip: str = "192.0.2.1") -> Reply:
    envelope = Envelope("ana@calderon.example", recipients or (SUPPORT,), raw, remote_ip=ip, helo="mx.calderon.example")
    return asyncio.run(receive_mail(inbound, envelope))


def arrivals(inbound: Inbound) -> list[Arrival]:
    with inbound.database.session() as session:
        return list(session.exec(select(Arrival).order_by(Arrival.recipient)))


def test_only_addresses_of_ours_are_known(inbound: Inbound) -> None:
    keys, settings = inbound.desk.keys, inbound.desk.settings
    known = [
        SUPPORT,
        "Support@gatepost.test",
        "support+billing@gatepost.test",
        "help@gatepost.test",
        f"{reply_address(keys, new_id('msg'))}@{settings.replies}",
        f"{unsubscribe_address(keys, new_id('dlv'))}@{settings.replies}",
        f"{return_path(keys, new_id('dlv'))}@{settings.bounces}",
    ]
    unknown = [
        "nobody@gatepost.test",
        "support@elsewhere.example",
        "far@gatepost.test",
        f"support@{settings.replies}",
        f"r+aaaa@{settings.replies}",
        f"u+aaaa@{settings.replies}",
        f"{unsubscribe_address(keys, new_id('dlv'))}@{settings.bounces}",
        f"{return_path(keys, new_id('dlv'))}@{settings.replies}",
        f"b+aaaa@{settings.bounces}",
        "support@gatepost.test@elsewhere.example",
        "",
    ]

    async def scenario() -> None:
        for address in known:
            assert await known_recipient(inbound, address), address
        for address in unknown:
            assert not await known_recipient(inbound, address), address

    asyncio.run(scenario())


def test_a_mail_is_authenticated_stored_and_placed(inbound: Inbound) -> None:
    reply = come_in(inbound)
    assert (reply.code, reply.status) == (250, "2.0.0")
    (arrival,) = arrivals(inbound)
    assert (arrival.outcome, arrival.strength) == (Outcome.PLACED, Strength.ALIGNED)
    assert arrival.auth["spf"]["result"] == "pass"
    assert (arrival.helo, arrival.remote_ip) == ("mx.calderon.example", "192.0.2.1")
    with inbound.database.session() as session:
        assert raw_of(session, arrival.raw_id, inbound.desk.blobs) == RAW


def test_two_recipients_are_two_arrivals_of_one_message(inbound: Inbound) -> None:
    come_in(inbound, RAW, SUPPORT, "help@gatepost.test")
    first, second = arrivals(inbound)
    assert first.message_id == second.message_id
    assert first.raw_id == second.raw_id


def test_octets_that_came_before_are_kept_once_more(inbound: Inbound, clock: Clock) -> None:
    """What the earlier arrival holds may be deleted for ever with it, which sees only those of its own time."""
    come_in(inbound)
    clock.now += timedelta(hours=1)
    come_in(inbound, RAW, SUPPORT, "help@gatepost.test", "support+shop@gatepost.test")
    later, shop, first = sorted(arrivals(inbound), key=lambda one: len(one.recipient))
    by_name = {one.recipient: one.raw_id for one in (later, shop, first)}
    assert len(set(by_name.values())) == 2
    assert by_name["help@gatepost.test"] == by_name["support+shop@gatepost.test"]


def test_a_policy_of_reject_is_obeyed_and_the_mail_is_kept(inbound: Inbound) -> None:
    reply = come_in(inbound, ip="203.0.113.9")
    assert (reply.code, reply.status) == (550, "5.7.26")
    (arrival,) = arrivals(inbound)
    assert arrival.outcome == Outcome.REFUSED
    assert "calderon.example" in arrival.outcome_why


def test_a_policy_of_quarantine_leads_to_review_with_the_verdict_stored(inbound: Inbound) -> None:
    texts = dict(ZONE.TXT) | {"_dmarc.calderon.example": [b"v=DMARC1; p=quarantine"]}
    setting_aside = replace(inbound, resolver=DictResolver(TXT=texts))
    assert come_in(setting_aside, ip="203.0.113.9").code == 250
    (arrival,) = arrivals(inbound)
    assert (arrival.outcome, arrival.strength) == (Outcome.REVIEW, Strength.FAILING)
    assert arrival.auth["results"].startswith("mail.gatepost.test;")
    assert "dmarc=fail" in arrival.auth["results"]


def test_a_fault_of_ours_is_temporary_and_the_same_mail_ends_once(
    inbound: Inbound, database: Database, clock: Clock, now: datetime
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE conversation RENAME TO hidden"))
    assert come_in(inbound) == TROUBLE
    (arrival,) = arrivals(inbound)
    assert (arrival.outcome, arrival.tries) == (Outcome.PENDING, 1)
    assert "OperationalError" in arrival.outcome_why
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO conversation"))
    assert come_in(inbound).code == 250
    clock.now = now + timedelta(minutes=5)
    assert asyncio.run(sweep(inbound)) == 0
    (arrival,) = arrivals(inbound)
    assert arrival.outcome == Outcome.PLACED


def test_what_was_stored_but_not_read_is_read_later(inbound: Inbound, database: Database, clock: Clock) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE conversation RENAME TO hidden"))
    assert come_in(inbound) == TROUBLE
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO conversation"))
    assert asyncio.run(sweep(inbound)) == 0, "it is still fresh: its sender may just be trying again"
    clock.now += timedelta(minutes=6)
    assert asyncio.run(sweep(inbound)) == 1
    assert arrivals(inbound)[0].outcome == Outcome.PLACED


def test_a_mail_that_breaks_us_each_time_is_quarantined_not_dropped(
    inbound: Inbound, database: Database, clock: Clock
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE conversation RENAME TO hidden"))
    come_in(inbound)
    for wait in (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=5)):
        clock.now += wait
        asyncio.run(sweep(inbound))
    assert arrivals(inbound)[0].outcome == Outcome.PENDING, "there is time to mend a fault"
    clock.now += timedelta(hours=1)
    asyncio.run(sweep(inbound))
    (arrival,) = arrivals(inbound)
    assert arrival.outcome == Outcome.QUARANTINED
    with inbound.database.session() as session:
        assert raw_of(session, arrival.raw_id, inbound.desk.blobs) == RAW


def test_a_mail_that_was_refused_from_elsewhere_is_received_from_its_own_server(inbound: Inbound) -> None:
    assert come_in(inbound, ip="203.0.113.9").code == 550
    assert come_in(inbound).code == 250
    assert sorted(arrival.outcome for arrival in arrivals(inbound)) == [Outcome.PLACED, Outcome.REFUSED]
    assert come_in(inbound, ip="203.0.113.9").code == 550


def test_a_recipient_that_was_served_keeps_its_outcome_when_another_breaks_us(inbound: Inbound) -> None:
    come_in(inbound)
    (arrival,) = arrivals(inbound)
    for _ in range(4):
        inbound.ledger.write(lambda session: count_try(session, arrival.id, "the other recipient failed"))
    assert arrivals(inbound)[0].outcome == Outcome.PLACED


class Broken:
    """A resolver with a fault of ours in it."""

    def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
        raise RuntimeError(name)

    a: Any = txt
    aaaa: Any = txt
    mx: Any = txt
    srv: Any = txt
    ptr: Any = txt
    tlsa: Any = txt
    authentic: Any = txt


def test_a_mail_that_breaks_authentication_is_kept_for_a_persons_look(inbound: Inbound) -> None:
    assert come_in(replace(inbound, resolver=Broken())).code == 250
    (arrival,) = arrivals(inbound)
    assert (arrival.outcome, arrival.strength) == (Outcome.REVIEW, Strength.FAILING)


def test_silent_name_servers_do_not_keep_other_work_waiting(inbound: Inbound) -> None:
    ended = threading.Event()

    class Silent(Broken):
        def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
            ended.wait(60)
            raise NoSuchName(name)

        a: Any = txt
        aaaa: Any = txt
        mx: Any = txt
        srv: Any = txt
        ptr: Any = txt

    silent = replace(inbound, resolver=Silent())

    async def scenario() -> None:
        raws = [RAW + b"%d\r\n" % number for number in range(40)]
        mails = [asyncio.create_task(receive_mail(silent, Envelope("a@b.example", (SUPPORT,), raw))) for raw in raws]
        await asyncio.sleep(0)
        assert await asyncio.wait_for(known_recipient(inbound, SUPPORT), 30)
        assert not any(mail.done() for mail in mails)
        ended.set()
        assert {reply.code for reply in await asyncio.gather(*mails)} == {250}

    try:
        asyncio.run(scenario())
    finally:
        ended.set()


def test_a_large_mail_is_a_file(inbound: Inbound) -> None:
    raw = RAW + b"x" * 70 + b"\r\n" + b"line of text\r\n" * 20_000
    assert come_in(inbound, raw).code == 250
    with inbound.database.session() as session:
        assert raw_of(session, arrivals(inbound)[0].raw_id, inbound.desk.blobs) == raw
