"""Mail that was set aside: the lists, one mail's page, and every act."""

import pytest
from sqlmodel import Session, select

from gatepost.acts import Actor
from gatepost.blobs import Content
from gatepost.gateway import set_aside
from gatepost.model import Arrival, Conversation, Delivery, Event, Suppression
from gatepost.store.arrivals import get_arrival, settle
from gatepost.store.channels import get_channel
from gatepost.store.deleted import delete
from gatepost.store.messages import get_message
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Outcome, Strength
from tests.web.conftest import Site

MAIL = b"From: Ana <ana@x.example>\r\nTo: %s\r\n"
MAIL += b"Subject: <script>alert(1)</script>\r\nMessage-ID: <9@x.example>\r\n\r\nHi\r\n"
BOUNCE = (
    b"From: MAILER-DAEMON@y.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b@y.example>\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\r\nSorry.\r\n--r\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; y.example\r\n\r\nFinal-Recipient: rfc822; %s\r\n"
    b"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--r--\r\n"
)


def come(site: Site, raw: bytes, strength: Strength = Strength.NONE, sender: str = "ana@x.example") -> str:
    """A mail that came to the mailbox of support: the arrival's id."""
    desk = Desk(site.parts.settings, site.parts.keys, site.parts.blobs)

    def op(session: Session) -> str:
        channel = get_channel(session, site.support)
        arriving = Arriving(raw, "mx", channel.address if channel else "", sender, strength=strength)
        arrival = store_arrival(session, arriving, Content(raw, None, len(raw)), site.now)
        receive(session, desk, arrival, read(raw, sender), site.now)
        return arrival.id

    return site.parts.ledger.write(op)


def quarantine(site: Site) -> str:
    """A mail that could not be read once."""
    raw = MAIL % b"support@example.org"
    desk_raw = Content(raw, None, len(raw))

    def op(session: Session) -> str:
        channel = get_channel(session, site.support)
        arriving = Arriving(raw, "mx", channel.address if channel else "", "ana@x.example")
        arrival = store_arrival(session, arriving, desk_raw, site.now)
        settle(session, arrival.id, Outcome.QUARANTINED, "The process that read it crashed (SIGSEGV), 3 times", None)
        return arrival.id

    return site.parts.ledger.write(op)


def found(site: Site, arrival_id: str) -> Arrival:
    with site.parts.database.session() as session:
        arrival = get_arrival(session, arrival_id)
        assert arrival
        return arrival


def events(site: Site, kind: str) -> list[Event]:
    with site.parts.database.session() as session:
        return list(session.exec(select(Event).where(Event.kind == kind)))


def test_what_could_not_be_read_is_listed_shown_downloaded_and_read_again(site: Site) -> None:
    arrival = quarantine(site)
    admin = site.client("ada@example.org")
    listed = admin.get("/inbound?tab=quarantined").text
    assert "crashed (SIGSEGV), 3 times" in listed
    assert "Read all again" in listed
    shown = admin.get(f"/inbound/{arrival}").text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    raw = admin.get(f"/inbound/{arrival}/source")
    assert raw.content == MAIL % b"support@example.org"
    assert "attachment" in raw.headers["content-disposition"]
    done = admin.post(f"/inbound/{arrival}/act", data={"act": "again"}, follow_redirects=True)
    assert "It was read again" in done.text
    assert found(site, arrival).outcome == Outcome.PLACED
    assert events(site, "arrival.read_again")[0].data["outcome"] == "placed"
    assert "Nothing here" in admin.get("/inbound?tab=quarantined").text
    late = admin.post(f"/inbound/{arrival}/act", data={"act": "again"})
    assert (late.status_code, "does not wait any more" in late.text) == (422, True)


def test_all_are_read_again_at_once(site: Site) -> None:
    arrival = quarantine(site)
    told = site.client("ada@example.org").post("/inbound/again", follow_redirects=True).text
    assert "1 of 1 could be read now" in told
    assert found(site, arrival).outcome == Outcome.PLACED


def test_what_is_discarded_needs_a_reason_that_the_history_keeps(site: Site) -> None:
    arrival = quarantine(site)
    admin = site.client("ada@example.org")
    assert admin.post(f"/inbound/{arrival}/act", data={"act": "discard", "reason": " "}).status_code == 422
    admin.post(f"/inbound/{arrival}/act", data={"act": "discard", "reason": "a torn archive"})
    assert found(site, arrival).decided == "discarded"
    (event,) = events(site, "arrival.discarded")
    assert event.data["why"] == "a torn archive"
    assert event.user_id
    assert "Nothing here" in admin.get("/inbound?tab=quarantined").text


def test_mail_in_review_is_let_in_or_kept_out(site: Site) -> None:
    one = come(site, MAIL % b"a@b.example", Strength.FAILING)
    other = come(site, MAIL.replace(b"<9@", b"<10@") % b"a@b.example", Strength.FAILING)
    admin = site.client("ada@example.org")
    assert admin.get("/inbound?tab=review").text.count('class="strong" href="/inbound/arr_') == 2
    assert "Let in" in admin.get(f"/inbound/{one}").text
    assert "It is let in" in admin.post(f"/inbound/{one}/act", data={"act": "release"}, follow_redirects=True).text
    assert "It stays out" in admin.post(f"/inbound/{other}/act", data={"act": "keep_out"}, follow_redirects=True).text
    assert (found(site, one).outcome, found(site, other).outcome) == (Outcome.PLACED, Outcome.REVIEW)
    assert "Nothing here" in admin.get("/inbound?tab=review").text
    assert admin.post(f"/inbound/{other}/act", data={"act": "release"}).status_code == 422


def test_a_report_is_shown_at_the_delivery_that_a_person_names_and_suppresses_nothing(site: Site) -> None:
    with site.parts.database.session() as session:
        delivery = session.exec(select(Delivery).where(Delivery.message_id == site.message)).first()
        assert delivery
        before = (delivery.id, delivery.state, len(session.exec(select(Suppression)).all()))
    arrival = come(site, BOUNCE % b"someone.else@y.example", sender="")
    assert found(site, arrival).outcome == Outcome.REPORT
    admin = site.client("ada@example.org")
    assert arrival in admin.get("/inbound").text
    wrong = admin.post(f"/inbound/{arrival}/act", data={"act": "belongs", "delivery": "dlv_0"})
    assert "There is no delivery with this id" in wrong.text
    done = admin.post(f"/inbound/{arrival}/act", data={"act": "belongs", "delivery": before[0]}, follow_redirects=True)
    assert "shown at that delivery" in done.text
    with site.parts.database.session() as session:
        now = session.get(Delivery, before[0])
        assert now
        assert (now.id, now.state, len(session.exec(select(Suppression)).all())) == before
    assert "no such user" in admin.get(f"/messages/{site.message}").text
    assert arrival not in admin.get("/inbound").text


def test_only_admins_see_what_was_set_aside(site: Site) -> None:
    arrival = quarantine(site)
    agent = site.client("ben@example.org")
    for path in (f"/inbound/{arrival}", f"/inbound/{arrival}/source"):
        assert agent.get(path).status_code == 403
    assert agent.post(f"/inbound/{arrival}/act", data={"act": "discard", "reason": "x"}).status_code == 403
    assert site.client("ada@example.org").get("/inbound/arr_none").status_code == 404


def test_nothing_can_be_let_in_twice(site: Site) -> None:
    one = come(site, MAIL % b"a@b.example", Strength.FAILING)
    set_aside.release(site.parts.ledger, one, Actor("one"), site.now)
    with pytest.raises(ValueError, match="does not wait any more"):
        set_aside.keep_out(site.parts.ledger, one, Actor("another"), site.now)


def test_what_is_let_in_is_there_though_its_conversation_was_deleted(site: Site) -> None:
    one = come(site, MAIL % b"a@b.example", Strength.FAILING)

    def conversation(session: Session) -> Conversation:
        message = get_message(session, found(site, one).message_id or "")
        return session.get_one(Conversation, message.conversation_id if message else "")

    site.parts.ledger.write(lambda session: delete(session, conversation(session).id, Actor("another"), site.now))
    set_aside.release(site.parts.ledger, one, Actor("one"), site.now)
    with site.parts.database.session() as session:
        assert conversation(session).state == "open"
