"""Complaints of users of such systems, each as what people see here; named after their numbers."""

from datetime import timedelta

from sqlmodel import Session

from gatepost.ids import new_id
from gatepost.model import Arrival, Delivery, Raw
from gatepost.reply import Reply
from gatepost.store import claims, deliveries, suppressions
from gatepost.store.deliveries import Result
from gatepost.words import DeliveryState, Outcome
from tests.rows import record_reply
from tests.web.conftest import Site

LEASE = timedelta(minutes=5)


def again(site: Site, *addresses: str) -> None:
    """Further recipients of the message, waiting for their first attempt."""

    def write(session: Session) -> None:
        for address in addresses:
            session.add(
                Delivery(
                    id=new_id("dlv"), message_id=site.message, recipient=address, next_attempt_at=site.now,
                    created_at=site.now, updated_at=site.now,
                )
            )  # fmt: skip

    site.parts.ledger.write(write)


def attempt(site: Site, replies: dict[str, Reply]) -> None:
    """Each waiting recipient is answered: those named as given, the others with a yes."""
    for claim in site.parts.ledger.write(lambda session: claims.claim(session, 50, LEASE, site.now)):
        reply = replies.get(claim.recipient, Reply(250, "2.0.0", "ok"))
        state = DeliveryState.DELIVERED if reply.positive else DeliveryState.FAILED
        result = Result(state, reply, "mx.customer.example", "relay", None)
        site.parts.ledger.write(
            lambda session, one=claim, come=result: record_reply(session, one, come, site.now)  # type: ignore[misc]
        )


def states(site: Site) -> dict[str, str]:
    with site.parts.database.session() as session:
        return {row.recipient: row.state for row in deliveries.deliveries_of(session, site.message)}


def page(site: Site) -> str:
    return site.client("ben@example.org").get(f"/messages/{site.message}").text


def test_complaint_26_what_a_server_refused_is_never_called_sent(site: Site) -> None:
    again(site, "refused@x.example")
    attempt(site, {"refused@x.example": Reply(554, "5.7.1", "no")})
    assert states(site)["refused@x.example"] == "failed"
    assert "refused@x.example: not delivered. Show why" in page(site)


def test_complaint_28_one_claim_wins_and_a_late_worker_changes_nothing(site: Site) -> None:
    again(site, "once@x.example")
    (first,) = site.parts.ledger.write(lambda session: claims.claim(session, 50, LEASE, site.now))
    assert site.parts.ledger.write(lambda session: claims.claim(session, 50, LEASE, site.now)) == []
    later = site.now + LEASE + timedelta(seconds=1)
    (second,) = site.parts.ledger.write(lambda session: claims.claim(session, 50, LEASE, later))
    yes = Result(DeliveryState.DELIVERED, Reply(250, "2.0.0", "ok"), "mx", "relay", None)
    no = Result(DeliveryState.FAILED, Reply(550, "5.1.1", "late"), "mx", "relay", None)
    site.parts.ledger.write(lambda session: record_reply(session, second, yes, later))
    site.parts.ledger.write(lambda session: record_reply(session, first, no, later))
    assert states(site)["once@x.example"] == "delivered"


def test_complaint_29_one_refusal_stops_nobody_else(site: Site) -> None:
    again(site, "a@x.example", "bad@x.example", "z@x.example")
    attempt(site, {"bad@x.example": Reply(550, "5.1.1", "unknown")})
    found = states(site)
    assert [found[name] for name in ("a@x.example", "bad@x.example", "z@x.example")] == [
        "delivered",
        "failed",
        "delivered",
    ]


def test_complaint_31_a_partial_failure_says_that_the_others_got_it(site: Site) -> None:
    shown = page(site)
    assert "Could not be delivered to some recipients" in shown
    assert "1 delivered" in shown


def test_complaint_32_spam_never_suppresses_and_an_entry_has_reason_proof_end_and_a_way_out(site: Site) -> None:
    again(site, "spam@x.example", "gone@x.example")
    refused = {"spam@x.example": Reply(554, "5.7.1", "spam"), "gone@x.example": Reply(550, "5.1.1", "User unknown")}
    attempt(site, refused)
    admin = site.client("ada@example.org")
    shown = admin.get("/suppressions").text
    assert "spam@x.example" not in shown
    for text in ("gone@x.example", "does not exist", "550 5.1.1 User unknown", "Its server told us"):
        assert text in shown
    with site.parts.database.session() as session:
        (row,) = suppressions.list_suppressions(session)
    assert row.expires_at
    assert f'href="/messages/{site.message}"' in shown
    assert "is on the suppression list" in admin.get("/suppressions?q=gone@x.example").text
    tested = admin.get("/suppressions?q=spam@x.example").text
    assert "would be sent: it is not on the list. The last mail there did not arrive" in tested
    admin.post("/suppressions/remove", data={"address": "gone@x.example"})
    assert "gone@x.example" not in admin.get("/suppressions").text


def test_complaint_33_a_bounce_that_fits_no_mail_is_listed_with_why(site: Site) -> None:
    def write(session: Session) -> None:
        session.add(Raw(id="raw_1", data=b"x", size=1))
        session.flush()
        for number, why in enumerate(("The report is about no mail that we sent", "The report returns a mail of ours")):
            session.add(
                Arrival(
                    id=f"arr_{number}", receipt=str(number), inlet="mx", recipient=f"b{number}@bounce.example.org",
                    raw_id="raw_1", received_at=site.now, outcome=Outcome.REPORT, outcome_why=why,
                )
            )  # fmt: skip

    site.parts.ledger.write(write)
    admin = site.client("ada@example.org")
    shown = admin.get("/inbound").text
    assert "b0@bounce.example.org" in shown
    assert "b1@bounce.example.org" not in shown
    assert "b1@bounce.example.org" in admin.get("/inbound?tab=report").text
    assert "Nothing here" in admin.get("/inbound?tab=quarantined").text
    assert site.client("ben@example.org").get("/inbound").status_code == 403
