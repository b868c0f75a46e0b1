"""Fixing many addresses at once: what is proposed, how many it would be, and that only then it is sent (D11-D13)."""

import pytest

from gatepost.model import Delivery
from gatepost.store import contacts, deliveries
from gatepost.store.suppressions import suppress
from tests.web.conftest import Site

BAD = "bad@customer.example"
RIGHT = "right@customer.example"


def states(site: Site, message_id: str) -> dict[str, str]:
    with site.parts.database.session() as session:
        return {row.recipient: row.state for row in deliveries.deliveries_of(session, message_id)}


def change(site: Site, **values: str) -> None:
    """Make the failure of the bad address another one."""

    def write(session) -> None:  # type: ignore[no-untyped-def]
        row = next(row for row in deliveries.deliveries_of(session, site.message) if row.recipient == BAD)
        for name, value in values.items():
            setattr(row, name, int(value) if name == "code" else value)
        session.add(row)

    site.parts.ledger.write(write)


def test_many_are_sent_to_corrected_addresses_after_a_preview(site: Site) -> None:
    agent = site.client("ben@example.org")
    page = agent.get("/messages/fix").text
    assert BAD in page
    assert "1 mail" in page
    preview = agent.post("/messages/fix", data={f"to:{BAD}": RIGHT, "step": "preview"})
    assert (preview.status_code, "1 mail will be sent" in preview.text) == (200, True)
    assert RIGHT not in states(site, site.message)
    sent = agent.post("/messages/fix", data={f"to:{BAD}": RIGHT, "step": "send"})
    assert sent.headers["location"] == "/messages?done=fixed"
    assert states(site, site.message)[RIGHT] == "queued"
    assert states(site, site.message)[BAD] == "cancelled"
    assert RIGHT not in states(site, site.foreign_message)
    with site.parts.database.session() as session:
        assert contacts.addresses_of(session, BAD) == (BAD, RIGHT)


def test_what_cannot_be_sent_is_told_before(site: Site) -> None:
    agent = site.client("ben@example.org")
    nothing = agent.post("/messages/fix", data={"step": "preview"})
    assert (nothing.status_code, "Choose or type" in nothing.text) == (422, True)
    wrong = agent.post("/messages/fix", data={f"to:{BAD}": "nobody", "step": "send"})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (422, True)
    there = agent.post("/messages/fix", data={f"to:{BAD}": "carol@customer.example", "step": "preview"}).text
    assert "Nothing would be sent" in there
    assert "is a recipient of this mail already" in there
    now = site.now
    site.parts.ledger.write(lambda s: suppress(s, RIGHT, "left", source="person", now=now, expires_at=None))
    assert "suppression list" in agent.post("/messages/fix", data={f"to:{BAD}": RIGHT, "step": "preview"}).text


def test_d11_a_slip_in_the_domain_is_pointed_out_where_it_failed(site: Site) -> None:
    change(site, recipient="bad@customer.exmaple")
    agent = site.client("ben@example.org")
    for path in (f"/inbox/{site.conversation}", f"/messages/{site.message}"):
        assert "Did you mean bad@customer.example? customer.exmaple looks like a slip" in agent.get(path).text
    page = agent.get("/messages/fix").text
    assert 'value="bad@customer.example"' in page
    chosen = {"choice:bad@customer.exmaple": "bad@customer.example", "to:bad@customer.exmaple": "", "step": "send"}
    agent.post("/messages/fix", data=chosen)
    assert states(site, site.message)["bad@customer.example"] == "queued"


def test_d12_a_full_mailbox_leads_to_the_contacts_other_address(site: Site) -> None:
    change(site, code="552", status="5.2.2", text="mailbox full")
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    assert "add it to the contact and send it there" in agent.get(path).text
    now = site.now
    site.parts.ledger.write(lambda session: contacts.link(session, BAD, "home@elsewhere.example", now))
    shown = agent.get(path).text
    assert "Send it to another address of this contact: home@elsewhere.example" in shown
    assert "to=home%40elsewhere.example" in shown


def test_d13_a_mail_that_is_too_large_says_what_to_do_without_a_link_service(site: Site) -> None:
    change(site, code="552", status="5.3.4", text="message too big")
    shown = site.client("ben@example.org").get(f"/inbox/{site.conversation}").text
    assert "Gatepost keeps no files for recipients" in shown
    assert 'href="#composer-reply"' in shown


def test_a_refusal_as_spam_is_read_closely(site: Site) -> None:
    change(site, code="554", status="5.7.1", text="blocked using zen.spamhaus.org, see https://check.spamhaus.org/x")
    shown = site.client("ben@example.org").get(f"/inbox/{site.conversation}").text
    assert "It names the block list zen.spamhaus.org: ask there for removal." in shown
    assert "It leads to https://check.spamhaus.org/x" in shown


def test_only_the_failed_of_one_mail_are_sent_again(site: Site) -> None:
    agent = site.client("ben@example.org")

    def fail(session) -> None:  # type: ignore[no-untyped-def]
        for row in deliveries.deliveries_of(session, site.message):
            row.state, row.code, row.status = "failed", 550, "5.1.1"
            session.add(row)
        session.add(
            Delivery(
                id="dlv_x", message_id=site.message, recipient="third@customer.example", state="delivered",
                created_at=site.now, updated_at=site.now,
            )
        )  # fmt: skip

    site.parts.ledger.write(fail)
    assert "Send again to the 2 that failed" in agent.get(f"/inbox/{site.conversation}").text
    agent.post(f"/messages/{site.message}/act", data={"act": "retry", "only": "failed"})
    assert sorted(states(site, site.message).values()) == ["delivered", "queued", "queued"]


@pytest.mark.parametrize("code", ["9" * 100, "٣٣٣", "0", "'"])
def test_a_code_that_no_server_says_finds_nothing(site: Site, code: str) -> None:
    answer = site.client("ben@example.org").get("/messages/fix", params={"code": code})
    assert (answer.status_code, BAD in answer.text) == (200, False)
