"""An office that polls: what connector tests share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from gatepost.connectors.access import Access
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.poll import Polled, poll_next
from gatepost.connectors.polling import Polling
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.connectors.remap import fingerprint
from gatepost.connectors.wire import Connect
from gatepost.database import Database
from gatepost.http import Guard
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.mailbox_access import imap_login
from gatepost.model import Account, Arrival, Cursor, Raw, View
from gatepost.seal import Keys
from gatepost.store import accounts, channels, events, folders
from tests.rig.dovecot import PASSWORD

DUE = timedelta(hours=2)


def mail(number: int) -> bytes:
    return f"From: a@example.org\r\nSubject: {number}\r\n\r\nText {number}\r\n".encode()


@dataclass
class Inbox:
    """The other side of the poller's two passed-in functions: it keeps mail as arrivals, each place once."""

    bad: set[int] = field(default_factory=set)
    quarantined: list[tuple[int, str]] = field(default_factory=list)
    before: Callable[[Fetched], None] = lambda mail: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def prepare(self, mails: Sequence[Fetched]) -> list[bytes]:
        for mail in mails:
            self.before(mail)
        return [mail.raw for mail in mails]

    def receive(self, session: Session, pairs: Sequence[tuple[Fetched, bytes]]) -> None:
        for mail, prepared in pairs:
            assert prepared == mail.raw
            if mail.uid in self.bad:
                raise ValueError("poison")
            self.keep(session, mail)

    def quarantine(self, session: Session, mail: Fetched, why: str) -> None:
        self.quarantined.append((mail.uid, why))
        self.keep(session, mail)

    def keep(self, session: Session, mail: Fetched) -> None:
        if session.get(View, (mail.account.id, mail.folder, mail.uidvalidity, mail.uid)):
            raise AssertionError(f"{mail.uid} was fetched twice")
        raw, arrival = new_id("msg"), new_id("arr")
        session.add(Raw(id=raw, data=mail.raw, size=len(mail.raw)))
        session.flush()
        session.add(Arrival(id=arrival, receipt=arrival, inlet="imap", raw_id=raw, received_at=self.clock()))
        session.flush()
        folders.add_views(
            session,
            [
                View(
                    account_id=mail.account.id,
                    folder=mail.folder,
                    uidvalidity=mail.uidvalidity,
                    uid=mail.uid,
                    arrival_id=arrival,
                    flags=mail.meta.flags,
                    size=mail.meta.size,
                    fingerprint=fingerprint(mail.raw, mail.meta.gm_msgid),
                    gm_msgid=mail.meta.gm_msgid,
                    labels=list(mail.meta.labels),
                )
            ],
        )


@dataclass
class Desk:
    """An account, its poller, and what is in the database."""

    database: Database
    ledger: Ledger
    keys: Keys
    inbox: Inbox
    time: datetime
    account_id: str = ""

    def __post_init__(self) -> None:
        self.inbox.clock = lambda: self.time

    def add(self, port: int, user: str = "user", password: str = PASSWORD) -> None:
        def op(session: Session) -> str:
            channel = channels.create_channel(
                session, name="Box", address=f"{new_id('x')}@gatepost.test", now=self.time
            )
            return accounts.create_account(
                session, self.keys, channel_id=channel.id, host="localhost", port=port, security="none",
                username=user, secret=password, now=self.time,
            ).id  # fmt: skip

        self.account_id = self.ledger.write(op)

    def login(self, account: Account) -> Connect:
        guard = Guard(private=True)
        access = Access(self.ledger, self.database, self.keys, PROVIDERS, guard, lambda: self.time)
        return imap_login(access, account)

    def polling(self, **changes: object) -> Polling:
        polling = Polling(
            self.ledger, self.inbox.prepare, self.inbox.receive, self.inbox.quarantine, self.login,
            clock=lambda: self.time, message_size=100_000, private_hosts=True, jitter=lambda: 1.0,
        )  # fmt: skip
        return replace(polling, **changes)  # type: ignore[arg-type]

    def poll(self, after: timedelta = DUE) -> Polled:
        self.time += after
        polled = poll_next(self.polling())
        assert polled is not None
        return polled

    def account(self) -> Account:
        with self.database.session() as session:
            account = accounts.get_account(session, self.account_id)
            assert account is not None
            return account

    def cursor(self, folder: str = "INBOX") -> Cursor | None:
        with self.database.session() as session:
            return accounts.get_cursor(session, self.account_id, folder)

    def views(self, uidvalidity: int, folder: str = "INBOX") -> list[View]:
        where = (View.account_id == self.account_id, View.folder == folder, View.uidvalidity == uidvalidity)
        with self.database.session() as session:
            return list(session.exec(select(View).where(*where).order_by(col(View.uid))))

    def stored(self, uidvalidity: int, folder: str = "INBOX") -> list[int]:
        return [view.uid for view in self.views(uidvalidity, folder)]

    def cursors(self) -> list[Cursor]:
        with self.database.session() as session:
            return list(folders.list_cursors(session, self.account_id))

    def forget(self, uid: int) -> None:
        """Lose a view, as a fault of ours would."""
        where = (col(View.account_id) == self.account_id, col(View.uid) == uid)
        self.ledger.write(lambda session: session.execute(delete(View).where(*where)))

    def states(self) -> list[str]:
        with self.database.session() as session:
            found = events.events_after(session, 0)
            return [str(event.data["state"]) for event in found if event.kind == "account.state"]
