"""The watch over real connections: to a Dovecot, and to servers that do wrong."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gatepost.connectors import idle_watch
from gatepost.connectors.idle_open import lasting, quoted
from gatepost.connectors.idle_watch import LOGIN_MOST, Watch
from gatepost.connectors.poll import poll_next
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from gatepost.store import accounts, idling
from gatepost.store.accounts import AccountState
from tests.connectors.desk import DUE, Desk, Inbox, mail
from tests.fakes.imap import FakeImap, Script, imap_server
from tests.rig.dovecot import Dovecot

IDLE = Script(capability="IMAP4rev1 IDLE", messages={1: mail(1)})


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CLAIM_SECONDS": 0.05, "TICK_SECONDS": 0.02, "GAP_SECONDS": 0.05, "LAZY_SECONDS": 0.1}.items():
        monkeypatch.setattr(idle_watch, name, value)


@contextmanager
def watching(desk: Desk, **changes: object) -> Iterator[Watch]:
    """A watch in a thread of its own, which has ended with the block."""
    polling = desk.polling(jitter=lambda: 0.0, **changes)
    watch = Watch(polling, 100)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        polling.stop.set()
        thread.join(30)
        assert not thread.is_alive()


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def word(desk: Desk) -> str:
    with desk.database.session() as session:
        row = idling.state_of(session, desk.account_id, desk.time)
        return row.word if row else ""


def why(desk: Desk) -> str:
    with desk.database.session() as session:
        row = idling.state_of(session, desk.account_id, desk.time)
        return row.why if row else ""


def is_due(desk: Desk) -> bool:
    with desk.database.session() as session:
        return accounts.is_due(session, desk.time)


def live(desk: Desk, server: FakeImap) -> None:
    """An account that was read and is live; nothing is due."""
    desk.add(server.port)
    desk.time += DUE
    while is_due(desk):
        assert poll_next(desk.polling())


# A real Dovecot


def test_mail_wakes_the_poller_and_is_there_at_once(desk: Desk, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    desk.add(shared_dovecot.port, user)
    desk.poll()
    with watching(desk) as watch:
        until(lambda: word(desk) == "idle" and is_due(desk))
        poll_next(watch.polling)
        while watch.polling.bell.wait(0):
            pass
        for number in range(2):
            shared_dovecot.deliver(user, mail(number))
            assert watch.polling.bell.wait(30)
            desk.time += timedelta(seconds=1)
            polled = poll_next(watch.polling)
            assert polled is not None
            assert polled.mails == 1
    assert word(desk) == ""
    assert is_due(desk)  # nobody watches any more


def test_a_restart_of_the_server_is_survived(desk: Desk, dovecot: Dovecot) -> None:
    user = dovecot.add_user()
    desk.add(dovecot.port, user)
    desk.poll()
    with watching(desk):
        until(lambda: word(desk) == "idle")
        dovecot.stop()
        until(lambda: word(desk) == "waiting")
        assert "localhost" in why(desk)
        dovecot.deliver(user, mail(1))
        dovecot.start()
        until(lambda: word(desk) == "idle" and is_due(desk))
    assert desk.poll().mails == 1


# Servers as data


def test_an_event_glued_to_the_continuation_is_not_missed(desk: Desk) -> None:
    script = replace(IDLE, answers={"IDLE": b"+ idling\r\n* 2 EXISTS\r\n"})
    with imap_server(script) as server:
        live(desk, server)
        with watching(desk) as watch:
            until(lambda: is_due(desk))
            until(lambda: watch.mailboxes[desk.account_id].opened is not None)
            opened = watch.mailboxes[desk.account_id].opened
            assert opened is not None
            until(lambda: opened.talk.exists == 2)


def test_the_end_of_a_connection_is_noticed_once_and_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, hear = [0], Watch.hear

    def count(watch: Watch) -> None:
        rounds[0] += 1
        hear(watch)

    monkeypatch.setattr(Watch, "hear", count)
    bye = b"+ idling\r\n* BYE [UNAVAILABLE] later\r\n"
    with imap_server(replace(IDLE, answers={"IDLE": bye}, cut={"IDLE": len(bye)})) as server:
        live(desk, server)
        with watching(desk):
            until(lambda: "IDLE" in server.commands)
            until(lambda: word(desk) == "waiting" and "just now" in why(desk))
            before = rounds[0]
            time.sleep(0.5)
            assert rounds[0] - before < 100  # it does not spin on a closed socket
            until(lambda: server.commands.count("IDLE") >= 2)


def test_without_idle_the_connection_is_kept_and_asked(desk: Desk) -> None:
    with imap_server(Script(messages={1: mail(1)})) as server:
        live(desk, server)
        with watching(desk, poll_seconds=0.1):
            until(lambda: word(desk) == "asking")
            until(lambda: server.commands.count("NOOP") >= 3)
            assert sum(command.startswith("LOGIN") for command in server.commands) == 2  # the pass, and the watch
        assert server.commands[-1] == "LOGOUT"


def test_idle_ends_before_the_token_does(desk: Desk, now: datetime) -> None:
    assert lasting(None, now, 0.5) == float("inf")
    for seconds, jitter, lasts in ((3600, 0.0, 3450), (3600, 1.0, 3300), (250, 1.0, 200), (10, 0.5, 8), (-5, 0.5, 1)):
        assert lasting(now + timedelta(seconds=seconds), now, jitter) == lasts
    with imap_server(IDLE) as server:
        live(desk, server)
        soon = desk.time + timedelta(seconds=1)
        polling = desk.polling(login=lambda account: replace(desk.login(account), expires_at=soon))
        watch = Watch(polling, 1)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            until(lambda: server.commands.count("IDLE") >= 2)
            assert server.commands.count("DONE") >= 1
            assert word(desk) == "idle"  # it is routine
        finally:
            polling.stop.set()
            thread.join(30)


def test_one_login_has_no_more_connections_than_its_share(desk: Desk) -> None:
    with imap_server(IDLE) as server:
        for _ in range(LOGIN_MOST + 2):
            live(desk, server)
        with watching(desk) as watch:
            until(lambda: len(watch.mailboxes) == LOGIN_MOST + 2)
            until(lambda: server.commands.count("IDLE") == LOGIN_MOST)
            until(lambda: "connections of this login" in why(desk))
            assert sum(each.opened is not None for each in watch.mailboxes.values()) == LOGIN_MOST


def test_a_mailbox_that_is_switched_off_or_changed_is_left(desk: Desk) -> None:
    def set_state(state: AccountState) -> None:
        desk.time += timedelta(seconds=1)

        def op(session: object) -> None:
            accounts.set_state(session, desk.account(), state, "", desk.time)  # type: ignore[arg-type]

        desk.ledger.write(op)

    with imap_server(IDLE) as server:
        live(desk, server)
        with watching(desk) as watch:
            until(lambda: server.commands.count("IDLE") == 1)
            set_state(AccountState.DISABLED)
            until(lambda: "LOGOUT" in server.commands[-1:])
            assert watch.mailboxes == {}
            set_state(AccountState.LIVE)
            until(lambda: server.commands.count("IDLE") == 2)


def test_two_watches_never_hold_one_mailbox(desk: Desk) -> None:
    with imap_server(IDLE) as server:
        for _ in range(4):
            live(desk, server)
        with watching(desk) as one, watching(desk) as two:
            until(lambda: len(one.mailboxes) + len(two.mailboxes) == 4)
            until(lambda: server.commands.count("IDLE") == 4)
            time.sleep(0.3)
            assert not one.mailboxes.keys() & two.mailboxes.keys()
            assert server.commands.count("IDLE") == 4


@pytest.mark.parametrize(
    "answer", [b"* 2 EXISTS\r\n" * 400_000, b"x" * 200_000, b"\x00\xff\r\n{tag} NO\r\n", b"+ go\r\n{tag} OK\r\n"]
)
def test_a_hostile_server_costs_its_own_mailbox_only(desk: Desk, answer: bytes) -> None:
    with imap_server(replace(IDLE, answers={"IDLE": answer})) as hostile, imap_server(IDLE) as server:
        live(desk, hostile)
        live(desk, server)
        with watching(desk) as watch:
            until(lambda: word(desk) == "idle")
            time.sleep(0.3)
            assert word(desk) == "idle"
            assert server.commands.count("IDLE") == 1
            assert all(
                len(each.opened.client.wire.buffer) < 400_000 for each in watch.mailboxes.values() if each.opened
            )


def test_folder_names_of_any_script_are_quoted() -> None:
    assert quoted('a"b\\c') == b'"a\\"b\\\\c"'
    assert quoted("ä\r\nX1 CREATE") == b'"&AOQADQAK-X1 CREATE"'
