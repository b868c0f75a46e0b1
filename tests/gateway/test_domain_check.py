"""gatepost.gateway.domain_check against a real DNS server: every mistake is named with its fix."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from gatepost.domain_key import KeyState
from gatepost.gateway.domain_check import Checked, check, check_all
from gatepost.gateway.domain_records import Record, records_of, zone_file
from gatepost.resolver import dns_resolver
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.domains import new_domain
from tests.fakes.dns import Fault, Zone, dns_server, zone_from_text
from tests.fakes.published import published

HOST = ("mail.northwind.de. IN A 192.0.2.7", "mail.northwind.de. IN AAAA 2001:db8::7")


@pytest.fixture
def ours(settings: Settings) -> Settings:
    """An installation of northwind.de."""
    return settings.model_copy(update={"domain": "northwind.de"})


@pytest.fixture
def records(ours: Settings, keys: Keys, now: datetime) -> list[Record]:
    """All that it publishes."""
    new = new_domain(keys, "northwind.de", now)
    return records_of(ours, new.domain, new.keys, mx=True)


def look(
    zone: Zone, ours: Settings, records: Sequence[Record], faults: dict[str, Fault] | None = None
) -> list[Checked]:
    with dns_server(zone, faults) as server:
        return check_all(records, ours, dns_resolver([server.address], timeout=1.0))


def one(kind: str, zone: Zone, ours: Settings, records: Sequence[Record]) -> Checked:
    record = next(each for each in records if each.kind == kind)
    with dns_server(zone) as server:
        return check(record, ours, dns_resolver([server.address], timeout=1.0))


def test_what_we_ask_for_is_right_when_it_is_published(ours: Settings, records: list[Record]) -> None:
    found = look(published(records, *HOST), ours, records)
    assert {(each.kind, each.state) for each in found} == {(record.kind, "ok") for record in records}
    assert {each.kind for each in found} == {
        *("dkim", "dkim-ed25519", "spf", "dmarc", "return-path", "return-path-spf", "replies", "mx"),
    }


def test_the_zone_file_is_a_zone_file(ours: Settings, records: list[Record], keys: Keys, now: datetime) -> None:
    new = new_domain(keys, "northwind.de", now)
    zone = zone_from_text(zone_file(new.domain, records, now), "northwind.de")
    assert {(name, kind) for name, kinds in zone.items() for kind in kinds} == {(r.name, r.type) for r in records}


def test_nothing_published_is_missing_with_what_to_do(ours: Settings, records: list[Record]) -> None:
    found = look({}, ours, records)
    assert {each.state for each in found} == {"missing"}
    assert all(each.why and each.fix for each in found)


def test_a_server_that_does_not_answer_is_no_missing_record(ours: Settings, records: list[Record]) -> None:
    faults: dict[str, Fault] = {record.name: "servfail" for record in records}
    assert {each.state for each in look(published(records, *HOST), ours, records, faults)} == {"unknown"}


KEY = "v=DKIM1; k=rsa; p="


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["{key}", "v=DKIM1; k=rsa; p=AAAA"], "2 TXT records"),
        (["v=DKIM1; k=rsa; p="], "revoked"),
        (["v=DKIM1; k=rsa"], "no key"),
        (["{cut}"], "cut off after 100 of"),
        (["v=DKIM1; k=rsa; p=AAAA"], "another key"),
        (["v=spf1 -all"], "no key"),
        (["{key}; t=y"], "t=y"),
        (["{key}; h=sha1"], "sha1"),
        (["v=DKIM2; {bare}"], "v= or k="),
    ],
)
def test_a_key_that_is_not_ours_is_told_how(
    ours: Settings, records: list[Record], texts: list[str], words: str
) -> None:
    record = records[0]
    given = {
        "key": record.value,
        "cut": KEY + record.value.removeprefix(KEY)[:100],
        "bare": record.value.removeprefix("v=DKIM1; "),
    }
    written = [text.format(**given) for text in texts]
    zone: Zone = {
        record.name: {"TXT": [" ".join(f'"{t[at : at + 200]}"' for at in range(0, len(t), 200)) for t in written]}
    }
    found = one("dkim", zone, ours, records)
    assert (found.state, words in found.why, bool(found.fix)) == ("wrong", True, True), found.why


def test_white_space_and_strings_of_a_key_do_not_matter(ours: Settings, records: list[Record]) -> None:
    record = records[0]
    text = record.value.replace(";", " ; ")
    zone: Zone = {record.name: {"TXT": [" ".join(f'"{text[at : at + 50]}"' for at in range(0, len(text), 50))]}}
    assert one("dkim", zone, ours, records).state == "ok"


def test_a_domain_that_stands_twice_in_the_name_is_found(ours: Settings, records: list[Record]) -> None:
    twice = [Record("dkim", f"{records[0].name}.northwind.de", "TXT", records[0].value, True)]
    found = one("dkim", published(twice), ours, records)
    assert (found.state, "twice" in found.why) == ("wrong", True)


@pytest.mark.parametrize(
    ("texts", "state", "words"),
    [
        (["v=spf1 a:mail.northwind.de -all"], "ok", "names a:mail.northwind.de"),
        (["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"], "ok", "192.0.2.7"),
        (["v=spf1 include:other.de -all"], "ok", "allows"),
        (["v=spf1 ip4:192.0.2.0/24 -all"], "wrong", "does not allow 2001:db8::7"),
        (["v=spf1 -all"], "wrong", "does not allow 192.0.2.7"),
        (["v=spf1 -all", "v=spf1 +all"], "wrong", "2 SPF records"),
        (["v=spf1 ipv4:192.0.2.7 -all"], "wrong", "cannot be used"),
        (["v=spf1 include:loop.de -all"], "wrong", "cannot be used"),
        (["google-site-verification=x"], "missing", "no SPF record"),
    ],
)
def test_spf_must_allow_us(ours: Settings, records: list[Record], texts: list[str], state: str, words: str) -> None:
    zone: Zone = {
        "northwind.de": {"TXT": [f'"{text}"' for text in texts]},
        "mail.northwind.de": {"A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]},
        "other.de": {"TXT": ['"v=spf1 a:mail.northwind.de -all"']},
        "loop.de": {"TXT": ['"v=spf1 include:loop.de -all"']},
    }
    found = one("spf", zone, ours, records)
    assert (found.state, words in found.why) == (state, True), found.why


def test_spf_of_a_relay_is_its_include(ours: Settings, keys: Keys, now: datetime) -> None:
    relayed = ours.model_copy(update={"spf": "include:spf.relay.de"})
    new = new_domain(keys, "northwind.de", now)
    records = records_of(relayed, new.domain, new.keys, mx=False)
    assert {each.value for each in records if each.kind.endswith("spf")} == {
        "v=spf1 include:spf.relay.de ~all",
        "v=spf1 include:spf.relay.de -all",
    }
    for text, state in (("v=spf1 include:spf.relay.de -all", "ok"), ("v=spf1 mx -all", "wrong")):
        assert one("spf", {"northwind.de": {"TXT": [f'"{text}"']}}, relayed, records).state == state


@pytest.mark.parametrize(
    ("texts", "above", "state", "words"),
    [
        (["v=DMARC1; p=reject"], [], "ok", "p=reject"),
        ([], ["v=DMARC1; p=reject; sp=quarantine"], "ok", "p=quarantine by the record of northwind.de"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], [], "wrong", "2 DMARC records"),
        (["p=none; v=DMARC1"], [], "wrong", "does not begin with v=DMARC1"),
        (["v=DMARC1; p=monitor"], [], "wrong", "p= is missing or not"),
        ([], [], "missing", "neither the domain nor one above"),
    ],
)
def test_dmarc_is_read_as_receivers_do(
    ours: Settings, keys: Keys, now: datetime, texts: list[str], above: list[str], state: str, words: str
) -> None:
    new = new_domain(keys, "shop.northwind.de", now)
    records = records_of(ours, new.domain, new.keys, mx=False)
    zone: Zone = {"shop.northwind.de": {"A": ["192.0.2.1"]}}
    for name, found in (("_dmarc.shop.northwind.de", texts), ("_dmarc.northwind.de", above)):
        if found:
            zone[name] = {"TXT": [f'"{text}"' for text in found]}
    said = one("dmarc", zone, ours, records)
    assert (said.state, words in said.why) == (state, True), said.why


@pytest.mark.parametrize(
    ("exchanges", "address", "state", "words"),
    [
        (["10 mail.northwind.de."], True, "ok", "mail comes to"),
        (["10 mail.northwind.de.", "20 backup.de."], True, "ok", "mail comes to"),
        (["10 mail.northwind.de."], False, "wrong", "has no address"),
        (["5 old.de.", "10 mail.northwind.de."], True, "wrong", "comes to old.de first"),
        (["5 old.de."], True, "wrong", "not here"),
        (["0 ."], True, "wrong", "null MX"),
    ],
)
def test_mail_must_come_here(
    ours: Settings, records: list[Record], exchanges: list[str], address: bool, state: str, words: str
) -> None:
    zone: Zone = {"bounce.northwind.de": {"MX": exchanges}}
    if address:
        zone["mail.northwind.de"] = {"A": ["192.0.2.7"]}
    found = one("return-path", zone, ours, records)
    assert (found.state, words in found.why) == (state, True), found.why


def test_a_key_that_is_erased_needs_no_record(ours: Settings, keys: Keys, now: datetime) -> None:
    new = new_domain(keys, "northwind.de", now)
    new.keys[0].state = KeyState.RETIRED
    assert next(each.kind for each in records_of(ours, new.domain, new.keys, mx=False)) == "dkim-ed25519"


def test_what_strangers_publish_is_shown_clean(ours: Settings, records: list[Record]) -> None:
    zone: Zone = {records[0].name: {"TXT": ['"\\027[31m' + "x" * 240 + '"'] * 9}}
    found = one("dkim", zone, ours, records)
    assert len(found.found) <= 5
    assert all("\x1b" not in text for text in found.found)
