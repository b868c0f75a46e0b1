"""The page of a mailbox's folders, with names as people and hostile servers write them, on a desk and on a phone."""

from pathlib import Path

from playwright.sync_api import expect
from sqlmodel import Session

from gatepost.connectors.folders import Entry, listed_of
from gatepost.parts import clock
from gatepost.store.accounts import create_account
from gatepost.store.channels import create_channel
from gatepost.store.folders import note_folders, set_cursor
from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk
from tests.browser.test_looks import PHONE, look_at

NAMES = {
    "INBOX": "inbox", "Sent": "sent", "Projekte/Ärzte & <b>Söhne</b>": "", "Long/" + "x" * 180: "", "Junk": "junk",
    "顧客/見積書": "",
}  # fmt: skip


def fill(session: Session, desk: Desk) -> str:
    """A connected mailbox whose folders are known; its channel."""
    now = clock()
    channel = create_channel(session, name="Folders", address="folders@northwind.test", now=now)
    account = create_account(
        session, desk.product.parts.keys, channel_id=channel.id, host="imap.northwind.test", port=993, security="tls",
        username=channel.address, secret="s3cret", now=now, import_choice="asking",
    )  # fmt: skip
    entries = [Entry(name, role, by_flag=True) for name, role in NAMES.items()]
    note_folders(session, account.id, listed_of(entries, gmail=False, folder="INBOX"))
    set_cursor(session, account.id, "INBOX", uidvalidity=7, last_uid=9)
    return channel.id


def test_folders_are_chosen_by_ticks(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    channel_id = desk.product.write(lambda session: fill(session, desk))
    path = f"/mailboxes/{channel_id}/folders"
    tab = open_tab(path)
    expect(tab.get_by_label("Sent")).to_be_checked()
    tab.get_by_label("Sent").uncheck()
    tab.get_by_label("Junk").check()
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_text("Switched off by hand.")).to_be_visible()
    expect(tab.get_by_label("Junk")).to_be_checked()
    look_at(tab, desk, path, artifacts / "desk-light")
    phone = open_tab(width=PHONE[0], height=PHONE[1], dark=True)
    look_at(phone, desk, path, artifacts / "phone-dark")
