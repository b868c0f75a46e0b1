"""A mailbox at a real Dovecot that sent a mail, and what looks after it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.connectors.sent import Filing
from gatepost.connectors.wire import Connect
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Account, Arrival, Message, Raw, SentCopy, View, WriteBack
from gatepost.seal import Keys
from gatepost.store import accounts, channels, messages
from gatepost.store.sending import set_sending
from gatepost.store.sent_copies import note_sent
from gatepost.store.write_back import want
from tests.rig.dovecot import PASSWORD, Dovecot
from tests.rows import copies_of, write_backs_of

RAW = b"From: box@mail.test\r\nTo: ana@remote.test\r\nSubject: Hi\r\nMessage-ID: <%s@gatepost.test>\r\n\r\nHello\r\n"


def raw_of(message: Message) -> bytes:
    return RAW % message.message_id.partition("@")[0].encode()


@dataclass
class Mailbox:
    """One connected account, its server and its filing; `time` is now."""

    ledger: Ledger
    keys: Keys
    dovecot: Dovecot
    user: str
    time: datetime
    account_id: str = ""
    keeps: str = ""
    port: int = 0

    def add(self, **settings: Any) -> "Mailbox":
        def op(session: Session) -> str:
            channel = channels.create_channel(session, name="Box", address=self.user, now=self.time)
            account = accounts.create_account(
                session, self.keys, channel_id=channel.id, host="localhost", port=self.dovecot.port, security="none",
                username=self.user, secret=PASSWORD, now=self.time,
            )  # fmt: skip
            set_sending(session, account, **settings)
            return account.id

        self.account_id = self.ledger.write(op)
        return self

    def login(self, password: str = PASSWORD) -> Connect:
        return Connect("localhost", self.port or self.dovecot.port, "none", self.user, password)

    def filing(self) -> Filing:
        return Filing(
            self.ledger, lambda account: self.login(), raw_of, lambda account: self.keeps, lambda: self.time,
            100_000, private_hosts=True,
        )  # fmt: skip

    def sent(self, name: str, *, sure: bool = True) -> str:
        """A mail that went out over the account; the id of its message."""
        row_id = new_id("msg")

        def op(session: Session) -> None:
            raw = RAW % name.encode()
            message = Message(
                id=row_id, direction="out", digest=row_id, message_id=f"{name}@gatepost.test", subject="Hi",
                from_address="box@mail.test", at=self.time, size=len(raw),
            )  # fmt: skip
            messages.put_message(session, message, Content(raw, None, len(raw)))
            note_sent(session, row_id, self.account_id, "", self.time, sure=sure)

        self.ledger.write(op)
        return row_id

    def copy(self, message_id: str) -> SentCopy:
        with self.ledger.database.session() as session:
            (row,) = copies_of(session, message_id)
            return row

    def fetched(self, name: str, folder: str = "INBOX", uid: int = 1, uidvalidity: int = 0) -> str:
        """A mail at that place that was fetched before; its arrival's id."""
        uidvalidity = uidvalidity or self.uidvalidity(folder)
        arrival_id = new_id("arr")

        def op(session: Session) -> None:
            raw, message_id = new_id("msg"), new_id("msg")
            session.add(Raw(id=raw, data=b"x", size=1))
            session.flush()
            messages.put_message(
                session,
                Message(
                    id=message_id, direction="in", digest=message_id, message_id=f"{name}@gatepost.test", raw_id=raw,
                    at=self.time, size=1,
                ),
                None,
            )  # fmt: skip
            session.add(
                Arrival(
                    id=arrival_id, receipt=arrival_id, inlet="imap", raw_id=raw, received_at=self.time,
                    account_id=self.account_id, message_id=message_id,
                )
            )  # fmt: skip
            session.flush()
            account_id = self.account_id
            session.add(
                View(account_id=account_id, folder=folder, uidvalidity=uidvalidity, uid=uid, arrival_id=arrival_id)
            )

        self.ledger.write(op)
        return arrival_id

    def uidvalidity(self, folder: str) -> int:
        told = self.dovecot.doveadm("-f", "flow", "mailbox", "status", "-u", self.user, "uidvalidity", folder)
        return int(told.partition("uidvalidity=")[2])

    def wanted(self, arrival_id: str, act: str) -> None:
        self.ledger.write(lambda session: want(session, arrival_id, self.account_id, act, self.time))

    def queue(self) -> list[WriteBack]:
        with self.ledger.database.session() as session:
            return list(write_backs_of(session, self.account_id))

    def account(self) -> Account:
        with self.ledger.database.session() as session:
            row = accounts.get_account(session, self.account_id)
            assert row
            return row

    def files(self, folder: str = "INBOX") -> list[str]:
        """The names of a folder's mails; flags stand behind the comma."""
        root = self.dovecot.maildir(self.user, folder)
        return sorted(path.name for part in ("cur", "new") for path in (root / part).iterdir())
