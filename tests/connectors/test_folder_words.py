"""What stands beside each folder: why it is read or not, and what becomes of its mail."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.connectors.folder_words import what_comes, what_stands
from gatepost.model import Account, Cursor
from gatepost.store.folders import AGAIN, FROM_NOW, GONE_FOLDER

NOW = datetime(2026, 11, 22, tzinfo=UTC)
JUNK: dict[str, Any] = {"by_role": False, "role_why": "it holds what the provider takes for junk"}
PLAIN: dict[str, Any] = {"by_role": True, "role_why": "it is a folder of mail"}


def account(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "id": "a", "channel_id": "c", "host": "h", "port": 993, "security": "tls", "username": "u",
        "secret_sealed": b"", "state_since": NOW, "next_poll_at": NOW, "created_at": NOW,
    }  # fmt: skip
    return Account(**values | changes)


def folder(uidvalidity: int = 7, **changes: Any) -> Cursor:
    return Cursor(account_id="a", folder="F", uidvalidity=uidvalidity, **changes)


@pytest.mark.parametrize(
    ("row", "here", "words"),
    [
        (folder(**PLAIN), 9, "Read: it is a folder of mail."),
        (folder(), 9, "Read: as before."),
        (folder(0), 0, "Not read: not listed yet."),
        (folder(**JUNK), 0, "Not read: it holds what the provider takes for junk."),
        (folder(**JUNK, chosen=True), 9, "Switched on by hand."),
        (folder(**PLAIN, chosen=False), 0, "Switched off by hand."),
        (folder(**PLAIN, chosen=False), 1, "Switched off by hand. 1 mail of it is stored and stays."),
        (folder(**PLAIN, chosen=False), 2, "Switched off by hand. 2 mails of it are stored and stay."),
        (folder(**PLAIN, trouble=GONE_FOLDER), 2, f"{GONE_FOLDER} 2 mails of it are stored and stay."),
        (folder(**PLAIN, trouble="No."), 2, "Read: it is a folder of mail. It could not be read: No."),
        (folder(0, by_role=True, floor_uid=FROM_NOW), 0, "Read: as before. New mail is read from the next look on."),
    ],
)  # fmt: skip
def test_a_folder_says_how_it_stands(row: Cursor, here: int, words: str) -> None:
    assert what_stands(row, account(), here) == words


@pytest.mark.parametrize("row", [folder(0, **JUNK, chosen=True), folder(**JUNK, chosen=True, floor_uid=AGAIN)])
def test_one_that_was_switched_on_says_what_comes(row: Cursor) -> None:
    words = what_stands(row, account(), 3)
    assert words.startswith("Switched on by hand. It begins with the next look, within seconds. All that lies there")
    assert "once it is chosen what of the old mail" in what_stands(row, account(import_choice="asking"), 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"import_choice": "all"}, "All that lies there"),
        ({"import_choice": "new"}, "since 2026-11-22, when the mailbox was connected"),
        ({"import_choice": "days", "import_from": datetime(2026, 10, 1, tzinfo=UTC)}, "since 2026-10-01 is fetched"),
        ({"import_choice": "asking"}, "Nothing is fetched before it is chosen"),
    ],
)
def test_what_comes_is_as_the_first_import_was_chosen(changes: dict[str, Any], words: str) -> None:
    assert words in what_comes(account(**changes))
