"""Our DMARC records and tree walk beside those of checkdmarc, each with its own resolver, over one DNS server."""

import random
from collections.abc import Iterator

import checkdmarc.dmarc
import dns.resolver
import pytest

from gatepost.gateway.dmarc import Walk, find_policy, read_record
from gatepost.resolver import dns_resolver
from tests.fakes.dns import DnsServer, dns_server

TAGS = ("p=none", "p=quarantine", "p=reject", "p=reject; sp=none", "p=none; psd=n", "p=reject; psd=y", "p=none; t=y")
RECORDS = (
    *(f"v=DMARC1; {tags}" for tags in TAGS),
    "v=DMARC1;p=reject;adkim=s;aspf=s;np=quarantine",
    "v=DMARC1; p=quarantine; aspf=r; adkim=s",
    "v=DMARC1; p=none; sp=reject; np=none; psd=u;",
)


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with dns_server({}) as running:
        yield running


def theirs(server: DnsServer) -> dns.resolver.Resolver:
    host, _, port = server.address.partition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], int(port)
    return resolver


def where_they_find_it(server: DnsServer, domain: str) -> str:
    try:
        found = checkdmarc.dmarc.query_dmarc_record(domain, resolver=theirs(server), timeout=2.0, retries=0)
    except checkdmarc.dmarc.DMARCRecordNotFound:
        return ""
    return str(found["location"])


def where_we_find_it(server: DnsServer, domain: str) -> str:
    record = find_policy(domain, Walk(dns_resolver([server.address]))).record
    return record.domain if record else ""


@pytest.mark.parametrize("seed", range(40))
def test_the_tree_walk_finds_the_same_record(server: DnsServer, seed: int) -> None:
    """Zones of 1 to 11 labels with records at some of the names, with psd=y and psd=n among them."""
    dice = random.Random(seed)
    labels = [f"l{number}" for number in range(dice.randint(1, 10))] + [f"seed{seed}"]
    domain = ".".join(labels)
    server.zone = {domain: {"A": ["192.0.2.1"], "TXT": ['"nothing"']}}
    for at in range(len(labels)):
        if dice.random() < 0.35:
            server.zone[f"_dmarc.{'.'.join(labels[at:])}"] = {"TXT": [f'"v=DMARC1; {dice.choice(TAGS)}"']}
    assert where_we_find_it(server, domain) == where_they_find_it(server, domain)


def test_both_find_something_and_nothing(server: DnsServer) -> None:
    """The comparison above is not one of nothing with nothing."""
    server.zone = {"a.b.known": {"A": ["192.0.2.1"], "TXT": ['"x"']}, "_dmarc.b.known": {"TXT": ['"v=DMARC1; p=none"']}}
    assert where_we_find_it(server, "a.b.known") == where_they_find_it(server, "a.b.known") == "b.known"
    server.zone = {"a.b.other": {"A": ["192.0.2.1"], "TXT": ['"x"']}}
    assert where_we_find_it(server, "a.b.other") == where_they_find_it(server, "a.b.other") == ""


@pytest.mark.parametrize("text", RECORDS)
def test_a_record_is_read_alike(server: DnsServer, text: str) -> None:
    tags = checkdmarc.dmarc.parse_dmarc_record(text, "example.com", resolver=theirs(server))["tags"]
    said = {name: tag["value"] for name, tag in tags.items()}
    ours = read_record(text.encode(), "example.com")
    assert ours is not None
    assert not ours.bad
    assert ours.policy == said["p"]
    assert (ours.subdomains or ours.policy) == said.get("sp", said["p"])
    assert (ours.strict_dkim, ours.strict_spf) == (said["adkim"] == "s", said["aspf"] == "s")
    assert ours.psd == said.get("psd", "u")
    assert ours.testing == (said.get("t", "n") == "y")


@pytest.mark.parametrize("text", ["v=DMARC1; p=monitor", "v=DMARC2; p=none", "v=DMARC1; p=none; sp=all"])
def test_what_one_refuses_the_other_does_not_use(server: DnsServer, text: str) -> None:
    with pytest.raises(checkdmarc.dmarc.DMARCError):
        checkdmarc.dmarc.parse_dmarc_record(text, "example.com", resolver=theirs(server))
    ours = read_record(text.encode(), "example.com")
    assert ours is None or ours.bad
