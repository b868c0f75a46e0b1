"""The first import: behind live mail, as chosen, in portions that can be paused; what is missing is fetched again."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from gatepost.connectors import importing
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.first import CHUNK, in_turn, preview
from gatepost.connectors.heal import heal, verify_next
from gatepost.connectors.poll import poll_next
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account, View
from gatepost.seal import Keys
from gatepost.store import completeness, events, imports
from tests.connectors.desk import Desk, Inbox, mail
from tests.rig.dovecot import Dovecot

YEAR = timedelta(days=365)


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys) -> Desk:
    return Desk(database, ledger, keys, Inbox(), datetime.now(UTC))


def old_mail(server: Dovecot, user: str, raw: bytes, at: datetime) -> None:
    """As `deliver`, with a file time that Dovecot takes for INTERNALDATE."""
    folder = server.maildir(user)
    before = set((folder / "new").iterdir())
    server.deliver(user, raw)
    (new,) = set((folder / "new").iterdir()) - before
    os.utime(new, (at.timestamp(), at.timestamp()))


def choose(desk: Desk, choice: str, days: int = 0) -> None:
    desk.ledger.write(
        lambda session: imports.choose_import(
            session, session.get_one(Account, desk.account_id), choice, days, desk.time
        )
    )


def act(desk: Desk, do: Callable[[Session, Account, datetime], None]) -> None:
    desk.ledger.write(lambda session: do(session, session.get_one(Account, desk.account_id), desk.time))


def seen(desk: Desk) -> list[tuple[int, bool]]:
    """UID and whether it counted as old, in the order in which mail is prepared."""
    found: list[tuple[int, bool]] = []

    def before(mail: Fetched) -> None:
        found.append((mail.uid, mail.old))

    desk.inbox.before = before
    return found


@pytest.mark.parametrize(("choice", "days", "uids"), [("new", 0, []), ("days", 30, [3]), ("all", 0, [1, 2, 3])])
def test_what_was_chosen_is_imported_quietly_and_the_rest_is_left_out_with_its_reason(
    desk: Desk, shared_dovecot: Dovecot, choice: str, days: int, uids: list[int]
) -> None:
    user = shared_dovecot.add_user()
    for number, age in ((1, 2 * YEAR), (2, YEAR), (3, timedelta(days=5))):
        old_mail(shared_dovecot, user, mail(number), desk.time - age)
        shared_dovecot.doveadm("mailbox", "status", "-u", user, "messages", "INBOX")  # numbers it
    desk.add(shared_dovecot.port, user)
    choose(desk, choice, days)
    found = seen(desk)
    assert desk.poll().state == "live"
    assert sorted(found) == [(uid, True) for uid in uids]
    account = desk.account()
    assert (account.import_state, account.import_done, account.import_total) == ("done", len(uids), len(uids))
    verified = heal(account, desk.polling())
    assert (verified.count("stored"), verified.count("skipped"), verified.count("missing")) == (
        len(uids), 3 - len(uids), 0,
    )  # fmt: skip
    shared_dovecot.deliver(user, mail(4))
    assert desk.poll().mails == 1


def test_nothing_is_fetched_before_somebody_has_chosen(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    shared_dovecot.deliver(user, mail(1))
    desk.add(shared_dovecot.port, user)
    act(desk, lambda session, account, now: imports.ask_import(session, account))
    desk.time += timedelta(hours=2)
    assert poll_next(desk.polling()) is None
    counted = preview(desk.login(desk.account()), private_hosts=True, now=datetime.now(UTC))
    inbox = next(row for row in counted["folders"] if row["folder"] == "INBOX")
    assert (inbox["messages"], inbox["recent"]["7"]) == (1, 1)
    assert inbox["oldest"] == inbox["newest"] is not None
    choose(desk, "all")
    assert desk.poll().mails == 1


def test_new_mail_comes_in_while_an_import_is_paused_and_it_goes_on_where_it_was(
    desk: Desk, shared_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PORTION", 2)
    monkeypatch.setattr("gatepost.connectors.cursor.BATCH_MAILS", 2)
    user = shared_dovecot.add_user()
    for number in range(10):
        shared_dovecot.deliver(user, mail(number))
    desk.add(shared_dovecot.port, user)
    desk.inbox.before = lambda mail: act(desk, imports.pause)
    polled = desk.poll()
    desk.inbox.before = lambda mail: None
    here = polled.mails  # what was under way is stored, and no more
    assert (polled.state, 0 < here < 10) == ("live", True)
    account = desk.account()
    assert (account.import_state, account.import_done, account.import_total) == ("paused", here, 10)
    shared_dovecot.deliver(user, mail(11))
    assert desk.poll().mails == 1
    verified = heal(desk.account(), desk.polling())
    assert (verified.count("stored"), verified.count("waiting"), verified.count("missing")) == (here + 1, 10 - here, 0)
    act(desk, imports.resume)
    assert desk.poll().mails == 10 - here
    assert desk.account().import_state == "done"
    with desk.database.session() as session:
        words = [row.data["state"] for row in events.events_after(session, 0) if row.kind == "account.import"]
    assert words == ["paused", "running", "done"]


def test_what_is_missing_is_told_fetched_again_and_told_to_be_here(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    for number in range(6):
        shared_dovecot.deliver(user, mail(number))
    desk.add(shared_dovecot.port, user)
    desk.poll()

    def lose(session: Session) -> None:
        for view in session.exec(select(View).where(View.account_id == desk.account_id)).all():
            if view.uid in (2, 5):
                session.delete(view)

    desk.ledger.write(lose)
    desk.time += timedelta(days=1)
    assert verify_next(desk.polling())
    assert not verify_next(desk.polling())
    cursor = desk.cursor()
    assert cursor is not None
    assert desk.stored(cursor.uidvalidity) == [1, 2, 3, 4, 5, 6]
    with desk.database.session() as session:
        row = completeness.get_verification(session, desk.account_id)
        kinds = [event.kind for event in events.events_after(session, 0)]
    assert row is not None
    assert (row.on_server, row.stored, row.missing, row.refetched) == (6, 6, 0, 2)
    assert kinds[-2:] == ["account.incomplete", "account.complete"]


def test_a_server_that_cannot_be_asked_is_kept_as_trouble(desk: Desk, dovecot: Dovecot) -> None:
    user = dovecot.add_user()
    desk.add(dovecot.port, user)
    desk.poll()
    dovecot.stop()
    desk.time += timedelta(days=1)
    assert verify_next(desk.polling())
    with desk.database.session() as session:
        row = completeness.get_verification(session, desk.account_id)
    assert row is not None
    assert "Nothing answers" in row.trouble


def test_old_mail_comes_newest_part_first_and_within_it_in_order() -> None:
    uids = list(range(1, 2 * CHUNK + 3))
    turn = in_turn(uids)
    assert turn[:2] == [CHUNK + 3, CHUNK + 4]
    assert turn[-2:] == [1, 2]
    assert sorted(turn) == uids
    assert in_turn([3, 1, 2]) == [1, 2, 3]
