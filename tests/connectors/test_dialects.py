"""Servers that speak IMAP in their own way: Gmail, Exchange, and those that break its rules."""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from gatepost.connectors import wire
from gatepost.connectors.cursor import Position
from gatepost.connectors.fetch import Source, fetch_uids
from gatepost.connectors.imap import begin_session, connect, examine, list_new
from gatepost.connectors.polling import PATIENCE
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account, Raw
from gatepost.seal import Keys
from tests.connectors.desk import Desk, Inbox, mail
from tests.fakes import imap_dialects as spoken
from tests.fakes.imap import FakeImap, imap_server
from tests.fakes.imap_dialects import DIALECTS, HARMFUL, HARMLESS, exchange, gmail, plain, speaking

MAILS = {uid: mail(uid) for uid in (3, 4, 7)}
ALL_MAIL = "[Gmail]/Alle Nachrichten"
SENT = "Elementos enviados"


@pytest.fixture
def desk(ledger: Ledger, database: Database, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(wire, "COMMAND_SECONDS", 2)


def an_account() -> Account:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Account(
        id="acc_1", channel_id="chn_1", host="h", port=1, security="none", username="u", secret_sealed=b"",
        state_since=now, next_poll_at=now, created_at=now,
    )  # fmt: skip


def octets(desk: Desk) -> list[bytes]:
    """What is kept of all mails."""
    with desk.database.session() as session:
        return sorted(raw.data or b"" for raw in session.exec(select(Raw)))


# Providers


def test_gmail_is_read_by_all_mail_alone_with_ids_and_labels(desk: Desk) -> None:
    labels = {3: "\\Inbox Kunden", 4: "\\Sent", 7: '\\Inbox \\Important "a label"', 9: "\\Draft"}
    script = gmail({**MAILS, 9: mail(9)}, labels)
    with imap_server(script) as server:
        desk.add(server.port)
        assert desk.poll().mails == 3
        assert desk.poll().mails == 0
        examined = [command for command in server.commands if command.startswith("EXAMINE")]
        assert examined
        assert all("&" not in command and "Alle Nachrichten" in command for command in examined)
        assert any(command.startswith("ID (") for command in server.commands)
    assert octets(desk) == sorted(MAILS.values())
    views = desk.views(11, ALL_MAIL)
    assert [view.uid for view in views] == [3, 4, 7]
    assert [view.gm_msgid for view in views] == [str(1278455344230334800 + uid) for uid in (3, 4, 7)]
    assert [sorted(view.labels) for view in views] == [
        ["Kunden", "\\Inbox"],
        ["\\Sent"],
        ["\\Important", "\\Inbox", "a label"],
    ]


def test_exchange_is_read_without_special_use(desk: Desk) -> None:
    with imap_server(exchange(MAILS, {1: mail(100)})) as server:
        desk.add(server.port)
        assert desk.poll().mails == 4
        assert desk.poll().mails == 0
        assert not any("rev2" in command or "ENABLE" in command for command in server.commands)
        opened = {command.partition(" ")[2] for command in server.commands if command.startswith("EXAMINE")}
    assert not {name for name in opened if "Borradores" in name or "eliminados" in name or "deseado" in name}
    assert (desk.stored(14), desk.stored(16, SENT)) == ([3, 4, 7], [1])


@pytest.mark.parametrize(
    ("answers", "words", "seconds"),
    [
        ({"LOGIN": spoken.GMAIL_TOO_MANY}, "too many connections", 300),
        ({"LOGIN": spoken.GMAIL_OVER_QUOTA}, "used up its transfer limit", 4 * 3600),
        ({"STATUS": spoken.EXCHANGE_THROTTLED}, "slows us down", 299),
        ({"LIST": spoken.EXCHANGE_NOT_CONNECTED}, "does not open the mailbox just now", 120),
        ({"EXAMINE": spoken.EXCHANGE_UNAVAILABLE}, "not available just now", 60),
    ],
)
def test_a_provider_that_wants_to_be_left_alone_is(
    desk: Desk, answers: dict[str, bytes], words: str, seconds: float
) -> None:
    script = exchange(MAILS)
    with imap_server(replace(script, answers=answers)) as server:
        desk.add(server.port)
        polled = desk.poll()
        assert (polled.state, words in polled.why) == ("delayed", True), polled.why
        assert desk.account().next_poll_at - desk.time >= timedelta(seconds=seconds)
        server.script = script
        assert desk.poll(timedelta(hours=5)).state == "live"
    assert octets(desk) == sorted(MAILS.values())


def test_an_import_that_is_slowed_down_waits_and_goes_on(desk: Desk) -> None:
    script = exchange(MAILS)
    with imap_server(replace(script, answers={"UID FETCH": spoken.EXCHANGE_THROTTLED})) as server:
        desk.add(server.port)
        assert desk.poll().state == "delayed"
        assert desk.account().next_poll_at - desk.time >= timedelta(seconds=299)
        server.script = script
        assert desk.poll().state == "live"
    assert octets(desk) == sorted(MAILS.values())


def test_what_exchange_makes_up_in_place_of_a_mail_is_no_mail(desk: Desk) -> None:
    script = exchange({**MAILS, 5: spoken.EXCHANGE_STAND_IN})
    with imap_server(script) as server:
        desk.add(server.port)
        for _ in range(PATIENCE):
            assert desk.poll().state == "delayed"
        assert desk.poll().state == "live"
        assert [uid for uid, _ in desk.inbox.quarantined] == [5]
        server.script = exchange({**MAILS, 5: mail(5)})
        assert desk.poll().mails in (0, 1)
    assert spoken.EXCHANGE_STAND_IN not in octets(desk)
    assert set(MAILS.values()) <= set(octets(desk))


# Servers that break the rules


@pytest.mark.parametrize("name", HARMLESS)
def test_a_server_that_bends_the_rules_is_read_all_the_same(desk: Desk, name: str) -> None:
    with imap_server(speaking(MAILS, HARMLESS[name])) as server:
        desk.add(server.port)
        polled = desk.poll()
        assert (polled.state, polled.mails) == ("live", 3), polled.why
        assert desk.poll().mails == 0
    folder = "Inbox" if "small letters" in name else "INBOX"
    assert (desk.stored(1, folder), octets(desk)) == ([3, 4, 7], sorted(MAILS.values()))


@pytest.mark.parametrize("name", HARMFUL)
def test_a_server_that_breaks_the_rules_leaves_nothing_wrong(desk: Desk, name: str) -> None:
    with imap_server(speaking(MAILS, HARMFUL[name])) as server:
        desk.add(server.port)
        polled = desk.poll()
        assert polled.state in ("delayed", "importing")
        assert polled.state == "importing" or "localhost" in polled.why or "server" in polled.why
        assert octets(desk) == []
        server.script = plain(MAILS)
        assert desk.poll().mails == 3
        assert desk.poll().mails == 0
    assert (desk.stored(1), octets(desk)) == ([3, 4, 7], sorted(MAILS.values()))


# Connections that end


def read(server: FakeImap, folder: str) -> Iterator[bytes]:
    """The mails of a folder, over a connection of its own. Raises Trouble."""
    settings = Connect("localhost", server.port, "none", "user", "pw")
    with connect(settings, allow_private=True, message_size=100_000) as client:
        begin_session(client)
        opened = examine(client, folder)
        uids = list_new(client, opened, Position(opened.uidvalidity))
        for batch in fetch_uids(client, Source(an_account(), opened), uids):
            yield from (fetched.raw for fetched in batch.mails)


@pytest.mark.parametrize(("name", "folder"), [("gmail", ALL_MAIL), ("exchange", "INBOX"), ("plain", "INBOX")])
def test_a_fetch_that_is_cut_at_any_byte_hands_over_no_half_mail(name: str, folder: str) -> None:
    mails = {uid: MAILS[uid] for uid in (3, 7)}
    script, kept, cut = DIALECTS[name](mails), [b""], 0
    with imap_server(script) as server:
        while len(kept) < len(mails):
            server.script, kept = replace(script, cut_sum={"UID FETCH": cut}), []
            with suppress(Trouble):
                for raw in read(server, folder):
                    kept.append(raw)
            assert kept == [*mails.values()][: len(kept)], cut
            cut += 1
        assert cut > sum(len(raw) for raw in mails.values())
        server.script = replace(script, cut_sum={"UID FETCH": cut - 2})
        with pytest.raises(Trouble, match="ended the connection"):
            list(read(server, folder))


@pytest.mark.parametrize("name", DIALECTS)
def test_connections_cut_anywhere_repeat_nothing_and_lose_nothing(desk: Desk, name: str) -> None:
    rng, mails = random.Random(name), {uid: mail(uid) * 20 for uid in range(1, 30)}
    script = DIALECTS[name](mails)
    with imap_server(script) as server:
        desk.add(server.port)
        for _ in range(15):
            verb = rng.choice(
                ["UID FETCH", "UID FETCH", "UID SEARCH", "LOGIN", "LIST", "STATUS", "EXAMINE", "CAPABILITY"]
            )
            server.script = replace(script, cut_sum={verb: rng.randrange(0, 30_000 if verb == "UID FETCH" else 300)})
            desk.poll()
            kept = octets(desk)
            assert kept == sorted(set(kept))
            assert set(kept) <= set(mails.values())
        server.script = script
        assert desk.poll().state == "live"
    assert octets(desk) == sorted(mails.values())
    assert desk.inbox.quarantined == []
