"""`gatepost queue` and `gatepost trace` on mail that was really accepted."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.put import Submission
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.claims import claim
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import Claim, Result
from gatepost.words import DeliveryState
from tests.cli.conftest import SUPPORT, Command
from tests.rows import record_reply

ANA, BOB = "ana@calderon.example", "bob@other.example"
NOTHING = {"changed": 0, "refused": {}}
CONTENT = b"From: Shop <orders@shop.example>\r\nTo: ana@calderon.example\r\nSubject: Order\r\n\r\nHello\r\n"


@pytest.fixture
def message(gatepost: Command) -> str:
    """A mail to Ana, who has no such mailbox, and Bob, who is to be tried again in an hour; its id."""
    with gatepost.parts() as parts:
        credential, _ = parts.ledger.write(
            lambda s: create_credential(s, parts.keys, kind="smtp", name="Shop", senders=["shop.example"], now=clock())
        )
        gate = Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs)
        envelope = Envelope("orders@shop.example", (ANA, BOB), CONTENT)
        submission = Submission(envelope, ("shop.example",), "smtp", credential=credential)
        identifier = accept(gate, submission, clock()).result()

        def attempt(session: Session) -> None:
            for taken in claim(session, 10, timedelta(minutes=5), clock()):
                record_reply(session, taken, answer(taken), clock())

        parts.ledger.write(attempt)
    return identifier


def answer(taken: Claim) -> Result:
    if taken.recipient == ANA:
        return Result(DeliveryState.FAILED, Reply(550, "5.1.1", "No such user"), "mx.calderon.example", "relay", None)
    later = clock() + timedelta(hours=1)
    return Result(DeliveryState.DELAYED, Reply(451, "4.3.0", "Later"), "mx.other.example", "relay", later)


def test_the_queue_is_listed_by_what_is_asked(gatepost: Command, message: str) -> None:
    assert [row["recipient"] for row in gatepost.objects("queue", "list")] == [BOB]
    assert [row["recipient"] for row in gatepost.objects("queue", "list", "--state", "failed")] == [ANA]
    assert [row["recipient"] for row in gatepost.objects("queue", "list", "--recipient", "Ana@calderon.example")] == [
        ANA
    ]
    assert [row["recipient"] for row in gatepost.objects("queue", "list", "--domain", "Other.example")] == [BOB]
    assert gatepost.objects("queue", "list", "--domain", "er.example") == []
    assert BOB in gatepost.run("queue", "list").stdout
    assert "No delivery fits" in gatepost.run("queue", "list", "--state", "expired").stdout
    assert "--limit shows more" in gatepost.run("queue", "list", "--domain", "other.example", "--limit", "1").stderr


def test_one_delivery_with_its_attempts(gatepost: Command, message: str) -> None:
    (row,) = gatepost.objects("queue", "list", "--state", "failed")
    (shown,) = gatepost.objects("queue", "show", row["id"])
    assert (shown["code"], shown["status"], shown["remote_host"]) == (550, "5.1.1", "mx.calderon.example")
    assert [event["state"] for event in shown["events"]] == ["failed"]
    assert "No such user" in gatepost.run("queue", "show", row["id"]).stdout


def test_states_are_counted(gatepost: Command, message: str) -> None:
    (counts,) = gatepost.objects("queue", "counts")
    assert {state: number for state, number in counts.items() if number} == {"failed": 1, "delayed": 1}
    assert "delayed" in gatepost.run("queue", "counts").stdout


def test_retry_asks_first_and_takes_only_what_waits(gatepost: Command, message: str) -> None:
    assert "1 delivery is to be tried now; add --yes" in gatepost.refused("queue", "retry")
    assert gatepost.objects("queue", "retry", "--domain", "calderon.example", "--yes") == [NOTHING]
    assert "name their --state" in gatepost.run("queue", "retry", "--domain", "calderon.example", "--yes").stdout
    assert gatepost.objects("queue", "retry", "--domain", "other.example", "--yes") == [{"changed": 1, "refused": {}}]
    with gatepost.parts() as parts:
        due = parts.ledger.write(lambda session: claim(session, 10, timedelta(minutes=5), clock()))
    assert [taken.recipient for taken in due] == [BOB]


def test_mail_is_held_released_and_cancelled(gatepost: Command, message: str) -> None:
    assert "1 delivery is to be held; add --yes" in gatepost.refused("queue", "hold")
    assert "held until" in gatepost.run("queue", "hold", message, "--yes").stdout
    assert gatepost.objects("queue", "release", "--recipient", BOB, "--yes") == [{"changed": 1, "refused": {}}]
    assert gatepost.objects("queue", "cancel", "--state", "queued", "--yes") == [{"changed": 1, "refused": {}}]
    (row,) = gatepost.objects("queue", "list", "--state", "cancelled")
    (shown,) = gatepost.objects("queue", "show", row["id"])
    assert [event["text"] for event in shown["events"]][-1] == "Cancelled by the command line"
    assert "--conversation 99: there is no such conversation" in gatepost.refused(
        "queue", "hold", "--conversation", "99"
    )
    assert "--credential nobody: 0 credentials" in gatepost.refused("queue", "hold", "--credential", "nobody")


def test_a_failed_one_is_sent_to_the_corrected_address(gatepost: Command, message: str) -> None:
    (row,) = gatepost.objects("queue", "list", "--state", "failed")
    assert "is a recipient of this mail already" in gatepost.refused("queue", "resend", row["id"], BOB)
    (made,) = gatepost.objects("queue", "resend", row["id"], "anna@calderon.example")
    (new,) = gatepost.objects("queue", "list", "--recipient", "anna@calderon.example")
    assert (new["id"], new["state"], new["message"]) == (made["id"], "queued", message)


def test_the_suppression_list_is_kept_by_hand(gatepost: Command) -> None:
    assert "No address is suppressed" in gatepost.run("suppression", "list").stdout
    gatepost.run("suppression", "add", "Gone@x.example", "--reason", "Left", "--days", "30")
    (row,) = gatepost.objects("suppression", "list", "--search", "gone")
    assert (row["address"], row["reason"], row["source"]) == ("gone@x.example", "Left", "person")
    assert "is sent again" in gatepost.run("suppression", "remove", "gone@x.example").stdout
    assert "it is not on the list" in gatepost.refused("suppression", "remove", "gone@x.example")
    assert "ADDRESS nobody" in gatepost.refused("suppression", "add", "nobody")


def test_fsck_says_that_everything_holds(gatepost: Command, message: str) -> None:
    assert "Everything holds: 2 recipients accepted" in gatepost.run("fsck").stdout
    assert gatepost.objects("fsck", "--fix") == []


def test_bad_conditions_are_named(gatepost: Command) -> None:
    assert "--state done: the states are queued" in gatepost.refused("queue", "list", "--state", "done")
    assert "--recipient x" in gatepost.refused("queue", "list", "--recipient", "x")
    assert "--domain a b" in gatepost.refused("queue", "retry", "--domain", "a b")
    assert "no such delivery" in gatepost.refused("queue", "show", "dlv_1")


def test_a_message_is_traced_by_all_its_names(gatepost: Command, message: str) -> None:
    (told,) = gatepost.objects("trace", message)
    ana, bob = sorted(told["deliveries"], key=lambda delivery: str(delivery["recipient"]))
    assert (ana["state"], bob["state"]) == ("failed", "delayed")
    assert ana["advice"]
    assert {"message.queued", "delivery.failed", "delivery.delayed"} <= {event["kind"] for event in told["events"]}
    for name in (ana["id"], ANA, "orders@shop.example", told["message_id"], f"<{told['message_id']}>"):
        assert [one["id"] for one in gatepost.objects("trace", name)] == [message]
    text = gatepost.run("trace", message).stdout
    assert "550 5.1.1 No such user" in text
    assert f"to {BOB}: delayed after 1 attempt" in text


def test_an_inbound_mail_tells_why_it_is_where_it_is(gatepost: Command, tmp_path: Path) -> None:
    path = tmp_path / "1.eml"
    path.write_bytes(b"Message-ID: <1@x.example>\nFrom: ana@x.example\nSubject: Hi\n\nHello\n")
    gatepost.run("import", str(path), "--mailbox", SUPPORT)
    (told,) = gatepost.objects("trace", "1@x.example")
    assert told["outcome"] == "placed"
    assert "A new conversation" in told["why"][0]
    (arrival,) = told["arrivals"]
    assert (arrival["inlet"], arrival["recipient"]) == ("import", SUPPORT)
    for name in (arrival["id"], "#1", "1", "ana@x.example"):
        assert [one["id"] for one in gatepost.objects("trace", name)] == [told["id"]]
    assert "came by import" in gatepost.run("trace", "#1").stdout


def test_what_nobody_knows_cannot_be_traced(gatepost: Command) -> None:
    for name in ("msg_1", "dlv_1", "con_1", "arr_1", "#77", "nobody@x.example", "what", "9" * 30):
        assert "nothing here has this id" in gatepost.refused("trace", name)
