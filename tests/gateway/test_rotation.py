"""gatepost.gateway.rotation and domain_watch over a real DNS server: each step waits for its evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gatepost.domain_key import ED25519, RSA, KeyState
from gatepost.gateway.accept import Gate, signers_for
from gatepost.gateway.authenticate import dkim_only
from gatepost.gateway.domain_watch import check_domain, check_due, wanted_records
from gatepost.gateway.rotation import NotNow, advance, next_step, roll_back
from gatepost.gateway.signing import LIFETIME, sign_all
from gatepost.model import Domain, DomainKey
from gatepost.resolver import dns_resolver
from gatepost.store.domains import create_domain, domain_keys, get_domain
from gatepost.store.events import events_after
from tests.fakes.dns import DnsServer, dns_server
from tests.fakes.published import published

MAIL = b"From: anna@northwind.de\r\nSubject: Hello\r\n\r\nText\r\n"
OUTSIDE = (
    "mail.gatepost.test. IN A 192.0.2.7",
    '_dmarc.northwind.de. IN TXT "v=DMARC1; p=none"',
    'northwind.de. IN TXT "v=spf1 a:mail.gatepost.test ~all"',
)


class Owner:
    """The domain northwind.de, its owner and its DNS server."""

    def __init__(self, gate: Gate, now: datetime, server: DnsServer) -> None:
        self.gate, self.now, self.server = gate, now, server
        made = gate.ledger.write(lambda session: create_domain(session, gate.keys, "northwind.de", now))
        self.id = made.id

    def state(self) -> tuple[Domain, list[DomainKey]]:
        with self.gate.database.session() as session:
            domain = get_domain(session, self.id)
            assert domain is not None
            return domain, domain_keys(session, self.id)

    def states(self, algorithm: str = RSA) -> list[str]:
        return [key.state for key in self.state()[1] if key.algorithm == algorithm]

    def publish(self, *without: str) -> None:
        """Publish what the page shows, but for these selectors."""
        with self.gate.database.session() as session:
            records = wanted_records(session, self.gate.settings, self.state()[0])
        self.server.zone = published(
            [r for r in records if r.kind.startswith("dkim") and r.name.partition(".")[0] not in without], *OUTSIDE
        )

    def check(self) -> None:
        check_domain(self.gate, self.id, dns_resolver([self.server.address], timeout=1.0), self.now)

    def step(self) -> str:
        return next_step(*self.state(), RSA, self.now).step

    def signed(self) -> list[tuple[str, str]]:
        """Who signs a mail now, as a receiver with this DNS sees it."""
        self.gate.signers.clear()
        mail = sign_all(MAIL, signers_for(self.gate, "northwind.de", self.now), self.now)
        found = dkim_only(mail, resolver=dns_resolver([self.server.address], timeout=1.0), now=self.now)
        return [(each.selector, each.result) for each in found.dkim]

    def events(self, kind: str) -> list[dict[str, object]]:
        with self.gate.database.session() as session:
            return [event.data for event in events_after(session, 0) if event.kind == kind]


@pytest.fixture
def owner(gate: Gate, now: datetime) -> Iterator[Owner]:
    with dns_server({}) as server:
        yield Owner(gate, now, server)


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(NotNow, match=words):
        yield


def test_a_key_is_replaced_without_a_mail_that_cannot_be_verified(owner: Owner) -> None:
    owner.publish("gp202611ed")
    owner.check()
    assert owner.signed() == [("gp202611", "pass")]
    assert owner.step() == "begin"
    advance(owner.gate, owner.id, RSA, owner.now)
    with refused("not seen in the DNS"):
        advance(owner.gate, owner.id, RSA, owner.now)
    owner.check()
    assert owner.states() == ["signing", "made"], "a check alone publishes nothing"
    owner.publish("gp202611ed")
    owner.check()
    assert owner.states() == ["signing", "seen"]
    assert owner.signed() == [("gp202611", "pass")]
    advance(owner.gate, owner.id, RSA, owner.now)
    assert owner.signed() == [("gp202611", "pass"), ("gp202611-a", "pass")]
    advance(owner.gate, owner.id, RSA, owner.now)
    assert owner.signed() == [("gp202611-a", "pass")]
    with refused("may be verified until 2026-12-06"):
        advance(owner.gate, owner.id, RSA, owner.now + LIFETIME - timedelta(seconds=1))
    advance(owner.gate, owner.id, RSA, owner.now + LIFETIME)
    old = owner.state()[1][0]
    assert (old.state, old.private_sealed) == (KeyState.RETIRED, b"")
    assert [step["state"] for step in owner.state()[1][1].steps] == ["made", "seen", "signing"]
    assert "our resolver found it at gp202611-a._domainkey.northwind.de" in owner.state()[1][1].steps[1]["why"]
    assert [data["step"] for data in owner.events("domain.rotated")] == ["begin", "both", "switch", "retire"]
    assert owner.step() == "begin"


def test_every_step_leads_back(owner: Owner) -> None:
    with refused("nothing to go back to"):
        roll_back(owner.gate, owner.id, RSA, owner.now)
    advance(owner.gate, owner.id, RSA, owner.now)
    roll_back(owner.gate, owner.id, RSA, owner.now)
    assert owner.states() == ["signing", "retired"]
    advance(owner.gate, owner.id, RSA, owner.now)
    owner.publish("gp202611ed")
    owner.check()
    advance(owner.gate, owner.id, RSA, owner.now)
    roll_back(owner.gate, owner.id, RSA, owner.now)
    assert owner.states() == ["signing", "retired", "stopped"]
    assert owner.signed() == [("gp202611", "pass")]
    assert owner.step() == "retire"
    roll_back(owner.gate, owner.id, RSA, owner.now)
    assert owner.states() == ["stopped", "retired", "signing"]


def test_after_the_switch_only_a_published_key_comes_back(owner: Owner) -> None:
    advance(owner.gate, owner.id, RSA, owner.now)
    owner.publish()
    owner.check()
    advance(owner.gate, owner.id, RSA, owner.now)
    advance(owner.gate, owner.id, RSA, owner.now)
    owner.publish("gp202611")
    owner.check()
    with refused("did not find gp202611"):
        roll_back(owner.gate, owner.id, RSA, owner.now)
    owner.publish()
    owner.check()
    roll_back(owner.gate, owner.id, RSA, owner.now)
    assert [selector for selector, _ in owner.signed()] == ["gp202611", "gp202611ed"]


def test_a_new_key_that_vanished_does_not_sign(owner: Owner) -> None:
    advance(owner.gate, owner.id, RSA, owner.now)
    owner.publish()
    owner.check()
    owner.publish("gp202611-a")
    owner.check()
    with refused("did not find gp202611-a"):
        advance(owner.gate, owner.id, RSA, owner.now)


def test_the_second_key_signs_as_soon_as_it_is_published(owner: Owner) -> None:
    owner.publish("gp202611ed")
    owner.check()
    assert owner.states(ED25519) == ["made"]
    owner.publish()
    owner.check()
    assert owner.states(ED25519) == ["signing"]
    assert owner.signed() == [("gp202611", "pass"), ("gp202611ed", "pass")]


def test_the_first_key_seen_proves_the_domain(owner: Owner) -> None:
    owner.check()
    assert owner.state()[0].verified_at is None
    owner.publish("gp202611ed")
    owner.check()
    assert owner.state()[0].verified_at == owner.now
    owner.check()
    assert owner.events("domain.verified") == [{"domain": "northwind.de"}]


def test_what_breaks_and_heals_is_told_once(owner: Owner) -> None:
    owner.publish()
    owner.check()
    first = owner.now
    assert owner.events("domain.broken") == []
    owner.publish("gp202611")
    for _ in range(2):
        owner.now += timedelta(days=1)
        owner.check()
    (broken,) = owner.events("domain.broken")
    assert broken["record"] == "gp202611._domainkey.northwind.de"
    assert "there is no TXT record" in str(broken["why"])
    assert owner.state()[0].broken_at == first + timedelta(days=1)
    owner.server.faults["gp202611._domainkey.northwind.de"] = "servfail"
    owner.check()
    assert owner.state()[0].broken_at == first + timedelta(days=1), "no answer says neither"
    assert owner.events("domain.healed") == []
    owner.server.faults.clear()
    owner.publish()
    owner.check()
    assert len(owner.events("domain.healed")) == 1
    assert owner.state()[0].broken_at is None
    assert owner.state()[0].verified_at == first


def test_each_domain_is_looked_at_once_a_day(owner: Owner) -> None:
    owner.gate.ledger.write(lambda session: create_domain(session, owner.gate.keys, "trial.test", owner.now))
    resolver = dns_resolver([owner.server.address], timeout=1.0)
    day = timedelta(days=1)
    checked = [
        check_due(owner.gate, resolver, owner.now + after) for after in (0 * day, day / 2, day, 1.5 * day, 3 * day)
    ]
    assert checked == [1, 0, 0, 1, 1]


def test_a_step_that_somebody_else_took_is_not_taken_twice(owner: Owner) -> None:
    other = replace(owner.gate)
    advance(owner.gate, owner.id, RSA, owner.now)
    owner.publish()
    owner.check()
    advance(other, owner.id, RSA, owner.now)
    assert owner.states() == ["signing", "signing"]
    with refused("not there any more"):
        advance(owner.gate, "dom_none", RSA, owner.now)
