"""Acts on deliveries and the suppression list as pages: who may, what is asked first, what is said afterwards."""

from datetime import datetime

from gatepost.model import Delivery
from gatepost.reply import Reply
from gatepost.store import deliveries, suppressions
from gatepost.store.claims import claim
from gatepost.store.deliveries import Result
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import LEASE
from tests.web.conftest import Site


def rows(site: Site, message_id: str) -> list[Delivery]:
    with site.parts.database.session() as session:
        return list(deliveries.deliveries_of(session, message_id))


def fail(site: Site, now: datetime) -> None:
    """Everything that is due is refused for its content."""
    refused = Result(DeliveryState.FAILED, Reply(554, "5.7.1", "spam"), "mx.example", "relay", None)
    for taken in site.parts.ledger.write(lambda session: claim(session, 50, LEASE, now)):
        site.parts.ledger.write(lambda session, one=taken: record_reply(session, one, refused, now))  # type: ignore[misc]


def test_a_failed_one_is_tried_again_from_its_page(site: Site) -> None:
    fail(site, site.now)
    agent = site.client("ben@example.org")
    path = f"/messages/{site.message}"
    assert "Try now" in agent.get(path).text
    row = next(row for row in rows(site, site.message) if row.state == "failed")
    answer = agent.post(f"{path}/act", data={"act": "retry", "delivery": row.id})
    assert answer.headers["location"] == f"{path}?done=retry"
    assert next(now for now in rows(site, site.message) if now.id == row.id).state == "queued"
    assert "tried again within seconds" in agent.get(answer.headers["location"]).text
    nonsense = agent.post(f"{path}/act", data={"act": "explode", "back": "https://evil.example/"})
    assert nonsense.headers["location"] == "/inbox?done=unchanged"
    other = agent.post(f"{path}/act", data={"act": "cancel", "delivery": rows(site, site.foreign_message)[0].id})
    assert other.headers["location"].endswith("done=unchanged")


def test_a_corrected_address_is_checked_beside_its_field(site: Site) -> None:
    fail(site, site.now)
    row = next(row for row in rows(site, site.message) if row.state == "failed")
    agent = site.client("ben@example.org")
    path = f"/messages/{site.message}/resend"
    assert row.recipient in agent.get(f"{path}?delivery={row.id}").text
    wrong = agent.post(path, data={"delivery": row.id, "address": "nobody"})
    assert wrong.status_code == 422
    assert 'aria-describedby="problem-address"' in wrong.text
    assert agent.post(path, data={"delivery": row.id, "address": "new@x.example"}).status_code == 303
    assert [new.state for new in rows(site, site.message) if new.recipient == "new@x.example"] == ["queued"]


def test_many_are_sent_again_after_a_preview_and_only_of_the_own_mailboxes(site: Site) -> None:
    fail(site, site.now)
    agent = site.client("ben@example.org")
    waiting = [row for row in rows(site, site.message) if row.state == "failed"]
    assert f"{len(waiting)} message" in agent.get("/messages/retry").text
    assert agent.post("/messages/retry", data={}).status_code == 303
    assert not [row for row in rows(site, site.message) if row.state == "failed"]
    assert "failed" in {row.state for row in rows(site, site.foreign_message)}


def test_the_suppression_list_is_the_admins(site: Site) -> None:
    admin = site.client("ada@example.org")
    assert "No address is suppressed" in admin.get("/suppressions").text
    wrong = admin.post("/suppressions", data={"address": "nobody"})
    assert (wrong.status_code, "problem-address" in wrong.text) == (422, True)
    admin.post("/suppressions", data={"address": "Gone@x.example", "reason": "<b>left</b>", "days": "90"})
    shown = admin.get("/suppressions?q=gone").text
    assert "gone@x.example" in shown
    assert "&lt;b&gt;left" in shown
    with site.parts.database.session() as session:
        assert suppressions.count_suppressions(session, site.now) == 1
    gone = admin.post("/suppressions/remove", data={"address": "gone@x.example"})
    assert gone.headers["location"].endswith("done=removed")
    assert admin.post("/suppressions/remove", data={}).headers["location"].endswith("done=gone")
