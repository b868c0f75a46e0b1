"""The office that threading tests share."""

from datetime import datetime

import pytest
from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.ledger import Ledger
from gatepost.model import Credential
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import channels
from gatepost.store.credentials import create_credential
from gatepost.threading.intake import Desk
from tests.threading.office import SUPPORT, Office


@pytest.fixture
def office(settings: Settings, ledger: Ledger, keys: Keys, now: datetime) -> Office:
    def op(session: Session) -> Credential:
        channels.create_channel(session, name="Support", address=SUPPORT, now=now)
        return create_credential(session, keys, kind="smtp", name="Shop", senders=["shop.example"], now=now)[0]

    return Office(ledger, Desk(settings, keys, Blobs(settings.path(settings.var))), now, ledger.write(op))
