import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.discover import by_services, find_autoconfig, find_provider, read_autoconfig
from gatepost.connectors.provider import Server
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.http import Guard
from gatepost.resolver import NoSuchName, Service
from tests.fakes.dns import DictResolver

FILE = b"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="northwind.de"><domain>northwind.de</domain>
<displayName>Northwind</displayName>
<incomingServer type="pop3"><hostname>pop.northwind.de</hostname><port>995</port><socketType>SSL</socketType>
</incomingServer>
<incomingServer type="imap"><hostname>imap.northwind.de</hostname><port>143</port><socketType>plain</socketType>
</incomingServer>
<incomingServer type="imap"><hostname>imap.northwind.de</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.northwind.de</hostname><port>587</port><socketType>STARTTLS</socketType>
</outgoingServer></emailProvider></clientConfig>"""


def test_the_file_names_the_first_servers_with_tls() -> None:
    found = read_autoconfig(FILE)
    assert found is not None
    assert found.imap == Server("imap.northwind.de", 993, "tls")
    assert found.smtp == Server("smtp.northwind.de", 587, "starttls")
    assert found.username == "local"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + FILE[39:],
        FILE.replace(b"imap.northwind.de", b"imap northwind"),
        FILE.replace(b"993", b"99999").replace(b"143", b"0"),
        FILE.replace(b">993<", ">\u0669\u0669\u0663<".encode()),
        b"<a>" * 10_000,
        FILE[:-20],
    ],
)
def test_anything_else_is_none(raw: bytes) -> None:
    assert read_autoconfig(raw) is None


@given(st.binary(max_size=300), st.integers(0, len(FILE)))
@settings(max_examples=60, deadline=None)
def test_no_file_breaks_the_reader(noise: bytes, at: int) -> None:
    found = read_autoconfig(FILE[:at] + noise + FILE[at:])
    assert found is None or found.imap is not None


def test_services_of_the_dns_come_before_the_file() -> None:
    records = {
        "_imaps._tcp": [Service(10, 0, "imap.example", 993)],
        "_submissions._tcp": [Service(0, 0, "", 0)],
        "_submission._tcp": [Service(0, 0, "smtp.example", 587)],
    }

    def srv(name: str) -> list[Service]:
        if name not in records:
            raise NoSuchName(name)
        return records[name]

    found = by_services(srv)
    assert found is not None
    assert (found.imap, found.smtp) == (Server("imap.example", 993, "tls"), Server("smtp.example", 587, "starttls"))
    records.pop("_imaps._tcp")
    assert by_services(srv) is None


def test_a_domain_is_looked_up_and_never_raises() -> None:
    resolver = DictResolver(
        MX={"northwind.de": [(10, "mx.filter.example")], "southwind.de": [(10, "aspmx.l.google.com")]},
        SRV={"_imaps._tcp.eastwind.de": [(0, 0, "imap.eastwind.de", 993)]},
        TXT={"northwind.de": ["x", "v=spf1 include:spf.protection.outlook.com -all"]},
        fail=["westwind.de"],
    )
    guard = Guard(private=False, seconds=1)
    assert find_provider("a@southwind.de", PROVIDERS, resolver, guard)[0].key == "google"
    assert find_provider("a@eastwind.de", PROVIDERS, resolver, guard)[0].imap.host == "imap.eastwind.de"
    for address, key in (("a@northwind.test", "other"), ("nonsense", "other"), ("a@westwind.de", "other")):
        found, why = find_provider(address, PROVIDERS, DictResolver(fail=["westwind.de"]), guard)
        assert found.key == key
        assert why
    assert find_autoconfig("northwind.test", DictResolver(), guard) is None
