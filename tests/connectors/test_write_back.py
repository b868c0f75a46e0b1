"""What is done here is done there, to the mail that it is about, where an account works two ways."""

from datetime import datetime, timedelta

import pytest

from gatepost.connectors.write_back import write_back
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from tests.connectors.sending_rig import RAW, Mailbox
from tests.rig.dovecot import Dovecot


@pytest.fixture
def box(ledger: Ledger, keys: Keys, shared_dovecot: Dovecot, now: datetime) -> Mailbox:
    """A mailbox of two ways with two mails and all folders."""
    box = Mailbox(ledger, keys, shared_dovecot, shared_dovecot.add_user(), now).add(two_way=True)
    for folder in ("Archive", "Junk", "Trash"):
        shared_dovecot.maildir(box.user, folder)
    for name in (b"one", b"two"):
        shared_dovecot.deliver(box.user, RAW % name)
    return box


def work(box: Mailbox) -> None:
    box.time += timedelta(seconds=1)
    while write_back(box.filing()):
        pass


def said(box: Mailbox) -> list[tuple[str, str]]:
    return [(row.state, row.why) for row in box.queue()]


@pytest.mark.parametrize(
    ("act", "folder", "why"),
    [
        ("archive", "Archive", "Moved from INBOX to Archive"),
        ("spam", "Junk", "Moved from INBOX to Junk"),
        ("trash", "Trash", "Moved from INBOX to Trash"),
        ("inbox", "INBOX", "It stays in INBOX"),
    ],
)
def test_a_mail_is_moved_and_no_other(box: Mailbox, act: str, folder: str, why: str) -> None:
    first = box.fetched("one", uid=1)
    box.wanted(first, act)
    work(box)
    assert said(box) == [("done", why)]
    assert len(box.files(folder)) == (2 if folder == "INBOX" else 1)
    assert len(box.files()) == (2 if folder == "INBOX" else 1)


def test_read_and_unread(box: Mailbox) -> None:
    first = box.fetched("one", uid=1)
    box.wanted(first, "read")
    work(box)
    assert sorted(name.rpartition(",")[2] for name in box.files() if "," in name)[-1:] == ["S"]
    assert sum(name.endswith("S") for name in box.files()) == 1
    box.wanted(first, "unread")
    work(box)
    assert sum(name.endswith("S") for name in box.files()) == 0
    assert {state for state, _ in said(box)} == {"done"}


def test_what_was_numbered_anew_or_is_another_mail_is_left_alone(box: Mailbox) -> None:
    box.wanted(box.fetched("one", uid=1, uidvalidity=7), "trash")
    box.wanted(box.fetched("three", uid=2), "trash")
    work(box)
    assert said(box) == [("failed", "The mail is not in INBOX any more")] * 2
    assert (len(box.files()), box.files("Trash")) == (2, [])


def test_the_last_word_counts_and_junk_is_not_archived(box: Mailbox) -> None:
    first = box.fetched("one", uid=1)
    for act in ("archive", "inbox", "spam", "archive"):
        box.wanted(first, act)
    work(box)
    assert sorted(row.state for row in box.queue()) == ["done", "replaced", "replaced"]
    assert len(box.files("Junk")) == 1


def test_switched_off_meanwhile(box: Mailbox) -> None:
    from gatepost.store.sending import set_sending

    box.wanted(box.fetched("one", uid=1), "trash")
    box.ledger.write(lambda s: set_sending(s, s.merge(box.account()), two_way=False))
    work(box)
    assert said(box) == [("failed", "Two ways was switched off for this mailbox meanwhile")]
    assert len(box.files()) == 2


def test_trouble_is_tried_again(box: Mailbox) -> None:
    box.wanted(box.fetched("one", uid=1), "trash")
    box.port = 1
    work(box)
    (row,) = box.queue()
    assert (row.state, row.tries) == ("due", 1)
    box.port = 0
    box.time += timedelta(hours=1)
    work(box)
    assert said(box) == [("done", "Moved from INBOX to Trash")]


@pytest.mark.parametrize(("aside", "back", "folder"), [("trash", "inbox", "INBOX"), ("spam", "back", "Archive")])
def test_what_was_put_aside_is_brought_back(box: Mailbox, aside: str, back: str, folder: str) -> None:
    """Trash and spam are not read, so only its Message-ID tells where the mail lies there."""
    first = box.fetched("one", uid=1)
    box.wanted(first, aside)
    work(box)
    box.wanted(first, back)
    work(box)
    away = "Trash" if aside == "trash" else "Junk"
    assert sorted(said(box)) == sorted(
        [("done", f"Moved from INBOX to {away}"), ("done", f"Moved from {away} to {folder}")]
    )
    assert (len(box.files(folder)), box.files(away)) == (2 if folder == "INBOX" else 1, [])


@pytest.mark.parametrize(("other", "where"), [("Junk", "Junk"), ("Trash", "Trash and Junk")])
def test_of_two_mails_with_one_id_none_is_brought_back(box: Mailbox, other: str, where: str) -> None:
    """Anybody may write a mail with the same id, and spam is where it would lie."""
    first = box.fetched("one", uid=1)
    box.wanted(first, "spam")
    work(box)
    box.dovecot.deliver(box.user, RAW % b"one", other)
    box.wanted(first, "inbox")
    work(box)
    (why,) = (why for state, why in said(box) if state == "failed")
    assert f"Several mails in {where} have its Message-ID" in why
    assert len(box.files("Junk")) + len(box.files("Trash")) == 2
