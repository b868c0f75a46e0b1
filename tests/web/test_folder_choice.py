"""The page of a mailbox's folders."""

import json
import re
from html import unescape
from typing import Any

from gatepost.model import Cursor
from gatepost.store.folders import Listed, list_cursors, note_folders, set_cursor
from tests.web.conftest import Site
from tests.web.test_whole import account_of, compared, connected, day

LISTED = {
    "INBOX": Listed("inbox", True, "it is the inbox"),
    "Jünk <1>": Listed("junk", False, "it holds what the provider takes for junk"),
    "Projects": Listed("", True, "it is a folder of mail"),
}


def listed(site: Site, **changes: Any) -> str:
    """An account of Support whose folders were listed; its id."""
    account_id = connected(site, state="live", **changes)

    def op(session: Any) -> None:
        note_folders(session, account_id, LISTED)
        for name in ("INBOX", "Projects"):
            set_cursor(session, account_id, name, uidvalidity=7, last_uid=9)

    site.parts.ledger.write(op)
    return account_id


def rows(site: Site, account_id: str) -> dict[str, Cursor]:
    with site.parts.database.session() as session:
        return {row.folder: row for row in list_cursors(session, account_id)}


def shown_on(page: str) -> list[str]:
    """What the page sends back as the folders that it listed."""
    found = re.search(r'name="shown" value="([^"]*)"', page)
    assert found
    return list(json.loads(unescape(found[1])))


def test_each_folder_stands_with_its_counts_and_why(site: Site) -> None:
    account_id = listed(site, import_choice="new")
    compared(site, account_id, [day(site, 1, 5), day(site, 1, 0, folder="Jünk <1>", on_server=17, skipped=17)])
    admin = site.client("ada@example.org")
    assert "/folders" in admin.get(f"/mailboxes/{site.support}").text
    page = admin.get(f"/mailboxes/{site.support}/folders").text
    assert shown_on(page) == ["INBOX", "Projects", "Jünk <1>"]
    for words in (
        "Read: it is the inbox.",
        "Not read: it holds what the provider takes for junk.",
        "Jünk &lt;1&gt;",
        ">17<",
        "when the mailbox was connected, is fetched behind new mail",
        "counted as left out: the folder is not chosen",
    ):
        assert words in page
    assert re.findall(r'name="read" value="(\d)" checked', page) == ["0", "1"]


def test_ticks_are_saved_and_what_happens_stands_beside(site: Site) -> None:
    account_id = listed(site)
    admin = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}/folders"
    shown = json.dumps(["INBOX", "Projects", "Jünk <1>"])
    answer = admin.post(path, data={"shown": shown, "read": ["0", "2"]})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?done=saved")
    found = rows(site, account_id)
    assert {name: row.chosen for name, row in found.items()} == {"INBOX": None, "Projects": False, "Jünk <1>": True}
    assert account_of(site, account_id).next_poll_at == site.now
    page = admin.get(path).text
    assert "Switched off by hand." in page
    assert "Switched on by hand. It begins with the next look" in page
    admin.post(path, data={"shown": shown, "read": ["0", "1"]})  # as their roles say
    assert {row.chosen for row in rows(site, account_id).values()} == {None}


def test_what_came_since_the_page_was_opened_stays_and_nonsense_is_told(site: Site) -> None:
    account_id = listed(site)
    admin = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}/folders"
    assert admin.post(path, data={"shown": json.dumps(["INBOX", "Gone"]), "read": "0"}).status_code == 303
    assert {row.chosen for row in rows(site, account_id).values()} == {None}
    for shown in (json.dumps(["INBOX", "Projects"]), "{}", "[1]", "x", "[" * 50_000):
        answer = admin.post(path, data={"shown": shown})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert (
        "at least one folder must be read"
        in admin.post(path, data={"shown": json.dumps(["INBOX", "Projects"])}).text.lower()
    )


def test_the_server_is_asked_where_no_folder_is_known(site: Site) -> None:
    account_id = connected(site, state="connecting")
    admin = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}/folders"
    assert "No folders are known yet" in admin.get(path).text

    def ask(asked: str) -> None:
        assert asked == account_id
        site.parts.ledger.write(lambda session: note_folders(session, account_id, LISTED))

    def refuse(asked: str) -> None:
        raise ValueError("Nothing answers on port 993 of imap.example.org.")

    object.__setattr__(site.parts, "list_folders", refuse)
    assert "Nothing answers on port 993" in admin.get(path).text
    assert admin.post(path, data={"act": "list"}).status_code == 422
    object.__setattr__(site.parts, "list_folders", ask)
    assert "Jünk" in admin.get(path).text
    assert admin.post(path, data={"act": "list"}).headers["location"] == f"{path}?done=listed"
