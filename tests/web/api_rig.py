"""The API over a real database, with keys, mailboxes and mail in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.ledger import Ledger
from gatepost.model import Credential
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.credentials import SCOPES, create_credential
from gatepost.web.api import routes
from gatepost.web.live import Live
from gatepost.web.state import App

SIMPLE = {
    "from": "Shop <orders@shop.example>",
    "to": ["ana@calderon.example"],
    "subject": "Order 1",
    "text": "Thank you.",
}
RAW = b"From: orders@shop.example\r\nTo: ana@calderon.example\r\nSubject: Raw\r\n\r\nHello\r\n"


@dataclass
class Api:
    """The application; time moves by setting `now`."""

    parts: App
    client: TestClient
    now: datetime

    def key(
        self, *scopes: str, senders: Sequence[str] = ("shop.example",), conversations: str = "answer"
    ) -> tuple[Credential, dict[str, str]]:
        """A new key with these scopes, all if none are named, and the header that carries it."""
        credential, secret = self.parts.ledger.write(
            lambda session: create_credential(
                session,
                self.parts.keys,
                kind="api",
                name="Shop",
                senders=senders,
                scopes=scopes or SCOPES,
                conversations=conversations,
                now=self.now,
            )
        )
        return credential, {"Authorization": f"Bearer {secret}"}

    def send(self, auth: dict[str, str], **fields: Any) -> Any:
        """Send a simple mail, with these fields besides or instead; `headers` go with the request."""
        headers = auth | fields.pop("headers", {})
        answer = self.client.post("/v1/messages", json=SIMPLE | fields, headers=headers)
        assert answer.status_code == 202, answer.text
        return answer.json()


@contextmanager
def opened(settings: Settings, database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Iterator[Api]:
    """The API for as long as the context is open."""
    gate = Gate(settings, database, ledger, keys, Blobs(settings.path(settings.var) / "blobs"))
    holder: list[Api] = []
    parts = App(settings, database, ledger, keys, gate, Live(database), None, lambda: holder[0].now)
    with TestClient(Starlette(routes=routes(parts)), base_url="http://127.0.0.1:8025") as client:
        holder.append(Api(parts, client, now))
        yield holder[0]


@pytest.fixture
def api(settings: Settings, database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Iterator[Api]:
    """An installation without pages."""
    with opened(settings, database, ledger, keys, now) as api:
        yield api
