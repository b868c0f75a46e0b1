"""Mail that was there before a mailbox was connected is told to nobody, however new it is; complaint 22."""

from datetime import datetime

import pytest
from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.connectors.fetch import Fetched
from gatepost.database import Database
from gatepost.gateway.desk import is_news
from gatepost.ledger import Ledger
from gatepost.model import Account, Message, Webhook
from gatepost.parts import clock
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import accounts, channels, events
from gatepost.store.webhook_calls import hears
from gatepost.syncing import Prepared, prepare_mails, store_mails
from gatepost.threading.intake import Desk
from tests.fakes.dns import DictResolver

HEADER = (
    b"From: Kim <kim@harbour.example>\r\nTo: box@gatepost.test\r\nSubject: Hello\r\nMessage-ID: <1@harbour.example>\r\n"
)
MAIL = HEADER + b"\r\nHi\r\n"


def account_in(ledger: Ledger, keys: Keys, now: datetime) -> Account:
    def op(session: Session) -> Account:
        channel = channels.create_channel(session, name="Box", address="box@gatepost.test", now=now)
        account = accounts.create_account(
            session, keys, channel_id=channel.id, host="imap.test", port=993, security="tls", username="box",
            secret="s", now=now,
        )  # fmt: skip
        session.expunge(account)
        return account

    return ledger.write(op)


@pytest.mark.parametrize("old", [True, False])
def test_complaint_22_mail_from_before_the_connection_is_no_news(
    database: Database, ledger: Ledger, keys: Keys, settings: Settings, old: bool
) -> None:
    now = clock()
    account = account_in(ledger, keys, now)
    desk = Desk(settings, keys, Blobs(settings.home / "blobs"))
    mail = Fetched(account, "INBOX", 9, 1, MAIL, now, old=old)
    (ready,) = prepare_mails([mail], desk, DictResolver())
    assert isinstance(ready, Prepared)
    ledger.write(lambda session: store_mails(session, [(mail, ready)], desk))
    webhook = Webhook(id="whk_1", url="https://hooks.example", secret_sealed=b"", created_at=now)
    with database.session() as session:
        told = [event for event in events.events_after(session, 0) if event.message_id]
        received = next(event for event in told if event.kind == "message.received")
        message = session.get_one(Message, received.message_id)
        assert message.at == now  # the server's date is kept
        assert is_news(received, message, clock()) is not old
        assert {hears(webhook, event) for event in told} == {not old}
