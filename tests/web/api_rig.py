"""The API over a real database, with keys, mailboxes and mail in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from httpx2 import Response
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.ledger import Ledger
from gatepost.model import Channel, Credential
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.channels import create_channel
from gatepost.store.credentials import SCOPES, create_credential
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.web.api import routes
from gatepost.web.live import Live
from gatepost.web.state import App
from gatepost.words import Strength

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
        """Send a simple mail, with these fields besides or instead; `extra` headers go with the request."""
        headers = auth | fields.pop("extra", {})
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


def arrive(api: Api, raw: bytes, recipient: str) -> Received:
    """A mail from outside goes through the one door."""
    desk = Desk(api.parts.settings, api.parts.keys, api.parts.blobs)
    arriving = Arriving(raw, "mx", recipient, "ana@calderon.example", strength=Strength.ALIGNED)
    reading, content = read(raw, arriving.envelope_from), api.parts.blobs.keep(raw)

    def store(session: Session) -> Received:
        return receive(session, desk, store_arrival(session, arriving, content, api.now), reading, api.now)

    return api.parts.ledger.write(store)


def question(subject: str = "Where is it?", references: str = "", to: str = "help@shop.example") -> bytes:
    """What Ana writes."""
    known = f"In-Reply-To: <{references}>\r\nReferences: <{references}>\r\n" if references else ""
    return (
        f"From: Ana <ana@calderon.example>\r\nTo: {to}, Ben <ben@calderon.example>\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject.encode().hex()}@calderon.example>\r\n{known}\r\nI am waiting.\r\n"
    ).encode()


def desk_address(api: Api, address: str = "help@shop.example") -> Channel:
    """A mailbox of ours."""
    return api.parts.ledger.write(lambda s: create_channel(s, name="Help", address=address, now=api.now))


def problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The problem that an answer is, after its form was checked."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["type"] == f"/docs/api#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/v1/")
    return body


def pointers(body: dict[str, Any]) -> list[str]:
    """What a problem points at."""
    return [fault["pointer"] for fault in body["errors"]]
