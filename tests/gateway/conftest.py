"""What sending needs: a gate over a fresh database, a signed-for domain, a credential."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
import uvloop

from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate
from gatepost.gateway.put import Submission
from gatepost.ledger import Ledger
from gatepost.model import Credential
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.credentials import create_credential
from gatepost.store.domains import create_domain
from tests.gateway.dialogue import Run, World

Submit = Callable[..., Submission]


@pytest.fixture
def gate(settings: Settings, database: Database, ledger: Ledger, keys: Keys) -> Gate:
    """A gate that nobody waits behind."""
    return Gate(settings, database, ledger, keys, Blobs(settings.path(settings.var) / "blobs"))


@pytest.fixture
def domain(ledger: Ledger, keys: Keys, now: datetime) -> str:
    """A domain that is signed for."""
    ledger.write(lambda session: create_domain(session, keys, "shop.example", now))
    return "shop.example"


@pytest.fixture
def credential(ledger: Ledger, keys: Keys, now: datetime) -> Credential:
    """A system that may send as its domain and one more address."""
    senders = ["shop.example", "boss@other.example"]
    return ledger.write(lambda s: create_credential(s, keys, kind="smtp", name="Shop", senders=senders, now=now))[0]


@pytest.fixture
def submit(credential: Credential) -> Submit:
    """Makes a submission of a mail with these header lines."""

    def make(
        header: str = "From: Shop <orders@shop.example>\r\nTo: ana@calderon.example\r\nSubject: Order\r\n",
        *,
        recipients: tuple[str, ...] = ("ana@calderon.example",),
        mail_from: str = "orders@shop.example",
        body: str = "Hello\r\n",
        key: tuple[str, str] | None = None,
        sender: Credential = credential,
    ) -> Submission:
        content = f"{header}\r\n{body}".encode()
        return Submission(
            Envelope(mail_from, recipients, content, tls="TLSv1.3"),
            tuple(sender.senders),
            "smtp",
            credential=sender,
            key=key,
        )

    return make


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Both event loops."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def world(settings: Settings) -> World:
    """A world with one known address and one credential, shop / s3cret."""
    return World(settings)
