"""The page of a domain: records, live check, zone file, rotation; and the verdict on a mail that came in."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from gatepost.gateway.domain_watch import wanted_records
from gatepost.store.domains import create_domain, get_domain
from gatepost.store.rows import connection
from gatepost.web.app import create_app
from gatepost.web.live import Live
from tests.fakes.dns import DnsServer, dns_server
from tests.fakes.published import published
from tests.web.conftest import Site


@pytest.fixture
def served(site: Site) -> Iterator[tuple[Site, DnsServer]]:
    """The site with a DNS server of its own."""
    with dns_server({}) as server:
        settings = site.parts.settings.model_copy(update={"dns_servers": [server.address]})
        parts = replace(site.parts, settings=settings, gate=replace(site.parts.gate, settings=settings))
        parts = replace(parts, live=Live(parts.database, parts.now))
        yield Site(create_app(parts), parts, site.now, message=site.message, inbound=site.inbound), server


def added(site: Site) -> tuple[TestClient, str]:
    admin = site.client("ada@example.org")
    answer = admin.post("/senders/domains", data={"domain": "Northwind.de"})
    return admin, answer.headers["location"].partition("?")[0]


def publish(site: Site, server: DnsServer, page: str) -> None:
    with site.parts.database.session() as session:
        domain = get_domain(session, page.rpartition("/")[2])
        assert domain is not None
        records = wanted_records(session, site.parts.settings, domain)
    server.zone = published(records, "mail.gatepost.test. IN A 192.0.2.7")


def test_records_are_shown_checked_and_downloaded(served: tuple[Site, DnsServer]) -> None:
    site, server = served
    admin, page = added(site)
    text = admin.get(page).text
    assert "May not be used as From yet" in text
    assert text.count("Not checked yet") == 4
    assert text.count('data-do="copy"') == 8
    assert admin.post(f"{page}/check").headers["location"] == f"{page}?done=checked"
    text = admin.get(page).text
    assert "There is no TXT record at gp202611._domainkey.northwind.de." in text
    publish(site, server, page)
    admin.post(f"{page}/check")
    text = admin.get(page).text
    assert "May be used as From" in text
    assert text.count("Published as it should be") == 2
    assert "our resolver found it at gp202611ed._domainkey.northwind.de" in text
    zone = admin.get(f"{page}/zone")
    assert 'filename="northwind.de.zone"' in zone.headers["content-disposition"]
    assert "gp202611._domainkey.northwind.de. IN TXT (" in zone.text
    assert "northwind.de is verified" in admin.get("/senders").text


def test_a_key_is_rotated_by_the_page(served: tuple[Site, DnsServer]) -> None:
    site, server = served
    admin, page = added(site)
    algorithm = {"algorithm": "rsa-sha256"}
    assert admin.post(f"{page}/rotate", data=algorithm).status_code == 303
    early = admin.post(f"{page}/rotate", data=algorithm)
    assert (early.status_code, "is not seen in the DNS yet" in early.text) == (409, True)
    publish(site, server, page)
    admin.post(f"{page}/check")
    for step in ("Sign with both", "Stop the old key", "Erase the old key"):
        assert step in admin.get(page).text
        admin.post(f"{page}/rotate", data=algorithm)
    assert "leave its record there" in admin.get(page).text
    assert admin.post(f"{page}/back", data=algorithm).status_code == 303
    assert admin.post(f"{page}/back", data={"algorithm": "md5"}).status_code == 404


def test_a_domain_is_removed(site: Site) -> None:
    made = site.parts.ledger.write(lambda s: create_domain(s, site.parts.keys, "northwind.de", site.now))
    admin = site.client("ada@example.org")
    assert admin.post(f"/senders/domains/{made.id}/delete").status_code == 303
    assert admin.get(f"/senders/domains/{made.id}").status_code == 404


def test_the_page_says_what_dkim_is(site: Site) -> None:
    page = site.client("ada@example.org").get("/senders").text
    assert "What is DKIM, and why does it matter?" in page
    assert "Press Check now" in page


def test_what_was_found_about_a_sender_is_shown_and_goes_with_the_mail(site: Site) -> None:
    from sqlalchemy import update

    from gatepost.model import Message

    auth = {
        "words": "From customer.example: customer.example signed it.",
        "spf": {"result": "pass", "domain": "customer.example", "why": "customer.example allows 192.0.2.1"},
        "dkim": [{"result": "pass", "domain": "customer.example", "selector": "s", "why": "customer.example signed"}],
        "dmarc": {"result": "pass", "why": "signed"},
        "results": "mail.gatepost.test; dmarc=pass",
        "arc": {"sets": 1, "sealer": "lists.example", "chain": "none", "claims": ["dmarc=pass"]},
    }
    site.parts.ledger.write(
        lambda s: connection(s).execute(update(Message).where(Message.id == site.inbound).values(auth=auth)) and None  # type: ignore[arg-type]
    )
    admin = site.client("ada@example.org")
    page = admin.get(f"/messages/{site.inbound}").text
    assert "SPF pass, DKIM pass, DMARC pass" in page
    assert "not verified and never counted: 1 sets, the newest sealed by lists.example" in page
    source = admin.get(f"/m/{site.inbound}/source").content
    assert source.startswith(b"Authentication-Results: mail.gatepost.test; dmarc=pass\r\n")
    assert "mail.gatepost.test; dmarc=pass" in admin.get(f"/messages/{site.inbound}?view=headers").text
