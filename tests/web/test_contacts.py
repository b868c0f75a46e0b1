"""A contact with his addresses, failures and conversations; the address is fixed there (D11)."""

import pytest
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.gateway.fixing import send_fixes
from gatepost.store import contacts
from gatepost.store.conversations import add_participants, by_number
from gatepost.store.queue import Which
from gatepost.store.suppressions import suppress
from tests.web.conftest import Site

BAD = "bad@customer.example"


def known(site: Site, address: str) -> tuple[str, ...]:
    with site.parts.database.session() as session:
        return contacts.addresses_of(session, address)


def test_d11_the_failure_leads_to_the_contact_and_his_address_is_fixed_there(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert "/contact?address=bad%40customer.example" in agent.get(f"/inbox/{site.conversation}").text
    page = agent.get(f"/contact?address={BAD}").text
    for text in (BAD, "Broken parcel", "does not exist", "Check the address", "Fix the address"):
        assert text in page
    assert "Secret invoice" not in page
    data = {"address": BAD, "corrects": BAD, "other": "right@customer.example"}
    answer = agent.post("/contact/address", data=data)
    where = "/messages/fix?address=bad%40customer.example&to=right%40customer.example"
    assert answer.headers["location"] == where
    assert 'value="right@customer.example"' in agent.get(where).text
    assert known(site, BAD) == (BAD, "right@customer.example")


def test_what_is_no_address_is_told_beside_its_field(site: Site) -> None:
    agent = site.client("ben@example.org")
    for other in ("nobody", BAD):
        answer = agent.post("/contact/address", data={"address": BAD, "other": other})
        assert (answer.status_code, "problem-other" in answer.text) == (422, True)


def test_addresses_are_kept_together_and_apart(site: Site) -> None:
    agent = site.client("ben@example.org")
    for other in ("b@x.example", "c@x.example"):
        agent.post("/contact/address", data={"address": BAD, "other": other})
    agent.post("/contact/address", data={"address": "carol@customer.example", "other": "c@x.example"})
    everybody = {BAD, "b@x.example", "c@x.example", "carol@customer.example"}
    assert set(known(site, "b@x.example")) == everybody
    gone = agent.post("/contact/remove", data={"address": BAD, "other": BAD})
    assert gone.headers["location"].endswith("done=removed")
    assert set(known(site, "c@x.example")) == everybody - {BAD}
    assert known(site, BAD) == (BAD,)


def test_names_are_changed_and_the_same_name_is_pointed_out(site: Site) -> None:
    agent = site.client("ben@example.org")
    agent.post("/contact/name", data={"address": BAD, "name": "Carol <b>Danvers</b>"})
    now = site.now
    site.parts.ledger.write(lambda s: contacts.rename(s, "danvers@home.example", "carol <B>danvers</b>", now))
    page = agent.get(f"/contact?address={BAD}").text
    assert "danvers@home.example has the same name" in page
    assert "<b>Danvers" not in page


@pytest.mark.parametrize("address", ["", "nobody", "stranger@nowhere.example", "\x00@x", "a" * 400 + "@x.example"])
def test_what_is_not_the_readers_is_not_there(site: Site, address: str) -> None:
    agent = site.client("ben@example.org")
    assert agent.get("/contact", params={"address": address}).status_code == 404
    assert agent.post("/contact/name", data={"address": address, "name": "x"}).status_code == 404


def test_contacts_are_those_of_the_own_mailboxes(site: Site) -> None:
    agent, admin = site.client("ben@example.org"), site.client("ada@example.org")
    row = "carol@customer.example"
    assert row in agent.get("/contacts?q=CAROL").text
    assert '<td class="end nums" data-label="Conversations">1</td>' in agent.get("/contacts").text
    assert '<td class="end nums" data-label="Conversations">2</td>' in admin.get("/contacts").text
    assert "Nothing found" in agent.get("/contacts?q=%25").text
    now = site.now
    site.parts.ledger.write(lambda s: suppress(s, row, "left us", source="person", now=now, expires_at=None))
    assert "left us" in agent.get(f"/contact?address={row}").text


def stranger(site: Site) -> str:
    """Somebody who takes part in a conversation of another mailbox alone, with two addresses."""
    address, now = "carla@secret.example", site.now

    def write(session: Session) -> None:
        conversation = by_number(session, site.foreign)
        assert conversation
        add_participants(session, conversation.id, [(address, "Carla Stern", "participant")])
        contacts.rename(session, address, "Carla Stern", now)
        contacts.link(session, address, "carla@home.example", now)

    site.parts.ledger.write(write)
    return address


def test_people_of_other_mailboxes_are_not_found_by_their_name(site: Site) -> None:
    address, agent = stranger(site), site.client("ben@example.org")
    agent.post("/contact/name", data={"address": BAD, "name": "carla stern"})
    assert address not in agent.get(f"/contact?address={BAD}").text
    assert address in site.client("ada@example.org").get(f"/contact?address={BAD}").text


def test_nobody_joins_his_contact_with_people_of_other_mailboxes(site: Site) -> None:
    """Their other addresses would be shown, and his would be proposed to their agents where mail to them fails."""
    address, agent = stranger(site), site.client("ben@example.org")
    answer = agent.post("/contact/address", data={"address": BAD, "other": address})
    assert (answer.status_code, "somebody in another mailbox" in answer.text) == (422, True)
    which, actor = Which(channels=frozenset({site.support})), Actor("Ben", site.agent)
    assert send_fixes(site.parts.database, site.parts.ledger, which, {BAD: address}, actor, site.now).changed == 1
    assert known(site, BAD) == (BAD,)
    assert site.client("ada@example.org").post("/contact/address", data={"address": BAD, "other": address}).is_redirect
    assert set(known(site, BAD)) == {BAD, address, "carla@home.example"}
