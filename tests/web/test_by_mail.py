"""The pages of working by mail: addresses on the profile, following, and a mailbox's acknowledgement."""

import re
from datetime import timedelta

from sqlmodel import select

from gatepost.model import Breaker, Message
from gatepost.store.agents import confirmed_addresses
from gatepost.store.automatic import acknowledgement_of, trip
from gatepost.store.channels import list_channels
from gatepost.store.links import MOST_A_DAY, MOST_BY_ONE
from gatepost.store.messages import raw_of
from tests.web.conftest import Site


def link_in(site: Site) -> str:
    """The path in the newest confirmation mail."""
    with site.parts.database.session() as session:
        row = session.exec(select(Message).where(Message.trigger == "agent confirmation")).all()[-1]
        found = re.search(rb"http://[^/]+(/agent-address/[\w-]+)", raw_of(session, row.raw_id, site.parts.blobs))
    assert found
    return found[1].decode()


def test_an_address_counts_when_its_owner_has_opened_the_link(site: Site) -> None:
    ben, anybody = site.client("ben@example.org"), site.client()
    assert ben.post("/profile/addresses", data={"address": "ben@home.test"}).status_code == 303
    assert "Waits for you to open the link" in ben.get("/profile").text
    link = link_in(site)
    for _ in range(2):
        assert "work from ben@home.test?" in anybody.get(link).text
    with site.parts.database.session() as session:
        assert confirmed_addresses(session, site.agent) == []
    assert "works by mail from ben@home.test" in anybody.post(link).text
    assert anybody.post(link).status_code == 404
    with site.parts.database.session() as session:
        assert confirmed_addresses(session, site.agent) == ["ben@home.test"]
    assert ben.post("/profile/addresses/remove", data={"address": "ben@home.test"}).status_code == 303
    with site.parts.database.session() as session:
        assert confirmed_addresses(session, site.agent) == []


def test_removing_an_address_does_not_reset_how_often_it_is_asked(site: Site) -> None:
    ben, victim = site.client("ben@example.org"), {"address": "victim@elsewhere.test"}
    said = []
    for _ in range(MOST_A_DAY + 1):
        said.append(ben.post("/profile/addresses", data=victim))
        ben.post("/profile/addresses/remove", data=victim)
        assert ben.post("/profile/addresses", data=victim).status_code == 422  # not within a minute, either
        site.now += timedelta(minutes=2)
    assert [answer.status_code for answer in said] == [303] * MOST_A_DAY + [422]
    assert "wait until tomorrow" in said[-1].text
    site.now += timedelta(days=1)
    assert ben.post("/profile/addresses", data=victim).status_code == 303


def test_a_stranger_at_the_login_keeps_nobody_from_asking(site: Site) -> None:
    """Both are counted together; what was typed as the name of an account is no mail that went out."""
    for typed in ("asked ben@home.test", "ASKED ben@home.test"):
        for _ in range(MOST_A_DAY):
            site.client().post("/login", data={"email": typed, "password": "x" * 12})
    ben = site.client("ben@example.org")
    assert ben.post("/profile/addresses", data={"address": "ben@home.test"}).status_code == 303


def test_one_agent_asks_only_so_many_addresses_a_day(site: Site) -> None:
    ben, codes = site.client("ben@example.org"), []
    for number in range(MOST_BY_ONE + 1):
        other = {"address": f"victim+{number}@elsewhere.test"}
        codes.append(ben.post("/profile/addresses", data=other).status_code)
        ben.post("/profile/addresses/remove", data=other)
    assert codes == [303] * MOST_BY_ONE + [422]


def test_a_wrong_address_and_one_of_ours_are_told(site: Site) -> None:
    ben = site.client("ben@example.org")
    with site.parts.database.session() as session:
        ours = list_channels(session)[0].address
    for address, words in (("nonsense", "@"), (ours, "is a mailbox of yours")):
        answer = ben.post("/profile/addresses", data={"address": address})
        assert (answer.status_code, words in answer.text) == (422, True)
    ben.post("/profile/addresses", data={"address": "ben@home.test"})
    again = ben.post("/profile/addresses", data={"address": "ben@home.test"})
    assert (again.status_code, "less than a minute ago" in again.text) == (422, True)
    site.now += timedelta(hours=73)
    assert site.client().post(link_in(site)).status_code == 404


def test_a_conversation_is_followed_with_a_button(site: Site) -> None:
    ben = site.client("ben@example.org")
    path = f"/inbox/{site.conversation}"
    assert ">Follow<" in ben.get(path).text
    assert ben.post(f"{path}/follow", data={"following": "yes"}).status_code == 303
    assert ">Unfollow<" in ben.get(path).text
    assert ben.post(f"/inbox/{site.foreign}/follow", data={"following": "yes"}).status_code == 404
    assert ben.post("/profile/follows", data={}).status_code == 303


def test_an_acknowledgement_is_looked_at_before_it_is_switched_on(site: Site) -> None:
    ada = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}"
    seen = ada.post(f"{path}/acknowledgement", data={"on": "yes", "text": "Got it <b>", "act": "preview"})
    assert "We have received your mail (#1042)" in seen.text
    assert "Got it &lt;b&gt;" in seen.text
    with site.parts.database.session() as session:
        assert not acknowledgement_of(session, site.support).on
    assert ada.post(f"{path}/acknowledgement", data={"on": "yes", "text": "Got it", "act": "save"}).status_code == 303
    with site.parts.database.session() as session:
        row = acknowledgement_of(session, site.support)
        assert (row.on, row.text) == (True, "Got it")
    assert ada.post(f"{path}/acknowledgement", data={"text": "x" * 2001}).status_code == 422
    assert site.client("ben@example.org").post(f"{path}/acknowledgement", data={}).status_code == 403


def test_a_tripped_breaker_shows_its_rule_and_the_cycle_and_is_reset(site: Site) -> None:
    ada, now = site.client("ada@example.org"), site.now
    breaker = Breaker(
        address="robot@x.test", rule="Answered within 10 minutes: at once", cycle=["10:00 from robot"], at=now,
        until=now + timedelta(days=1),
    )  # fmt: skip
    site.parts.ledger.write(lambda session: trip(session, breaker, None))
    page = ada.get(f"/mailboxes/{site.support}").text
    for words in ("robot@x.test", "Answered within 10 minutes", "10:00 from robot"):
        assert words in page
    ada.post(f"/mailboxes/{site.support}/resume", data={"address": "robot@x.test"})
    assert "robot@x.test" not in ada.get(f"/mailboxes/{site.support}").text
