"""T23: a mailbox at a provider is read while its connections break, its server restarts, and we are killed."""

import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from gatepost.parts import clock, open_parts
from gatepost.store import accounts, channels
from gatepost.store.accounts import AccountState
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


@dataclass(slots=True)
class Mailbox:
    """A user's mailbox at the Dovecot, where its folders lie, and how many mails have been put into it."""

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

    def number_anew(self) -> None:
        """Give every folder another UIDVALIDITY, as after a restored backup or a move to another server."""
        for number, name in enumerate(self.folders, 1):
            self.server.set_uidvalidity(self.user, int(time.time()) + 1_000 * number, name)
        self.renumbered += 1


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
    return play(run, renumber=True)


def play(run: Run, *, renumber: bool) -> Verdict:
    """Connect the mailbox, harm everything while mail comes in, let it settle, and judge."""
    if find_program("dovecot") is None:
        raise Skipped("Dovecot is not installed (dovecot-imapd)")
    verdict, mails = Verdict(), run.pick(200, 10_000)
    settings = {"poll_seconds": 1, "log_level": "error"}
    with started() as server, store(run) as url, installed(run.folder / "product", url, **settings) as product:
        user = server.add_user()
        mailbox = Mailbox(server, user, {name: server.maildir(user, name) for name in ("INBOX", "Archive")})
        with cutting(Way(server.port, run.dice)) as way:
            account_id = connect(product, way.port, user)
            mailbox.add(mails // 2)
            product.start()
            harm(run, verdict, product, mailbox, mails, renumber=renumber)
            way.risk = 0.0
            verdict.note(mails=mails, connections=way.passed, connections_cut=way.cuts)
            verdict.hold(way.cuts > 0 or run.short, "no connection was cut")
            verdict.note(settled_in_s=settle(product, account_id, mails))
            judge(verdict, product, mails)
            verdict.hold(mailbox.renumbered == renumber, "the folders were not numbered anew once")
    return verdict


def connect(product: Gatepost, port: int, user: str) -> str:
    """Connect the mailbox through the way that is cut; the account's id."""

    def op(session: Session) -> str:
        channel = channels.channel_by_address(session, MAILBOX)
        assert channel
        return accounts.create_account(
            session, parts.keys, channel_id=channel.id, host="localhost", port=port, security="none", username=user,
            secret=PASSWORD, now=clock(),
        ).id  # fmt: skip

    with open_parts(product.settings) as parts:
        return parts.ledger.write(op)


def harm(run: Run, verdict: Verdict, product: Gatepost, mailbox: Mailbox, mails: int, *, renumber: bool) -> None:
    """Kill, restart and cut while mail goes on coming in, until all of it came and everything was done a few times.

    With `renumber` the folders are numbered anew once, while we read them, as soon as three quarters came.
    """
    kills, restarts, dice = 0, 0, run.dice
    least = run.pick(1, 12)
    every = run.pick(1, int(KILL_SECONDS))
    next_restart = time.monotonic() + run.seconds(1.5, RESTART_SECONDS / 60)
    step = max(1, mails // run.pick(4, 40))
    until = time.monotonic() + (60 * run.minutes if run.minutes else 0)
    while mailbox.put < mails or kills < least or time.monotonic() < until:
        mailbox.add(min(step, mails - mailbox.put))
        if renumber and not mailbox.renumbered and mailbox.put >= mails * 3 // 4:
            mailbox.number_anew()
        time.sleep(every * dice.uniform(0.5, 1))
        if time.monotonic() >= next_restart:
            mailbox.server.restart()
            restarts += 1
            next_restart = time.monotonic() + RESTART_SECONDS
        product.kill()
        kills += 1
        verdict.note(stored_at_last_kill=len(stored(product)))
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


def settle(product: Gatepost, account_id: str, mails: int) -> float:
    """Nothing breaks any more: wait until all is here, or for ten minutes; how many seconds that took."""
    began = time.monotonic()
    while len(stored(product)) < mails and time.monotonic() - began < SETTLE_SECONDS:
        time.sleep(0.3)
    pressed = clock()
    hasten(product)
    with product.database() as database:
        while time.monotonic() - began < SETTLE_SECONDS:
            with database.session() as session:
                account = accounts.get_account(session, account_id)
            if account and account.state == AccountState.LIVE and (account.last_sync_at or pressed) > pressed:
                break
            time.sleep(0.3)
    return time.monotonic() - began


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
    with product.database() as database, database.engine.connect() as connection:

        def number(query: str) -> int:
            return int(connection.execute(text(query)).scalar_one())

        verdict.check("conversations_too_many", number("SELECT count(*) FROM conversation") - mails // THREAD, 0)
        views = number("SELECT count(*) FROM view WHERE gone_at IS NULL")
        verdict.check("places_wrong", abs(views - mails), 0)
        verdict.check("put_aside", number("SELECT count(*) FROM arrival WHERE outcome <> 'placed'"), 0)
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
