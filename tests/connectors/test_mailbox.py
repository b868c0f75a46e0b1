"""Whole mailboxes at a real Dovecot: all folders, flags, what vanishes, what moves, and other numbers for old mail."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from gatepost.connectors.completeness import Day
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.left_out import Reason
from gatepost.connectors.sync import MOST_CHANGES
from gatepost.connectors.verify import verify
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys
from gatepost.store import folders
from gatepost.store.folder_choice import choose_folders
from tests.connectors.desk import Desk, Inbox, mail
from tests.rig.dovecot import Dovecot, started

PLAIN = "IMAP4 IMAP4rev1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
"""What Exchange says that it can."""


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


@pytest.fixture(scope="module")
def plain_dovecot() -> Iterator[Dovecot]:
    """Dovecot dressed as Exchange: no CONDSTORE, QRESYNC, SPECIAL-USE, ENABLE."""
    with started(PLAIN) as server:
        yield server


@pytest.fixture(params=["qresync", "plain"])
def server(request: pytest.FixtureRequest) -> Dovecot:
    """The same stories are played with and without extensions."""
    found = request.getfixturevalue("shared_dovecot" if request.param == "qresync" else "plain_dovecot")
    assert isinstance(found, Dovecot)
    return found


def connect(desk: Desk, server: Dovecot, mails: int = 3) -> str:
    user = server.add_user()
    desk.add(server.port, user)
    for number in range(1, mails + 1):
        server.deliver(user, mail(number))
    return user


def flag(server: Dovecot, user: str, flags: str, uid: int, folder: str = "INBOX") -> None:
    server.doveadm("flags", "add", "-u", user, flags, "mailbox", folder, "uid", str(uid))


def flags_of(desk: Desk, folder: str = "INBOX") -> dict[int, str]:
    cursor = desk.cursor(folder)
    assert cursor is not None
    return {view.uid: view.flags for view in desk.views(cursor.uidvalidity, folder)}


def gone(desk: Desk, folder: str = "INBOX") -> list[int]:
    cursor = desk.cursor(folder)
    assert cursor is not None
    return [view.uid for view in desk.views(cursor.uidvalidity, folder) if view.gone_at]


def stored_in(desk: Desk, folder: str) -> list[int]:
    cursor = desk.cursor(folder)
    return desk.stored(cursor.uidvalidity, folder) if cursor else []


def test_every_folder_is_read_but_drafts_and_what_was_thrown_away(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server, 1)
    seen: list[tuple[str, bool]] = []
    desk.inbox.before = lambda mail: seen.append((mail.folder, mail.sent))
    for number, folder in enumerate(("Sent", "Drafts", "Trash", "Spam", "Kunden/Ä & Co", "Archive"), 10):
        server.deliver(user, mail(number), folder.replace("Ä & Co", "Nord"))
    assert desk.poll().mails == 4
    assert sorted(seen) == [("Archive", False), ("INBOX", False), ("Kunden/Nord", False), ("Sent", True)]
    roles = {row.folder: row.role for row in desk.cursors()}
    assert [roles[name] for name in ("Drafts", "Trash", "Spam", "Sent")] == ["drafts", "trash", "junk", "sent"]
    server.deliver(user, mail(20), "Sent")
    assert desk.poll().mails == 1


def test_mail_that_somebody_opened_is_fetched_all_the_same(desk: Desk, server: Dovecot) -> None:
    """Complaint 20."""
    user = connect(desk, server)
    flag(server, user, "\\Seen", 2)
    assert desk.poll().mails == 3
    assert flags_of(desk) == {1: "", 2: "\\Seen", 3: ""}


def test_changed_flags_are_noticed(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server)
    desk.poll()
    flag(server, user, "\\Answered \\Seen $Label1", 3)
    assert desk.poll().mails == 0
    assert flags_of(desk) == {1: "", 2: "", 3: "$Label1 \\Answered \\Seen"}


def test_expunged_mail_stays_here_and_its_place_is_gone(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server)
    desk.poll()
    server.doveadm("expunge", "-u", user, "mailbox", "INBOX", "uid", "1:2")
    server.deliver(user, mail(4))
    assert desk.poll().mails == 1
    assert (gone(desk), stored_in(desk, "INBOX")) == ([1, 2], [1, 2, 3, 4])
    assert desk.poll().mails == 0


def test_moved_mail_gets_another_place(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server)
    server.maildir(user, "Kunden")
    desk.poll()
    server.doveadm("move", "-u", user, "Kunden", "mailbox", "INBOX", "uid", "2")
    assert desk.poll().mails == 1
    assert (gone(desk), stored_in(desk, "Kunden")) == ([2], [1])


@pytest.mark.parametrize("renumbered", [False, True])
def test_a_folder_switched_off_keeps_what_it_has_and_switched_on_catches_up_quietly(
    desk: Desk, shared_dovecot: Dovecot, renumbered: bool
) -> None:
    user = connect(desk, shared_dovecot, 1)
    for number in (10, 11):
        shared_dovecot.deliver(user, mail(number), "Kunden")
    assert desk.poll().mails == 3
    choose(desk, False)
    shared_dovecot.deliver(user, mail(12), "Kunden")
    assert desk.poll().mails == 0
    row = desk.cursor("Kunden")
    assert row
    assert (desk.stored(row.uidvalidity, "Kunden"), gone(desk, "Kunden")) == ([1, 2], [])
    assert [(day.on_server, day.skipped, day.reasons) for day in compared(desk)] == [(3, 3, {Reason.FOLDER: 3})]
    if renumbered:
        shared_dovecot.set_uidvalidity(user, row.uidvalidity + 9, "Kunden")
    choose(desk, True)
    seen: list[tuple[int, bool]] = []
    desk.inbox.before = lambda mail: seen.append((mail.uid, mail.old))
    assert [day.waiting for day in compared(desk)] == [3 if renumbered else 1]
    assert desk.poll().mails == 1
    assert (seen, stored_in(desk, "Kunden")) == ([(3, True)], [1, 2, 3])
    assert [(day.on_server, day.stored) for day in compared(desk)] == [(3, 3)]
    shared_dovecot.deliver(user, mail(13), "Kunden")
    assert desk.poll().mails == 1
    assert seen[-1] == (4, False)


def choose(desk: Desk, read: bool) -> None:
    wanted = {"Kunden": read}
    desk.ledger.write(
        lambda session: choose_folders(session, session.get_one(Account, desk.account_id), wanted, desk.time)
    )


def compared(desk: Desk) -> list[Day]:
    """The days of Kunden, as a comparison finds them."""
    found = verify(desk.account(), desk.login(desk.account()), desk.database, private_hosts=True)
    return [day for day in found.days if day.folder == "Kunden"]


def test_another_uidvalidity_downloads_nothing_again(desk: Desk, server: Dovecot) -> None:
    """Complaint 24."""
    user = connect(desk, server)
    desk.poll()
    before = {view.uid: view.arrival_id for view in desk.views(uidvalidity(desk))}
    old = uidvalidity(desk)
    flag(server, user, "\\Seen", 2)
    desk.inbox.before = fail
    server.set_uidvalidity(user, old + 77)
    assert desk.poll().mails == 0
    views = desk.views(old + 77)
    assert ({view.uid: view.arrival_id for view in views}, desk.stored(old)) == (before, [])
    desk.inbox.before = lambda mail: None
    server.deliver(user, mail(4))
    assert desk.poll().mails == 1
    assert flags_of(desk)[2] == "\\Seen"
    assert [row.changes for row in desk.cursors() if row.folder == "INBOX"] == [0]


def test_a_folder_that_was_built_anew_keeps_what_it_had_and_fetches_the_rest(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server, 5)
    desk.poll()
    old = uidvalidity(desk)
    server.doveadm("expunge", "-u", user, "mailbox", "INBOX", "all")
    server.set_uidvalidity(user, old + 5)
    for number in (4, 9, 2, 4):
        server.deliver(user, mail(number))
    fetched: list[bytes] = []
    desk.inbox.before = lambda mail: fetched.append(mail.raw)
    assert desk.poll().mails == 2
    assert fetched == [mail(9), mail(4)]
    assert [view.uid for view in desk.views(old) if view.gone_at] == [1, 3, 5]
    assert len(stored_in(desk, "INBOX")) == 4
    assert desk.poll().mails == 0


def test_a_folder_that_changes_its_numbers_all_the_time_is_told(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = connect(desk, shared_dovecot)
    desk.poll()
    desk.inbox.before = fail
    first = uidvalidity(desk)
    for change in range(1, MOST_CHANGES + 1):
        shared_dovecot.set_uidvalidity(user, first + change)
        desk.poll()
    assert [row.changes for row in desk.cursors() if row.folder == "INBOX"] == [MOST_CHANGES]
    shared_dovecot.set_uidvalidity(user, first + 50)
    desk.poll(after=timedelta(minutes=1))
    assert uidvalidity(desk) == first + MOST_CHANGES
    desk.poll()
    assert uidvalidity(desk) == first + 50


def test_a_folder_that_is_gone_and_comes_back_repeats_nothing(desk: Desk, server: Dovecot) -> None:
    user = connect(desk, server, 1)
    server.deliver(user, mail(5), "Kunden")
    assert desk.poll().mails == 2
    server.doveadm("mailbox", "rename", "-u", user, "Kunden", "Spam")
    desk.poll()
    assert [row.trouble for row in desk.cursors() if row.folder == "Kunden"] == [folders.GONE_FOLDER]
    server.doveadm("mailbox", "rename", "-u", user, "Spam", "Kunden")
    desk.inbox.before = fail
    assert desk.poll().mails == 0
    assert [row.trouble for row in desk.cursors() if row.folder == "Kunden"] == [""]


def test_what_was_missed_is_fetched_and_nothing_else(desk: Desk, server: Dovecot) -> None:
    connect(desk, server, 5)
    desk.inbox.bad = set()
    desk.poll()
    desk.forget(3)
    fetched: list[int] = []
    desk.inbox.before = lambda mail: fetched.append(mail.uid)
    back = {"last_uid": 2, "highestmodseq": 0, "checked_at": None}
    desk.ledger.write(lambda session: folders.set_cursor(session, desk.account_id, "INBOX", **back))
    assert desk.poll().mails == 1
    assert (fetched, stored_in(desk, "INBOX")) == ([3], [1, 2, 3, 4, 5])


def uidvalidity(desk: Desk) -> int:
    cursor = desk.cursor()
    assert cursor is not None
    return cursor.uidvalidity


def fail(mail: Fetched) -> None:
    raise AssertionError(f"{mail.folder} {mail.uid} was fetched again")
