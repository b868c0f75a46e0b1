"""T23: a mailbox at a provider is read while its connections break, its server restarts, and we are killed."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from gatepost.parts import clock, open_parts
from gatepost.store import accounts, channels
from tests.rig.dovecot import PASSWORD, Dovecot, own, started
from tests.rig.packages import find_program
from tests.torture.backends import store
from tests.torture.cutting import Way, cutting
from tests.torture.product import MAILBOX, Gatepost, installed
from tests.torture.run import Run, Skipped, Verdict

THREAD = 10
"""Mails of one conversation: a customer's first one, and what he adds."""
KILL_SECONDS = 5.0
RESTART_SECONDS = 17.0
SETTLE_SECONDS = 600.0
CONTROL = 60
PART = 10
"""One in so many mails of each folder must be stored before the folders are numbered anew."""
PART_SECONDS = 60.0
MOST_KILLS = 100
FETCHED = "SELECT count(*) FROM arrival"
RESTING = "SELECT count(*) FROM account WHERE state = 'live' AND lease_until IS NULL"
MOVED = """SELECT count(*) FROM view JOIN arrival ON arrival.id = view.arrival_id
WHERE view.gone_at IS NULL AND arrival.receipt NOT LIKE '%:' || view.uidvalidity || ':' || view.uid || ':%'"""


@dataclass(slots=True)
class Mailbox:
    """A user's mailbox at the Dovecot, where its folders lie, how many mails have been put into it, and how many of
    them were stored when it was numbered anew.
    """

    server: Dovecot
    user: str
    folders: dict[str, Path]
    put: int = 0
    renumbered: int = 0

    def add(self, count: int) -> None:
        """Deliver so many more, each tenth mail into the archive."""
        for number in range(self.put, self.put + count):
            folder = self.folders["Archive" if number % THREAD == THREAD - 1 else "INBOX"]
            file = folder / "tmp" / f"{time.time_ns()}.{number}.torture"
            file.write_bytes(mail(number))
            own(file)
            file.rename(folder / "new" / file.name)
        self.put += count

    def number_anew(self, stored: int) -> None:
        """Give every folder another UIDVALIDITY, as after a restored backup or a move to another server."""
        for number, name in enumerate(self.folders, 1):
            self.server.set_uidvalidity(self.user, int(time.time()) + 1_000 * number, name)
        self.renumbered = stored


def mail(number: int) -> bytes:
    """The mails of a customer, ten in a row, belong together by their References."""
    customer, place = divmod(number, THREAD)
    first = f"<t{customer * THREAD}@sync.test>"
    head = f"References: {first}\r\nIn-Reply-To: {first}\r\n" if place else ""
    body = f"This is mail {number}.\r\n" * (40 if number % 50 else 4000)
    return (
        f"From: customer{customer}@sync.test\r\nTo: {MAILBOX}\r\nSubject: {'Re: ' if place else ''}order {customer}\r\n"
        f"Message-ID: <t{number}@sync.test>\r\n{head}Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n{body}"
    ).encode()


def sync_faults(run: Run) -> Verdict:
    """T23: 10,000 mails by IMAP under random drops, restarts of its server, SIGKILL every 5 s: none lost or doubled."""
    return play(run, renumber=False)


def sync_renumbered(run: Run) -> Verdict:
    """T23 with another UIDVALIDITY for every folder in the middle: each mail still once, at its one place."""
    again = control(run)
    verdict = play(run, renumber=True)
    verdict.note(fetched_twice_in_the_control=again)
    verdict.hold(again == CONTROL, "mail that nothing recognises was not seen to be fetched a second time")
    return verdict


def play(run: Run, *, renumber: bool) -> Verdict:
    """Connect the mailbox, harm everything while mail comes in, let it settle, and judge."""
    verdict, mails = Verdict(), run.pick(200, 10_000)
    with connected(run, run.folder / "product") as (product, mailbox, way):
        mailbox.add(mails // 2)
        product.start()
        harm(run, verdict, product, mailbox, mails, renumber=renumber)
        way.risk = 0.0
        verdict.note(mails=mails, connections=way.passed, connections_cut=way.cuts)
        verdict.hold(way.cuts > 0 or run.short, "no connection was cut")
        verdict.note(settled_in_s=settle(product, mails))
        judge(verdict, product, mails)
        verdict.hold(bool(mailbox.renumbered) == renumber, "the folders were not numbered anew once")
        if renumber:
            verdict.note(stored_when_renumbered=mailbox.renumbered, found_again=number(product, MOVED))
            verdict.hold(number(product, MOVED) >= mailbox.renumbered, "mail was not found under its new number")
    return verdict


def control(run: Run) -> int:
    """How many mails are fetched a second time where nothing recognises what is stored: all, if we count right."""
    with connected(run, run.folder / "control") as (product, mailbox, way):
        way.risk = 0.0
        mailbox.add(CONTROL)
        product.start()
        settle(product, CONTROL)
        product.kill()
        mailbox.number_anew(CONTROL)
        with product.database() as database, database.engine.begin() as connection:
            connection.execute(text("UPDATE view SET fingerprint = ''"))
        product.start()
        settle(product, CONTROL, 2 * CONTROL)
        return number(product, FETCHED) - CONTROL


@contextmanager
def connected(run: Run, folder: Path) -> Iterator[tuple[Gatepost, Mailbox, Way]]:
    """An installation that does not run yet, with a mailbox at a Dovecot over a way that is cut."""
    if find_program("dovecot") is None:
        raise Skipped("Dovecot is not installed (dovecot-imapd)")
    settings = {"poll_seconds": 1, "log_level": "error"}
    own_store = store(replace(run, folder=folder.with_name(f"{folder.name}-store")))
    with started() as server, own_store as url, installed(folder, url, **settings) as product:
        user = server.add_user()
        folders = {name: server.maildir(user, name) for name in ("INBOX", "Archive")}
        with cutting(Way(server.port, run.dice)) as way:
            connect(product, way.port, user)
            yield product, Mailbox(server, user, folders), way


def connect(product: Gatepost, port: int, user: str) -> None:
    """Connect the mailbox through the way that is cut."""

    def op(session: Session) -> None:
        channel = channels.channel_by_address(session, MAILBOX)
        assert channel
        accounts.create_account(
            session, parts.keys, channel_id=channel.id, host="localhost", port=port, security="none", username=user,
            secret=PASSWORD, now=clock(),
        )  # fmt: skip

    with open_parts(product.settings) as parts:
        parts.ledger.write(op)


def harm(run: Run, verdict: Verdict, product: Gatepost, mailbox: Mailbox, mails: int, *, renumber: bool) -> None:
    """Kill, restart and cut while mail goes on coming in, until all of it came and everything was done a few times.

    With `renumber` the folders are numbered anew once, while we read them, when three quarters came and some of each
    folder is stored. In the full form somebody presses "Fetch now" after each kill, for kills that come every 5 s leave
    mostly passes that broke at once, and their waits; afterwards, and in the short form, it recovers by itself.
    """
    kills, restarts, dice = 0, 0, run.dice
    least = run.pick(1, 12)
    every = run.pick(1, int(KILL_SECONDS))
    next_restart = time.monotonic() + run.seconds(1.5, RESTART_SECONDS / 60)
    step = max(1, mails // run.pick(4, 40))
    until = time.monotonic() + (60 * run.minutes if run.minutes else 0)
    while mailbox.put < mails or kills < least or time.monotonic() < until:
        wait = renumber and not mailbox.renumbered
        mailbox.add(min(step, (mails * 3 // 4 if wait else mails) - mailbox.put))
        if wait and mailbox.put >= mails * 3 // 4 and (here := partly_stored(product, mailbox, PART_SECONDS)):
            mailbox.number_anew(here)
        if wait and kills > MOST_KILLS:
            return
        time.sleep(every * dice.uniform(0.5, 1))
        if time.monotonic() >= next_restart:
            mailbox.server.restart()
            restarts += 1
            next_restart = time.monotonic() + RESTART_SECONDS
        product.kill()
        kills += 1
        verdict.note(stored_at_last_kill=len(stored(product)))
        if not run.short:
            hasten(product)
        product.start()
    verdict.note(kills=kills, restarts_of_the_server=restarts)


def hasten(product: Gatepost) -> None:
    """Somebody presses "Fetch now": what failed often would wait for minutes."""

    def op(session: Session) -> None:
        for account in accounts.list_accounts(session):
            account.failures = 0
            accounts.poll_now(session, account, clock())

    with open_parts(product.settings) as parts:
        parts.ledger.write(op)


def partly_stored(product: Gatepost, mailbox: Mailbox, seconds: float) -> int:
    """How many mails have their place here, if there is a part of each folder's among them within the time; else 0."""
    until = time.monotonic() + seconds
    while not (here := part_of_each(product, mailbox)) and time.monotonic() < until:
        time.sleep(0.2)
    return here


def part_of_each(product: Gatepost, mailbox: Mailbox) -> int:
    with product.database() as database, database.engine.connect() as connection:
        rows = connection.execute(text("SELECT folder, count(*) FROM view WHERE gone_at IS NULL GROUP BY folder"))
        found: dict[str, int] = dict(row.tuple() for row in rows)
    archived = mailbox.put // THREAD
    there = {"Archive": archived, "INBOX": mailbox.put - archived}
    return sum(found.values()) if all(found.get(name, 0) * PART >= count for name, count in there.items()) else 0


def settle(product: Gatepost, mails: int, fetched: int = 0) -> float:
    """Nothing breaks any more: wait until all is here, or for ten minutes; how many seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_SECONDS:
        if len(stored(product)) >= mails and number(product, RESTING) and number(product, FETCHED) >= fetched:
            break
        time.sleep(0.3)
    return time.monotonic() - began


def number(product: Gatepost, query: str) -> int:
    """What a query counts."""
    with product.database() as database, database.engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def stored(product: Gatepost) -> Counter[str]:
    """How often each mail is there."""
    with product.database() as database, database.engine.connect() as connection:
        rows = connection.execute(text("SELECT message_id FROM message WHERE message_id LIKE '%@sync.test'"))
        return Counter(row[0] for row in rows)


def judge(verdict: Verdict, product: Gatepost, mails: int) -> None:
    """Each mail once, at one place, in its conversation; what the server has and what is here is the same."""
    found = stored(product)
    verdict.check("lost", len({f"t{number}@sync.test" for number in range(mails)} - set(found)), 0)
    verdict.check("stored_twice", sum(count - 1 for count in found.values()), 0)
    conversations = number(product, "SELECT count(*) FROM conversation")
    verdict.check("conversations_too_many", conversations - mails // THREAD, 0)
    views = number(product, "SELECT count(*) FROM view WHERE gone_at IS NULL")
    verdict.check("places_wrong", abs(views - mails), 0)
    verdict.check("fetched_twice", number(product, FETCHED) - mails, 0)
    verdict.check("put_aside", number(product, "SELECT count(*) FROM arrival WHERE outcome <> 'placed'"), 0)
    rows = compare(product)
    verdict.note(on_server=sum(row["on_server"] for row in rows))
    for name in ("missing", "waiting", "skipped"):
        verdict.check(f"ledger_{name}", sum(row[name] for row in rows), 0)
    verdict.check("ledger_difference", abs(sum(row["on_server"] - row["stored"] for row in rows)), 0)
    verdict.hold(
        sum(row["on_server"] for row in rows) == mails, "the server does not have the mails that were put there"
    )
    for finding in product.fsck():
        verdict.hold(False, f"fsck: {finding}")


def compare(product: Gatepost) -> list[dict[str, int]]:
    """What `gatepost mailbox verify` says, folder by folder."""
    command = product.command("mailbox", "verify", MAILBOX, "--json")
    done = subprocess.run(command, capture_output=True, text=True, env=product.surroundings(), cwd=product.folder)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"verify failed: {done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]
