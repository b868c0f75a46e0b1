import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from gatepost.connectors import cursor as cursor_module
from gatepost.connectors import storing, wire
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.poll import (
    WATCHED_SECONDS,
    Polled,
    backoff,
    poll_duty,
    poll_next,
    poll_once,
    state_after,
)
from gatepost.connectors.polling import PATIENCE
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.rounds import begin, go_round
from gatepost.seal import Keys, make_keys
from gatepost.store import accounts, idling
from gatepost.store.accounts import LEASE, AccountState, LeaseLost
from tests.connectors.desk import DUE, Desk, Inbox, mail
from tests.fakes.imap import Script, imap_server
from tests.rig.dovecot import Dovecot
from tests.rig.process import free_port


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(wire, "COMMAND_SECONDS", 2)


# A real Dovecot


def test_new_mail_is_found_once_and_the_server_stays_as_it_was(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(3):
        shared_dovecot.deliver(user, mail(number))
    assert desk.poll() == Polled(desk.account_id, "live", 3)
    assert desk.poll().mails == 0
    shared_dovecot.deliver(user, mail(3))
    assert desk.poll().mails == 1
    cursor = desk.cursor()
    assert cursor is not None
    assert (cursor.last_uid, desk.stored(cursor.uidvalidity)) == (4, [1, 2, 3, 4])
    assert desk.states() == ["live"]
    flags = shared_dovecot.doveadm("fetch", "-u", user, "flags", "mailbox", "INBOX", "all")
    assert "\\" not in flags.replace("\\Recent", "")


def test_more_mail_than_a_batch_arrives_whole(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(230):
        shared_dovecot.deliver(user, mail(number))
    assert desk.poll().mails == 230
    cursor = desk.cursor()
    assert cursor is not None
    assert desk.stored(cursor.uidvalidity) == list(range(1, 231))


def test_a_break_in_the_middle_repeats_nothing_and_loses_nothing(
    desk: Desk, shared_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursor_module, "BATCH_MAILS", 20)
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(150):
        shared_dovecot.deliver(user, mail(number))
    stop = threading.Event()
    desk.inbox.before = lambda mail: stop.set()
    desk.time += DUE
    polled = poll_next(desk.polling(stop=stop))  # ends after its first batches
    assert polled is not None
    cursor = desk.cursor()
    assert cursor is not None
    assert 0 < polled.mails == len(desk.stored(cursor.uidvalidity)) < 150
    desk.inbox.before = lambda mail: None
    assert desk.poll().mails == 150 - polled.mails
    assert desk.stored(cursor.uidvalidity) == list(range(1, 151))


def test_a_server_that_was_away_is_told_and_caught_up_with(desk: Desk, dovecot: Dovecot) -> None:
    user = dovecot.add_user()
    desk.add(dovecot.port, user)
    dovecot.deliver(user, mail(1))
    assert desk.poll().mails == 1
    dovecot.stop()
    dovecot.deliver(user, mail(2))
    assert desk.poll().state == "delayed"
    account = desk.account()
    assert account.state_why.startswith(f"Nothing answers on port {dovecot.port} of localhost. Check Host and Port")
    assert (account.failures, account.next_poll_at - desk.time) == (1, timedelta(seconds=2))
    dovecot.start()
    assert desk.poll() == Polled(desk.account_id, "live", 1)
    assert (desk.account().failures, desk.account().state_why) == (0, "")
    assert desk.states() == ["live", "delayed", "live"]


def test_a_wrong_password_asks_for_a_person_only_when_it_stays(desk: Desk, shared_dovecot: Dovecot) -> None:
    desk.add(shared_dovecot.port, shared_dovecot.add_user(), "wrong")
    states = [desk.poll().state for _ in range(3)]
    assert states == ["delayed", "delayed", "needs reconnect"]
    assert "refused the user name or the password" in desk.account().state_why
    assert "wrong" not in desk.account().state_why
    assert desk.account().next_poll_at - desk.time >= timedelta(minutes=4)


def test_two_pollers_never_read_one_account_at_once(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    for number in range(20):
        shared_dovecot.deliver(user, mail(number))
    found: list[Polled | None] = []
    threads = [threading.Thread(target=lambda: found.append(poll_next(desk.polling()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(polled.mails for polled in found if polled) == [20]
    assert found.count(None) == 3


def test_a_poller_that_lost_its_lease_writes_nothing(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    shared_dovecot.deliver(user, mail(1))
    late = desk.ledger.write(lambda session: accounts.claim_due(session, desk.time, timedelta(seconds=1)))
    assert late is not None
    assert desk.poll().mails == 1
    before = desk.account()
    assert poll_once(late, desk.polling()).state is None
    after = desk.account()
    assert (after.state, after.failures, after.next_poll_at) == (before.state, before.failures, before.next_poll_at)


def test_the_loop_polls_until_it_is_stopped(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    shared_dovecot.deliver(user, mail(1))
    arrived = threading.Event()
    polling = replace(desk.polling(), receive=lambda session, pairs: arrived.set())
    thread = begin(replace(poll_duty(polling, "poll"), seconds=0.01), polling.stop)
    assert arrived.wait(30)
    polling.stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_ring_wakes_the_loop(desk: Desk) -> None:
    arrived = threading.Event()
    polling = replace(desk.polling(), receive=lambda session, pairs: arrived.set())
    with imap_server(Script(messages={1: mail(1)})) as server:
        thread = begin(replace(poll_duty(polling, "poll"), seconds=600), polling.stop, polling.bell.wait)
        desk.add(server.port)
        polling.bell.ring()
        assert arrived.wait(30)
        polling.stop.set()
        polling.bell.ring()
        thread.join(30)
    assert not thread.is_alive()


def test_what_is_made_due_during_a_pass_stays_due(desk: Desk) -> None:
    def make_due(mail: Fetched) -> None:
        desk.ledger.write(lambda session: accounts.poll_now(session, desk.account(), desk.time))

    desk.inbox.before = make_due
    with imap_server(Script(messages={1: mail(1)})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 1
        assert desk.account().next_poll_at == desk.time
        assert desk.poll().mails == 0
    assert desk.account().next_poll_at > desk.time


def test_a_watched_mailbox_is_looked_at_less_often(desk: Desk) -> None:
    with imap_server(Script()) as server:
        desk.add(server.port)
        desk.poll()
        assert desk.account().next_poll_at - desk.time == timedelta(seconds=60)
        end = desk.time + 2 * DUE
        note = idling.Note(desk.account_id, idling.Word.IDLE, "", desk.time)
        desk.ledger.write(lambda session: idling.keep_watching(session, "me", desk.time, end, 1))
        desk.ledger.write(lambda session: idling.note_all(session, "me", [note], desk.time))
        desk.poll()
        assert desk.account().next_poll_at - desk.time == timedelta(seconds=WATCHED_SECONDS)


def test_the_loop_ends_with_the_ledger(desk: Desk) -> None:
    desk.ledger.close()
    polling = desk.polling()
    go_round(poll_duty(polling, "poll"), polling.stop, polling.bell.wait)


# Trouble with single mails


def test_one_mail_that_cannot_be_received_stops_no_other(desk: Desk) -> None:
    desk.inbox.bad = {2}
    with imap_server(Script(messages={uid: mail(uid) for uid in (1, 2, 3)})) as server:
        desk.add(server.port)
        assert desk.poll() == Polled(desk.account_id, "live", 3)
        assert desk.poll().mails == 0
    assert desk.inbox.quarantined == [(2, "could not be stored: ValueError; the log says more")]
    assert desk.stored(1) == [1, 2, 3]


def test_one_mail_that_cannot_be_prepared_stops_no_other(desk: Desk) -> None:
    def refuse(mail: Fetched) -> None:
        if mail.uid == 2:
            raise ValueError("poison")

    desk.inbox.before = refuse
    with imap_server(Script(messages={uid: mail(uid) for uid in (1, 2, 3)})) as server:
        desk.add(server.port)
        assert desk.poll() == Polled(desk.account_id, "live", 3)
    assert desk.inbox.quarantined == [(2, "could not be stored: ValueError; the log says more")]


def test_a_full_disk_is_not_the_mails_fault(desk: Desk) -> None:
    def refuse(mail: Fetched) -> None:
        raise OSError("disk full")

    desk.inbox.before = refuse
    with imap_server(Script(messages={1: mail(1)})) as server:
        desk.add(server.port)
        assert desk.poll().state == "delayed"
        assert (desk.stored(1), desk.inbox.quarantined) == ([], [])
        desk.inbox.before = lambda mail: None
        assert desk.poll().mails == 1


def test_a_database_that_is_away_is_not_the_mails_fault(desk: Desk) -> None:
    """It comes back between the first try and the quarantine, which would then have been written."""

    def refuse(session: Session, pairs: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with imap_server(Script(messages={1: mail(1)})) as server:
        desk.add(server.port)
        desk.time += DUE
        polled = poll_next(desk.polling(receive=refuse))
        assert polled is not None
        assert polled.state == "delayed"
        assert (desk.stored(1), desk.inbox.quarantined) == ([], [])
        assert desk.poll().mails == 1
    assert desk.stored(1) == [1]


def test_while_preparing_is_slow_the_lease_is_renewed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "RENEW_SECONDS", 0.05)
    until: list[datetime | None] = []

    def slow(mail: Fetched) -> None:
        before = desk.account().lease_until
        desk.time += timedelta(minutes=5)
        wait_for(lambda: desk.account().lease_until != before)
        until.append(desk.account().lease_until)

    desk.inbox.before = slow
    with imap_server(Script(messages={uid: mail(uid) for uid in (1, 2, 3)})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 3
    assert until == [desk.time + LEASE - timedelta(minutes=minutes) for minutes in (10, 5, 0)]


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_when_even_quarantine_fails_the_mail_comes_again(desk: Desk) -> None:
    desk.inbox.bad = {2}

    def refuse(session: Session, mail: Fetched, why: str) -> None:
        raise OSError("disk full")

    with imap_server(Script(messages={uid: mail(uid) for uid in (1, 2, 3)})) as server:
        desk.add(server.port)
        desk.time += DUE
        polled = poll_next(desk.polling(quarantine=refuse))
        assert polled is not None
        assert (polled.state, polled.why.startswith("Gatepost could not store new mail.")) == ("delayed", True)
        assert desk.stored(1) == [1]
        desk.inbox.bad = set()
        assert desk.poll().mails == 2
    assert desk.stored(1) == [1, 2, 3]


def test_a_mail_over_the_limit_is_quarantined_with_its_header(desk: Desk) -> None:
    with imap_server(Script(messages={1: mail(1), 2: b"Subject: x\r\n\r\n" + b"x" * 200_000})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 2
    assert desk.inbox.quarantined[0][0] == 2
    assert "larger than the limit" in desk.inbox.quarantined[0][1]


def test_a_mail_that_the_server_cannot_hand_over_delays_and_then_is_passed(desk: Desk) -> None:
    script = Script(messages={uid: mail(uid) for uid in (1, 2, 3)}, refuse_uids=frozenset({2}))
    with imap_server(script) as server:
        desk.add(server.port)
        assert [desk.poll().state for _ in range(PATIENCE)] == ["delayed"] * PATIENCE
        assert desk.poll() == Polled(desk.account_id, "live", 3)
    assert [uid for uid, _ in desk.inbox.quarantined] == [2]


def test_a_mail_whose_literal_lies_is_passed_and_the_next_pass_goes_on(desk: Desk) -> None:
    large = b"Subject: liar\r\n\r\n" + b"x" * 300_000
    script = Script(messages={1: mail(1), 2: large, 3: mail(3)}, sizes={2: 10})
    with imap_server(script) as server:
        desk.add(server.port)
        assert [desk.poll().state for _ in range(PATIENCE)] == ["delayed"] * PATIENCE
        assert desk.poll().state == "delayed"  # careful: 1 is stored, 2 is put aside, the connection is gone
        assert desk.stored(1) == [1, 2]
        assert desk.account().next_poll_at == desk.time + timedelta(seconds=2)  # it got on, so it goes on soon
        assert desk.poll() == Polled(desk.account_id, "live", 1)
    assert [uid for uid, _ in desk.inbox.quarantined] == [2]


def test_a_uidnext_that_runs_backwards_reads_again_what_it_hides(desk: Desk) -> None:
    with imap_server(Script(messages={8: mail(8), 9: mail(9)})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 2
        server.script = Script(messages={5: mail(5)})
        assert desk.poll().mails == 1
        assert desk.poll().mails == 0


def test_random_cuts_lose_nothing_and_repeat_nothing(desk: Desk, short_waits: None) -> None:
    rng = random.Random(7)
    script = Script(messages={uid: mail(uid) * rng.randrange(1, 40) for uid in range(1, 251, 2)})
    with imap_server(script) as server:
        desk.add(server.port)
        for _ in range(12):
            verb = rng.choice(["UID FETCH", "UID SEARCH", "LOGIN", "GREETING", "EXAMINE"])
            server.script = replace(script, cut={verb: rng.randrange(0, 60_000)})
            desk.poll()
        server.script = script
        assert desk.poll().state == "live"
    assert desk.stored(1) == list(script.messages)
    assert desk.inbox.quarantined == []


def test_a_key_file_that_was_swapped_is_told(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk.add(free_port())
    desk.keys = make_keys(tmp_path_factory.mktemp("keys") / "other")
    assert "cannot be opened with this key file" in desk.poll().why


# Decisions


def test_the_wait_grows_and_stays_in_bounds() -> None:
    waits = [backoff(failures, False, 1.0).total_seconds() for failures in range(1, 15)]
    assert waits[:4] == [2, 4, 8, 16]
    assert max(waits) == 300
    assert backoff(9, False, 0.0).total_seconds() == 1
    lasting = [backoff(failures, True, jitter).total_seconds() for failures in range(1, 15) for jitter in (0.0, 1.0)]
    assert (min(lasting), max(lasting)) == (30, 3600)


def test_when_a_person_is_asked() -> None:
    assert state_after(2, True) is AccountState.DELAYED
    assert state_after(3, True) is AccountState.NEEDS_RECONNECT
    assert state_after(50, False) is AccountState.DELAYED


def test_a_lost_lease_is_no_failure(desk: Desk) -> None:
    def lost(session: Session, pairs: object) -> None:
        raise LeaseLost("gone")

    with imap_server(Script(messages={1: mail(1)})) as server:
        desk.add(server.port)
        desk.time += DUE
        polled = poll_next(desk.polling(receive=lost))
    assert polled == Polled(desk.account_id, None, 0, "gone")
    assert desk.cursor() is not None
    assert desk.stored(1) == []
