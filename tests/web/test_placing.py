"""Placing stored mail anew on the page: the preview with its reasons, putting it there, taking it back; for admins."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import Session

from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Strength
from tests.web.conftest import Site

ANA, SUPPORT = "ana@calderon.example", "support@example.org"


@dataclass
class Lamps:
    """Two mails with the same words, apart; the second says nothing of the first."""

    site: Site
    first: Received
    second: Received

    def home(self, received: Received) -> int:
        with self.site.parts.database.session() as session:
            message = get_message(session, received.message_id or "")
            assert message
            found = get_conversation(session, message.conversation_id or "")
            assert found
            return found.number


@pytest.fixture
def lamps(site: Site) -> Lamps:
    return Lamps(site, arrive(site, "1@c.example", "Lamp"), arrive(site, "2@c.example", "Re: Lamp"))


def arrive(site: Site, header_id: str, subject: str) -> Received:
    fields = [f"From: {ANA}", f"To: {SUPPORT}", f"Subject: {subject}", f"Message-ID: <{header_id}>"]
    raw = ("\r\n".join(fields) + "\r\n\r\nHello\r\n").encode()
    app = site.parts
    desk = Desk(app.settings, app.keys, app.blobs)

    def op(session: Session) -> Received:
        arriving = Arriving(raw, "mx", SUPPORT, ANA, channel_id=site.support, strength=Strength.ALIGNED)
        arrival = store_arrival(session, arriving, app.blobs.keep(raw), site.now)
        return receive(session, desk, arrival, read(raw, ANA), site.now)

    return app.ledger.write(op)


def told(location: str) -> str:
    return parse_qs(urlsplit(location).query)["told"][0]


def test_a_policy_is_previewed_carried_out_and_taken_back(lamps: Lamps) -> None:
    admin = lamps.site.client("ada@example.org")
    apart = lamps.home(lamps.second)
    page = admin.get("/placing").text
    assert "Choose a policy" in page
    assert "would land elsewhere" not in page
    assert str(lamps.second.message_id) not in admin.get("/placing?policy=desk&days=3").text
    page = admin.get("/placing?policy=archive&days=3").text
    assert "would land elsewhere" in page
    assert str(lamps.second.message_id) in page
    assert "ana@calderon.example takes part" in page
    assert lamps.home(lamps.second) == apart, "a preview changes nothing"

    data = {"policy": "archive", "mail": str(lamps.second.message_id)}
    answer = admin.post("/placing", data=data)
    assert told(answer.headers["location"]).startswith("1 mail placed by this policy")
    assert lamps.home(lamps.second) == lamps.home(lamps.first)
    page = admin.get(answer.headers["location"]).text
    at = page.partition('name="at" value="')[2].partition('"')[0]
    assert "Placed anew before" in page
    answer = admin.post("/placing/undo", data={"at": at})
    assert told(answer.headers["location"]) == "1 mail taken back."
    assert lamps.home(lamps.second) == apart
    assert "Take back" not in admin.get("/placing").text


def test_nothing_chosen_or_a_wrong_moment_is_said(lamps: Lamps) -> None:
    admin = lamps.site.client("ada@example.org")
    answer = admin.post("/placing", data={"policy": "archive", "days": "7"})
    assert answer.status_code == 422
    assert "Choose at least one mail" in answer.text
    for at in ("", "yesterday", "2026-01-01", "2026-01-01T00:00:00+00:00"):
        assert told(admin.post("/placing/undo", data={"at": at}).headers["location"]) == "0 mails taken back."
    for query in ("policy=lax&days=x", "policy=desk&days=-3", "policy=desk&days=99999", "mail=msg_gone"):
        assert admin.get(f"/placing?{query}").status_code == 200


def test_one_mail_is_decided_anew_with_both_reasons(lamps: Lamps) -> None:
    admin = lamps.site.client("ada@example.org")
    page = admin.get(f"/placing?mail={lamps.second.message_id}").text
    assert "It would be decided the same way again." in page
    page = admin.get(f"/placing?mail={lamps.second.message_id}&policy=archive").text
    assert "decided differently" in page
    assert "Put it there" in page


def test_the_drawer_tells_why_a_mail_landed_there_and_what_was_not_chosen(lamps: Lamps) -> None:
    page = lamps.site.client("ben@example.org").get(f"/inbox/{lamps.home(lamps.first)}/events").text
    assert "Why it landed here" in page
    assert "A new conversation: the mail refers to none that we know" in page
    assert "Decide anew" not in page
    assert "Decide anew" in lamps.site.client("ada@example.org").get(f"/inbox/{lamps.home(lamps.first)}/events").text


def test_placing_is_for_admins(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert agent.get("/placing").status_code in (403, 404)
    assert agent.post("/placing", data={"mail": site.inbound}).status_code in (403, 404)
