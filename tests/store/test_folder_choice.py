"""Choosing which folders of an account are read: what is kept of it, and what it sets going."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys
from gatepost.store import accounts, channels, completeness, events
from gatepost.store.folder_choice import Changed, choose_folders, folder_lines
from gatepost.store.folders import AGAIN, GONE_FOLDER, Listed, is_read, list_cursors, note_folders, set_cursor

LISTED = {
    "INBOX": Listed("inbox", True, "it is the inbox"),
    "Archive": Listed("archive", True, "it holds what was archived"),
    "Junk": Listed("junk", False, "it holds what the provider takes for junk"),
}


@pytest.fixture
def account_id(ledger: Ledger, keys: Keys, now: datetime) -> str:
    """An account whose three folders were listed, and read as far as they are."""

    def op(session: Session) -> str:
        channel = channels.create_channel(session, name="Box", address="box@gatepost.test", now=now)
        account = accounts.create_account(
            session, keys, channel_id=channel.id, host="imap.example.org", port=993, security="tls",
            username="box", secret="s3cret", now=now,
        )  # fmt: skip
        note_folders(session, account.id, LISTED)
        for name in ("INBOX", "Archive"):
            set_cursor(session, account.id, name, uidvalidity=7, last_uid=9)
        return account.id

    return ledger.write(op)


def choose(ledger: Ledger, account_id: str, now: datetime, **wanted: bool | None) -> Changed:
    return ledger.write(
        lambda session: choose_folders(session, session.get_one(Account, account_id), wanted, now, None)
    )


def test_a_choice_is_kept_told_and_looked_at(
    ledger: Ledger, database: Database, account_id: str, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    ledger.write(lambda session: set_cursor(session, account_id, "Archive", trouble="No."))
    assert choose(ledger, account_id, later, Junk=True, Archive=False, INBOX=True) == Changed(("Junk",), ("Archive",))
    with database.session() as session:
        rows = {row.folder: row for row in list_cursors(session, account_id)}
        account, checked = session.get_one(Account, account_id), completeness.get_verification(session, account_id)
        (event,) = [one for one in events.events_after(session, 0) if one.kind == "account.folders"]
        lines = [line.row.folder for line in folder_lines(session, account_id)]
    assert {name: row.chosen for name, row in rows.items()} == {"INBOX": True, "Archive": False, "Junk": True}
    assert {name: row.floor_uid for name, row in rows.items()} == {"INBOX": 0, "Archive": 0, "Junk": AGAIN}
    assert (rows["Archive"].last_uid, rows["Archive"].trouble) == (9, "")
    assert account.next_poll_at == later
    assert checked
    assert later < checked.next_at <= later + timedelta(minutes=5)
    assert (event.data["read"], event.data["not_read"]) == (["Junk"], ["Archive"])
    assert lines == ["INBOX", "Junk", "Archive"]


def test_what_is_as_it_was_is_no_change(ledger: Ledger, database: Database, account_id: str, now: datetime) -> None:
    assert choose(ledger, account_id, now, INBOX=True, Junk=False) == Changed((), ())
    assert choose(ledger, account_id, now, INBOX=None) == Changed((), ())
    with database.session() as session:
        assert [one for one in events.events_after(session, 0) if one.kind == "account.folders"] == []


def test_one_that_was_switched_off_is_read_again_as_its_role_says(
    ledger: Ledger, database: Database, account_id: str, now: datetime
) -> None:
    choose(ledger, account_id, now, Archive=False)
    assert choose(ledger, account_id, now, Archive=None) == Changed(("Archive",), ())
    with database.session() as session:
        (row,) = [row for row in list_cursors(session, account_id) if row.folder == "Archive"]
    assert (row.chosen, is_read(row), row.floor_uid, row.last_uid) == (None, True, AGAIN, 9)


def test_what_cannot_be_chosen_is_told_and_changes_nothing(
    ledger: Ledger, database: Database, account_id: str, now: datetime
) -> None:
    with pytest.raises(ValueError, match="no folder Spam"):
        choose(ledger, account_id, now, Spam=True, Junk=True)
    with pytest.raises(ValueError, match="at least one folder"):
        choose(ledger, account_id, now, INBOX=False, Archive=False)
    ledger.write(lambda session: set_cursor(session, account_id, "Archive", trouble=GONE_FOLDER))
    with pytest.raises(ValueError, match="at least one folder"):
        choose(ledger, account_id, now, INBOX=False)
    with database.session() as session:
        assert {row.chosen for row in list_cursors(session, account_id)} == {None}
