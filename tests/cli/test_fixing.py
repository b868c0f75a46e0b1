"""`gatepost queue fix` and `queue list --tag` on mail that was really accepted and refused."""

from gatepost.ids import new_id
from gatepost.model import Conversation
from gatepost.parts import clock
from gatepost.store.rows import insert_row
from tests.cli.conftest import Command
from tests.cli.test_queue import ANA, BOB
from tests.cli.test_queue import message as message

NEW = "anna@calderon.example"


def test_what_failed_is_listed_previewed_and_sent(gatepost: Command, message: str) -> None:
    (row,) = gatepost.objects("queue", "fix")
    assert (row["address"], row["mails"]) == (ANA, 1)
    assert row["reason"]
    assert "queue fix OLD=NEW --preview" in gatepost.run("queue", "fix").stdout
    assert gatepost.objects("queue", "fix", "--domain", "other.example") == []
    planned = {"from": ANA, "to": NEW, "ready": 1, "refused": {}}
    assert gatepost.objects("queue", "fix", f"{ANA}={NEW}", "--preview") == [{"data": [planned], "sent": 0}]
    assert "Nothing was sent" in gatepost.run("queue", "fix", f"{ANA}={NEW}", "--preview").stdout
    assert "1 delivery is to be sent to corrected addresses; add --yes" in gatepost.refused(
        "queue", "fix", f"{ANA}={NEW}"
    )
    assert gatepost.objects("queue", "list", "--recipient", NEW) == []
    assert gatepost.objects("queue", "fix", f"{ANA.upper()}={NEW}", "--yes") == [
        {"data": [planned | {"from": ANA}], "sent": 1}
    ]
    (new,) = gatepost.objects("queue", "list", "--recipient", NEW)
    assert (new["state"], new["message"]) == ("queued", message)
    assert "No failed mail fits" in gatepost.run("queue", "fix", f"{ANA}=x@calderon.example", "--yes").stdout
    assert "Everything holds" in gatepost.run("fsck").stdout


def test_who_has_the_mail_already_gets_no_second_one(gatepost: Command, message: str) -> None:
    (told,) = gatepost.objects("queue", "fix", f"{ANA}={BOB}", "--yes")
    (row,) = told["data"]
    assert (row["ready"], told["sent"]) == (0, 0)
    assert list(row["refused"].values()) == [1]
    assert "1 mail left as before" in gatepost.run("queue", "fix", f"{ANA}={BOB}", "--preview").stderr


def test_bad_corrections_are_named(gatepost: Command, message: str) -> None:
    for wrong in ("ana", "ana=anna", f"{ANA}", f"{ANA}=", f"={ANA}"):
        assert "write it as OLD=NEW" in gatepost.refused("queue", "fix", wrong)
    assert "named twice" in gatepost.refused("queue", "fix", f"{ANA}={NEW}", f"{ANA}={BOB}")
    assert f"FIX {ANA}=nobody: " in gatepost.refused("queue", "fix", f"{ANA}=nobody", "--yes")
    assert "--credential nobody: 0 credentials" in gatepost.refused("queue", "fix", "--credential", "nobody")


def test_the_equals_sign_of_an_old_address_is_its_own(gatepost: Command, message: str) -> None:
    (told,) = gatepost.objects("queue", "fix", f"a=b@x.example={NEW}", "--preview")
    assert [(row["from"], row["to"], row["ready"]) for row in told["data"]] == [("a=b@x.example", NEW, 0)]


def test_mail_is_listed_by_the_tag_of_its_conversation(gatepost: Command, message: str) -> None:
    assert gatepost.objects("queue", "list", "--tag", "vip") == []

    now = clock()
    row = Conversation(
        id=new_id("con"),
        number=1,
        subject="Order",
        requester=ANA,
        origin_id=message,
        tags=["VIP"],
        created_at=now,
        updated_at=now,
    )
    with gatepost.parts() as parts:
        parts.ledger.write(lambda session: insert_row(session, row))
    assert {row["recipient"] for row in gatepost.objects("queue", "list", "--tag", "vip")} == {ANA, BOB}
    assert [row["recipient"] for row in gatepost.objects("queue", "list", "--tag", "vip", "--state", "failed")] == [ANA]
    assert gatepost.objects("queue", "list", "--tag", "vi") == []
