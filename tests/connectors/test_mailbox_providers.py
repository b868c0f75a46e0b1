"""Whole mailboxes at servers that speak as Gmail and Exchange do."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from gatepost.connectors import quirks
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.left_out import Reason
from gatepost.connectors.polling import PATIENCE
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account, Cursor, LeftOut
from gatepost.seal import Keys
from gatepost.words import ImportState
from tests.connectors.desk import Desk, Inbox, mail
from tests.fakes.imap import Script, imap_server
from tests.fakes.imap_dialects import EXCHANGE_STAND_IN, EXCHANGE_THROTTLED, GMAIL_OVER_QUOTA, exchange, gmail

ALL_MAIL = "[Gmail]/Alle Nachrichten"
MAILS = {uid: mail(uid) for uid in (3, 4, 5, 9)}
LABELS = {3: '"\\\\Inbox" Kunden', 4: '"\\\\Sent"', 5: '"\\\\Draft"', 9: '"\\\\Inbox" 42'}


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


def test_gmail_is_read_once_by_all_mail_with_labels_and_threads(desk: Desk) -> None:
    seen: list[Fetched] = []
    desk.inbox.before = seen.append
    with imap_server(gmail(MAILS, LABELS)) as server:
        desk.add(server.port)
        assert desk.poll().mails == 3
        assert desk.poll().mails == 0
    assert {one.folder for one in seen} == {ALL_MAIL}
    assert {one.uid: one.sent for one in seen} == {3: False, 4: True, 9: False}
    assert all(one.meta.gm_thread and one.meta.gm_msgid for one in seen)
    views = {view.uid: view for view in desk.views(11, ALL_MAIL)}
    assert views[3].labels == ["\\Inbox", "Kunden"]
    assert views[9].labels == ["\\Inbox", "42"]
    assert views[3].gm_msgid == "1278455344230334803"
    with desk.database.session() as session:
        assert [(row.uid, row.why) for row in session.exec(select(LeftOut))] == [(5, Reason.DRAFT)]


def test_gmails_changed_labels_are_noticed(desk: Desk) -> None:
    with imap_server(gmail(MAILS, LABELS)) as server:
        desk.add(server.port)
        desk.poll()
        script = gmail(MAILS, LABELS | {3: "Erledigt"})
        box = script.folders[ALL_MAIL]
        changed = replace(box, modseqs={**box.modseqs, 3: 6000})
        server.script = replace(script, folders={**script.folders, ALL_MAIL: changed})
        assert desk.poll().mails == 0
    assert desk.views(11, ALL_MAIL)[0].labels == ["Erledigt"]


def test_gmails_ids_find_mail_again_after_a_renumbering(desk: Desk) -> None:
    with imap_server(gmail(MAILS, LABELS)) as server:
        desk.add(server.port)
        desk.poll()
        desk.inbox.before = fail
        script = gmail(MAILS, LABELS)
        moved = replace(script.folders[ALL_MAIL], uidvalidity=12)
        server.script = replace(script, folders={**script.folders, ALL_MAIL: moved})
        assert desk.poll().mails == 0
    assert [view.uid for view in desk.views(12, ALL_MAIL)] == [3, 4, 9]


def test_old_mail_that_is_not_wanted_is_not_fetched_after_a_renumbering_either(desk: Desk) -> None:
    mails = {uid: mail(uid) for uid in (1, 2)}
    with imap_server(Script(messages=mails)) as server:
        desk.add(server.port)
        desk.ledger.write(choose_new)
        assert desk.poll().mails == 0
        server.script = Script(messages=mails, uidvalidity=2)
        assert desk.poll().mails == 0
    with desk.database.session() as session:
        rows = session.exec(select(LeftOut).order_by(LeftOut.uid)).all()  # type: ignore[arg-type]
        assert [(row.uidvalidity, row.uid, row.why) for row in rows] == [(2, 1, Reason.OLDER), (2, 2, Reason.OLDER)]
        (folder,) = session.exec(select(Cursor))
        assert (folder.last_uid, folder.import_until, folder.floor_uid) == (2, 0, 0)


def choose_new(session: Session) -> None:
    """Only what comes from now on is wanted, of the one account that there is."""
    (account,) = session.exec(select(Account))
    account.import_choice, account.import_state = "new", ImportState.PAUSED
    session.add(account)


def test_an_account_whose_day_is_used_up_waits_and_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(quirks.DAY_OCTETS, "localhost", 100)
    monkeypatch.setattr("gatepost.connectors.cursor.BATCH_MAILS", 1)
    with imap_server(exchange({uid: mail(uid) for uid in range(1, 6)})) as server:
        desk.add(server.port)
        desk.poll()
        first = len(desk.stored(14))
        assert 0 < first < 5
        desk.poll(after=timedelta(hours=30))
        assert first < len(desk.stored(14)) < 5


def test_exchange_is_read_by_the_names_of_its_folders(desk: Desk) -> None:
    seen: list[tuple[str, bool]] = []
    desk.inbox.before = lambda mail: seen.append((mail.folder, mail.sent))
    with imap_server(exchange({1: mail(1)}, {7: mail(7)})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 2
        assert desk.poll().mails == 0
        assert not any(line.upper().startswith("ENABLE") for line in server.commands)
    assert sorted(seen) == [("Elementos enviados", True), ("INBOX", False)]


def test_exchange_that_throttles_is_left_alone_as_long_as_it_asks(desk: Desk) -> None:
    script = exchange({1: mail(1)})
    with imap_server(replace(script, answers={"UID FETCH": EXCHANGE_THROTTLED})) as server:
        desk.add(server.port)
        assert desk.poll().state == "delayed"
        assert desk.account().next_poll_at - desk.time == timedelta(seconds=299.961)
        server.script = script
        assert desk.poll().mails == 1


def test_gmail_whose_bandwidth_is_used_up_is_left_alone_for_hours(desk: Desk) -> None:
    with imap_server(replace(gmail(MAILS), answers={"UID FETCH": GMAIL_OVER_QUOTA})) as server:
        desk.add(server.port)
        polled = desk.poll()
    assert (polled.state, "transfer limit" in polled.why) == ("delayed", True)
    assert desk.account().next_poll_at - desk.time == timedelta(hours=4)


def test_a_stand_in_is_tried_again_then_put_aside_and_stops_nothing(desk: Desk) -> None:
    mails = {1: mail(1), 2: EXCHANGE_STAND_IN, 3: mail(3)}
    with imap_server(exchange(mails)) as server:
        desk.add(server.port)
        assert desk.poll().state == "delayed"
        server.script = exchange(mails | {2: mail(2)})
        assert desk.poll().state == "live"
        assert (desk.stored(14), desk.inbox.quarantined) == ([1, 2, 3], [])


def test_a_stand_in_that_stays_is_put_aside(desk: Desk) -> None:
    with imap_server(exchange({1: mail(1), 2: EXCHANGE_STAND_IN, 3: mail(3)})) as server:
        desk.add(server.port)
        assert [desk.poll().state for _ in range(PATIENCE)] == ["delayed"] * PATIENCE
        assert desk.poll().state == "live"
        assert desk.poll().mails == 0
    assert [uid for uid, _ in desk.inbox.quarantined] == [2]
    assert sorted(desk.stored(14)) == [1, 2, 3]


def fail(mail: Fetched) -> None:
    raise AssertionError(f"{mail.uid} was fetched again")
