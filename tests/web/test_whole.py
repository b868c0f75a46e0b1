"""The pages of a mailbox's completeness and import, and of what ends: what they show and what their forms do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from gatepost.model import Account, OAuthClient
from gatepost.store import accounts, completeness
from gatepost.web.picture import HEIGHT, LEAST, by_day, by_month
from tests.web.conftest import Site

PREVIEW = {
    "at": "2026-11-22T10:00:00+00:00",
    "folders": [
        {
            "folder": "INBOX", "role": "inbox", "messages": 4321, "oldest": "2019-03-01T10:00:00+00:00",
            "newest": "2026-11-22T09:00:00+00:00", "recent": {"7": 3, "30": 77, "90": 190, "365": 801},
        }
    ],
}  # fmt: skip


def connected(site: Site, **changes: Any) -> str:
    """An account of Support; its id."""

    def op(session: Session) -> str:
        account = accounts.create_account(
            session, site.parts.keys, channel_id=site.support, host="imap.example.org", port=993, security="tls",
            username="support@example.org", secret="s3cret", now=site.now,
        )  # fmt: skip
        for name, value in changes.items():
            setattr(account, name, value)
        session.add(account)
        return account.id

    return site.parts.ledger.write(op)


def account_of(site: Site, account_id: str) -> Account:
    with site.parts.database.session() as session:
        return session.get_one(Account, account_id)


def day(site: Site, back: int, stored: int, missing: int = 0, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "folder": "INBOX", "day": site.now.date() - timedelta(days=back), "on_server": stored + missing,
        "stored": stored, "skipped": 0, "waiting": 0, "missing": missing, "reasons": {}, "uids": [17][:missing],
    }  # fmt: skip
    return {**row, **changes}


def compared(site: Site, account_id: str, rows: list[dict[str, Any]]) -> None:
    account, now = account_of(site, account_id), site.now
    site.parts.ledger.write(
        lambda session: completeness.keep_comparison(session, account, rows, next_at=now + timedelta(days=1), now=now)
    )


def test_completeness_says_at_once_whether_all_is_here(site: Site) -> None:
    account = connected(site, state="live")
    admin = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}/completeness"
    assert "Not compared yet" in admin.get(path).text
    skipped: dict[str, Any] = {
        "skipped": 9,
        "on_server": 9,
        "reasons": {"the folder is not chosen": 9},
        "folder": "Junk",
    }
    compared(site, account, [day(site, 1, 5), day(site, 1, 0, **skipped)])
    page = admin.get(path).text
    assert "All mail is here" in page
    assert "9 the folder is not chosen" in page
    compared(site, account, [day(site, 1, 5, 1), day(site, 70, 3)])
    page = admin.get(path).text
    assert "1 mail is missing" in page
    assert "fetched again by themselves" in page
    assert "17" in page
    assert "1 mail is missing" in admin.get("/mailboxes").text
    assert "1 mail is missing" in admin.get(f"/mailboxes/{site.support}").text


def test_a_comparison_can_be_asked_for(site: Site) -> None:
    account = connected(site, state="live")
    admin = site.client("ada@example.org")
    answer = admin.post(f"/mailboxes/{site.support}/completeness", data={})
    assert answer.headers["location"].endswith("/completeness?done=asked")
    with site.parts.database.session() as session:
        row = completeness.get_verification(session, account)
    assert row is not None
    assert row.next_at <= site.now


def test_nobody_but_admins_sees_these_pages_and_a_mailbox_without_account_has_none(site: Site) -> None:
    for path in (f"/mailboxes/{site.support}/completeness", f"/mailboxes/{site.support}/import"):
        assert site.client("ada@example.org").get(path).status_code == 404
        connected_once = site.client("ben@example.org").get(path)
        assert connected_once.status_code in (403, 404)
    assert site.client("ben@example.org").get("/expiries").status_code in (403, 404)


def test_the_first_import_shows_counts_and_dates_and_asks(site: Site) -> None:
    account = connected(site, import_choice="asking")
    asked: list[str] = []

    def preview(account_id: str) -> dict[str, Any]:
        asked.append(account_id)
        return PREVIEW

    object.__setattr__(site.parts, "preview_account", preview)
    admin = site.client("ada@example.org")
    page = admin.get(f"/mailboxes/{site.support}/import").text
    assert asked == [account]
    assert "4321 mails" in page
    assert 'datetime="2019-03-01T10:00:00Z"' in page
    assert "30 days: 77 mails" in page
    assert "Nothing is fetched before you have chosen" in page
    assert "Choose what to import" in admin.get("/mailboxes").text
    assert account_of(site, account).import_choice == "asking"


@pytest.mark.parametrize(
    ("data", "choice", "days"),
    [
        ({"choice": "new"}, "new", None),
        ({"choice": "days", "days": "30"}, "days", 30),
        ({"choice": "all"}, "all", None),
    ],
)
def test_a_choice_is_saved_and_the_mailbox_is_due(
    site: Site, data: dict[str, str], choice: str, days: int | None
) -> None:
    account = connected(site, import_choice="asking", next_poll_at=site.now + timedelta(hours=1))
    answer = site.client("ada@example.org").post(f"/mailboxes/{site.support}/import", data=data)
    assert answer.status_code == 303
    row = account_of(site, account)
    assert (row.import_choice, row.import_state, row.next_poll_at) == (choice, "running", site.now)
    assert row.import_from == (site.now - timedelta(days=days) if days else None)


@pytest.mark.parametrize("data", [{"choice": "some"}, {"choice": "days", "days": "0"}, {"choice": "days", "days": "x"}])
def test_a_choice_that_cannot_be_is_told(site: Site, data: dict[str, str]) -> None:
    account = connected(site, import_choice="asking", import_preview=PREVIEW)
    answer = site.client("ada@example.org").post(f"/mailboxes/{site.support}/import", data=data)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert account_of(site, account).import_choice == "asking"


def test_an_import_can_be_paused_resumed_and_begun_again(site: Site) -> None:
    account = connected(site, import_state="running", import_done=40, import_total=100, state="importing")
    admin = site.client("ada@example.org")
    path = f"/mailboxes/{site.support}/import"
    page = admin.get(path, headers={"HX-Request": "true"}).text
    assert "40 of 100 mails that were there before are here" in page
    assert 'hx-trigger="every 3s"' in page
    assert "<html" not in page
    for act, state in (("pause", "paused"), ("resume", "running"), ("again", "running")):
        assert admin.post(path, data={"act": act}).status_code == 303
        assert account_of(site, account).import_state == state
    assert account_of(site, account).import_done == 0


def test_a_server_that_cannot_be_asked_is_told_in_words(site: Site) -> None:
    def preview(account_id: str) -> dict[str, Any]:
        raise ValueError("Nothing answers on port 993 of imap.example.org.")

    connected(site, import_choice="asking")
    object.__setattr__(site.parts, "preview_account", preview)
    page = site.client("ada@example.org").get(f"/mailboxes/{site.support}/import")
    assert page.status_code == 200
    assert "Nothing answers on port 993" in page.text


def test_what_ends_stands_with_what_happens_then_and_what_to_do(site: Site) -> None:
    admin = site.client("ada@example.org")
    assert "Nothing ends" in admin.get("/expiries").text
    client = OAuthClient(
        provider="microsoft", client_id="c", secret_sealed=b"", secret_expires_at=site.now + timedelta(days=5),
        created_at=site.now, updated_at=site.now,
    )  # fmt: skip
    site.parts.ledger.write(lambda session: session.add(client))
    page = admin.get("/expiries").text
    assert "Client secret Microsoft" in page
    assert "in 5 days" in page
    assert "Make a new secret in Microsoft&#39;s console" in page


def test_a_state_stands_with_its_meaning_and_the_next_step(site: Site) -> None:
    connected(site, state="needs reconnect", state_why="The login was refused.")
    page = site.client("ada@example.org").get(f"/mailboxes/{site.support}").text
    assert "The login was refused." in page
    assert "No mail comes in until somebody connects it again." in page
    assert "Open the mailbox and connect it again" in page


def test_what_is_missing_can_be_seen_beside_thousands(site: Site) -> None:
    today = site.now.date()
    rows = [day(site, 0, 9_999, 1), day(site, 3, 10)]
    bars = by_day(rows, today, 5)
    assert [bar.on_server for bar in bars] == [0, 10, 0, 0, 10_000]
    stored, missing = bars[-1].parts
    assert (missing.word, missing.height, missing.top) == ("missing", LEAST, 0)
    assert all(part.top >= 0 and part.top + part.height <= HEIGHT + 0.01 for bar in bars for part in bar.parts)
    assert stored.word == "stored"
    assert [bar.label for bar in by_month([day(site, 40, 1), day(site, 0, 1)])] == ["October 2026", "November 2026"]
    assert by_month([]) == []
