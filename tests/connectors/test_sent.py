"""One copy of each sent mail in Sent, whatever stops in between, and none where the provider keeps its own."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import update

from gatepost.connectors.sent import file_copies
from gatepost.ledger import Ledger
from gatepost.model import SentCopy
from gatepost.seal import Keys
from gatepost.store.sent_copies import note_sent
from tests.connectors.sending_rig import RAW, Mailbox
from tests.rig.dovecot import Dovecot

LATER = timedelta(minutes=20)


@pytest.fixture
def box(ledger: Ledger, keys: Keys, shared_dovecot: Dovecot, now: datetime) -> Mailbox:
    return Mailbox(ledger, keys, shared_dovecot, shared_dovecot.add_user(), now)


def file_all(box: Mailbox) -> None:
    box.time += LATER
    while file_copies(box.filing()):
        pass


def test_a_copy_is_put_there_once(box: Mailbox) -> None:
    message_id = box.add().sent("one")
    assert not file_copies(box.filing())  # its server may be filing it itself just now
    file_all(box)
    assert (box.copy(message_id).state, box.copy(message_id).folder, box.copy(message_id).uid) == (
        "appended",
        "Sent",
        1,
    )
    assert [name[-1] for name in box.files("Sent")] == ["S"]
    assert (box.dovecot.maildir(box.user, "Sent") / "cur" / box.files("Sent")[0]).read_bytes().replace(
        b"\n", b"\r\n"
    ) == RAW % b"one"


def test_a_crash_after_putting_it_there_leaves_one(box: Mailbox) -> None:
    message_id = box.add().sent("one")
    file_all(box)
    crashed = {"state": "due", "next_at": box.time}
    box.ledger.write(lambda s: s.execute(update(SentCopy).values(**crashed)))
    file_all(box)
    assert box.copy(message_id).state == "found"
    assert len(box.files("Sent")) == 1


def test_what_the_provider_kept_is_not_kept_twice(box: Mailbox) -> None:
    message_id = box.add().sent("one")
    box.dovecot.deliver(box.user, RAW % b"one", "Sent")
    file_all(box)
    assert (box.copy(message_id).state, len(box.files("Sent"))) == ("found", 1)


@pytest.mark.parametrize(
    ("settings", "keeps", "state", "why"),
    [
        ({}, "Google", "left", "Google keeps a copy by itself"),
        ({"sent_copy": "never"}, "", "left", "Copies in Sent are switched off for this mailbox"),
        ({"sent_copy": "always"}, "Google", "appended", "Put into Sent"),
    ],
)
def test_who_keeps_copies_is_known(box: Mailbox, settings: dict[str, str], keeps: str, state: str, why: str) -> None:
    message_id = box.add(**settings).sent("one")
    box.keeps = keeps
    file_all(box)
    assert (box.copy(message_id).state, box.copy(message_id).why) == (state, why)
    assert len(box.files("Sent")) == (state == "appended")


def test_what_may_not_have_gone_out_is_only_looked_for(box: Mailbox) -> None:
    message_id = box.add().sent("one", sure=False)
    for _ in range(4):
        file_all(box)
    assert (box.copy(message_id).state, box.files("Sent")) == ("left", [])
    assert "probably not accepted" in box.copy(message_id).why
    kept = box.sent("two", sure=False)
    box.dovecot.deliver(box.user, RAW % b"two", "Sent")
    file_all(box)
    assert box.copy(kept).state == "found"


def test_what_went_out_after_all_is_put_there(box: Mailbox) -> None:
    message_id = box.add().sent("one", sure=False)
    box.ledger.write(lambda s: note_sent(s, message_id, box.account_id, "", box.time))
    file_all(box)
    assert box.copy(message_id).state == "appended"


def test_trouble_is_waited_out_and_then_told(box: Mailbox) -> None:
    message_id = box.add().sent("one")
    box.port = 1
    file_all(box)
    assert (box.copy(message_id).state, box.copy(message_id).tries) == ("due", 1)
    assert "Nothing answers on port 1" in box.copy(message_id).why
    for _ in range(10):
        box.time += timedelta(hours=2)
        file_all(box)
    assert box.copy(message_id).state == "failed"
