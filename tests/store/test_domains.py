"""gatepost.store.domains."""

from datetime import datetime

import dns.zone
import pytest
from dns.rdtypes.ANY.TXT import TXT

from gatepost.database import Database
from gatepost.domain_key import algorithm_of, load_key, public_record
from gatepost.ledger import Ledger
from gatepost.seal import Keys, SealError
from gatepost.store import domains


def test_created_domain_is_found_by_name(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> None:
    made = domains.new_domain(keys, "Münster.Example.", now)
    ledger.write(lambda session: domains.add_domain(session, made))
    with database.session() as session:
        found = domains.domain_by_name(session, "xn--mnster-3ya.EXAMPLE")
        assert found is not None
        assert [key.selector for key in domains.domain_keys(session, found.id)] == ["gp202611", "gp202611ed"]
        assert domains.signing_key(session, found).selector == "gp202611"
        assert [domain.name for domain in domains.list_domains(session)] == ["xn--mnster-3ya.example"]
        assert domains.domain_by_name(session, "other.example") is None


def test_the_record_publishes_the_sealed_key(database: Database, keys: Keys, now: datetime) -> None:
    with database.session() as session:
        domain = domains.create_domain(session, keys, "example.test", now)
        name, text = domains.dns_record(session, domain)
        assert name == "gp202611._domainkey.example.test"
        for key in domains.domain_keys(session, domain.id):
            private = load_key(domains.private_key(keys, key))
            assert algorithm_of(private) == key.algorithm
            assert key.public_record == public_record(private)
            assert b"PRIVATE" not in key.private_sealed
        assert text == domains.signing_key(session, domain).public_record


def test_the_zone_line_is_read_back(keys: Keys, now: datetime) -> None:
    new = domains.new_domain(keys, "example.test", now)
    key = new.keys[0]
    line = domains.zone_line(domains.key_name(new.domain, key), key.public_record)
    zone = dns.zone.from_text("$TTL 60\n" + line, "example.test", check_origin=False)
    [(_, _, record)] = list(zone.iterate_rdatas("TXT"))
    assert isinstance(record, TXT)
    assert b"".join(record.strings).decode() == key.public_record


def test_a_sealed_key_cannot_be_moved(keys: Keys, now: datetime) -> None:
    one, two = domains.new_domain(keys, "example.test", now).keys
    one.private_sealed = two.private_sealed
    with pytest.raises(SealError):
        domains.private_key(keys, one)


@pytest.mark.parametrize("name", ["", "exa mple.test", "192.0.2.1", "-x.test", "a" * 64 + ".test"])
def test_a_bad_name_is_refused(name: str, keys: Keys, now: datetime) -> None:
    with pytest.raises(domains.DomainError):
        domains.new_domain(keys, name, now)


def test_a_domain_is_there_once(database: Database, keys: Keys, now: datetime) -> None:
    with database.session() as session:
        domains.create_domain(session, keys, "example.test", now)
        with pytest.raises(domains.DomainError, match="there already"):
            domains.create_domain(session, keys, "Example.TEST", now)
