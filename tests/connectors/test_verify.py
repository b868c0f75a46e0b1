"""A mailbox compared with a real Dovecot: every mail stands in one column, and what is missing is named."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from gatepost.connectors.fetch import Fetched
from gatepost.connectors.left_out import SENTENCES, Reason
from gatepost.connectors.verify import Verified, rows_of, verify
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Message, View
from gatepost.seal import Keys
from gatepost.store.arrivals import settle
from gatepost.store.messages import put_message
from gatepost.words import Outcome
from tests.connectors.desk import Desk, Inbox, mail
from tests.rig.dovecot import Dovecot


class Shelf(Inbox):
    """An inbox that says of a mail that was put aside that it was."""

    def quarantine(self, session: Session, mail: Fetched, why: str) -> None:
        super().quarantine(session, mail, why)
        view = session.get(View, (mail.account.id, mail.folder, mail.uidvalidity, mail.uid))
        assert view is not None
        settle(session, view.arrival_id, Outcome.QUARANTINED, why, None)


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Shelf(), now)


def compared(desk: Desk) -> Verified:
    return verify(desk.account(), desk.login(desk.account()), desk.database, private_hosts=True)


def forget(desk: Desk, folder: str, uid: int) -> None:
    """As if a bug had lost a mail."""

    def op(session: Session) -> None:
        where = (View.account_id == desk.account_id, View.folder == folder, View.uid == uid)
        session.delete(session.exec(select(View).where(*where)).one())

    desk.ledger.write(op)


def test_all_folders_add_up_and_a_lost_mail_is_named(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(5):
        shared_dovecot.deliver(user, mail(number))
    shared_dovecot.deliver(user, mail(10), "Sent")
    shared_dovecot.deliver(user, mail(11), "Drafts")
    shared_dovecot.deliver(user, b"Subject: large\r\n\r\n" + b"x" * 200_000)
    desk.poll()
    whole = compared(desk)
    assert (whole.count("on_server"), whole.count("stored"), whole.count("missing")) == (8, 6, 0)
    reasons = {why: count for day in whole.days for why, count in day.reasons.items()}
    assert reasons == {Reason.TOO_LARGE: 1, Reason.FOLDER: 1}
    kept = {why for row in rows_of(whole.days) for why in row["reasons"]}
    assert kept == {SENTENCES[Reason.TOO_LARGE], SENTENCES[Reason.FOLDER]}
    assert {day.day for day in whole.days if day.folder == "INBOX"} <= {
        datetime.now(UTC).date(), (datetime.now(UTC) - timedelta(minutes=5)).date()
    }  # fmt: skip
    forget(desk, "INBOX", 3)
    forget(desk, "Sent", 1)
    lost = compared(desk)
    assert lost.missing == {"INBOX": [3], "Sent": [1]}
    assert (lost.count("on_server"), lost.count("missing")) == (8, 2)


def test_what_arrived_since_the_last_look_waits(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    shared_dovecot.deliver(user, mail(1))
    desk.poll()
    shared_dovecot.deliver(user, mail(2))
    found = compared(desk)
    assert (found.count("stored"), found.count("waiting"), found.count("missing")) == (1, 1, 0)


def test_nothing_is_written_on_the_server_and_mail_that_is_gone_there_does_not_count(
    desk: Desk, shared_dovecot: Dovecot
) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(3):
        shared_dovecot.deliver(user, mail(number))
    desk.poll()
    shared_dovecot.doveadm("expunge", "-u", user, "mailbox", "INBOX", "uid", "2")
    found = compared(desk)
    assert (found.count("on_server"), found.count("stored"), found.count("missing")) == (2, 2, 0)
    flags = shared_dovecot.doveadm("fetch", "-u", user, "flags", "mailbox", "INBOX", "all")
    assert "\\Seen" not in flags


def test_what_was_deleted_here_is_left_out_on_purpose(desk: Desk, shared_dovecot: Dovecot, now: datetime) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(2):
        shared_dovecot.deliver(user, mail(number))
    desk.poll()

    def op(session: Session) -> None:
        view = session.exec(select(View).where(View.account_id == desk.account_id, View.uid == 2)).one()
        gone = Message(id="msg_1", direction="in", digest="1", message_id="1@x", at=now, size=1)
        gone.purged_at = now
        put_message(session, gone, None)
        settle(session, view.arrival_id, Outcome.PLACED, "", gone.id)

    desk.ledger.write(op)
    found = compared(desk)
    assert (found.count("on_server"), found.count("stored"), found.count("skipped")) == (2, 1, 1)
    assert [day.reasons for day in found.days if day.skipped] == [{Reason.DELETED: 1}]
