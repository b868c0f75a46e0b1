"""Large bodies go through the spool, and one share of the budget at a time is held while mails are made of them."""

import asyncio
import json
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Message as Said

from gatepost.blobs import IN_ROW, Blobs, ContentFile
from gatepost.disk import NO_ROOM, Disk
from gatepost.gateway.budget import for_decoding
from gatepost.gateway.spooling_behind import writers
from gatepost.model import Message
from gatepost.reply import Refused
from gatepost.store.messages import raw_of
from gatepost.web.api import routes
from gatepost.web.api_body import Incoming
from gatepost.web.api_call import Call
from gatepost.web.api_messages import prepared_mail
from tests.web.api_rig import SIMPLE, Api
from tests.web.api_rig import api as api

MB = 1024 * 1024
PIECE = 64 * 1024
Receive = AsyncGenerator[Said, None]


def body_with(octets: int) -> bytes:
    """A mail in JSON with a file of so many octets."""
    file = {"name": "plan.pdf", "content": b64encode(bytes(octets)).decode()}
    return json.dumps(SIMPLE | {"attachments": [file]}).encode()


async def whole(body: bytes) -> Receive:
    """What a server hands over of a request whose client stays."""
    for at in range(0, len(body), PIECE):
        yield {"type": "http.request", "body": body[at : at + PIECE], "more_body": at + PIECE < len(body)}


async def cut(body: bytes) -> Receive:
    """The same, of a client that goes away in the middle."""
    async for said in whole(body[: len(body) // 2]):
        yield {**said, "more_body": True}
    yield {"type": "http.disconnect"}


def scope_of(headers: dict[str, str], query: str = "") -> dict[str, Any]:
    """A request to send a mail, as a server tells of it (ASGI)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/messages",
        "raw_path": b"/v1/messages",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8025),
    }


async def post(api: Api, auth: dict[str, str], coming: Receive, kind: str = "application/json", query: str = "") -> int:
    """Post a body to the application itself; the status of its answer."""
    scope = scope_of({**auth, "content-type": kind}, query)
    answers: list[int] = []

    async def receive() -> Said:
        return await anext(coming)

    async def send(said: Said) -> None:
        if said["type"] == "http.response.start":
            answers.append(said["status"])

    async with aclosing(coming):
        await Starlette(routes=routes(api.parts))(scope, receive, send)
    return answers[0]


async def spool_empties(api: Api) -> None:
    """Nothing is left in the spool; a file goes a moment after its request."""
    folder = api.parts.blobs.spool_folder
    for _ in range(200):
        if not list(folder.iterdir()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"left in the spool: {list(folder.iterdir())}")


def test_many_large_posts_hold_one_share_after_the_other(api: Api) -> None:
    _, auth = api.key()
    body = body_with(2 * MB)
    budget, share = api.parts.gate.budget, for_decoding(len(body))
    budget.total = share * 5 // 2

    async def scenario() -> list[int]:
        found = await asyncio.gather(*(post(api, auth, whole(body)) for _ in range(6)))
        await spool_empties(api)
        return found

    assert asyncio.run(scenario()) == [202] * 6
    assert share <= budget.most <= budget.total
    assert (budget.taken, list(budget.waiting)) == (0, [])
    with api.parts.database.session() as session:
        raws = [raw_of(session, row.raw_id, api.parts.blobs) for row in session.exec(select(Message))]
    assert len(raws) == 6
    assert b64encode(bytes(2 * MB)) in raws[0].replace(b"\r\n", b"")


def test_three_posts_of_20_mb_hold_no_more_than_one_of_them(api: Api) -> None:
    _, auth = api.key()
    body = body_with(15 * MB)
    budget = api.parts.gate.budget

    async def scenario() -> list[int]:
        found = await asyncio.gather(*(post(api, auth, whole(body)) for _ in range(3)))
        await spool_empties(api)
        return found

    assert asyncio.run(scenario()) == [202] * 3
    assert budget.most == for_decoding(len(body)) > budget.total, "more than all is given to one alone"
    assert budget.taken == 0


def test_a_mail_is_made_in_the_memory_of_its_share(api: Api, tmp_path: Path) -> None:
    credential, _ = api.key()
    body = body_with(3 * MB)
    path = tmp_path / "body"
    path.write_bytes(body)
    request = Request(scope_of({"content-type": "application/json"}))
    call = Call(api.parts, request, credential, api.now, ContentFile(path, len(body)))
    tracemalloc.start()
    try:
        prepared_mail(call)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= for_decoding(len(body))


def test_a_share_is_held_only_once_all_has_come(api: Api) -> None:
    _, auth = api.key()
    taken: list[int] = []

    async def watched(body: bytes) -> Receive:
        async for said in whole(body):
            taken.append(api.parts.gate.budget.taken)
            assert len(list(api.parts.blobs.spool_folder.glob("mail-*"))) <= 1
            yield said

    assert asyncio.run(post(api, auth, watched(body_with(MB)))) == 202
    assert len(taken) > 10
    assert set(taken) == {0}
    assert api.parts.gate.budget.most > 0


@pytest.mark.parametrize("kind", ["application/json", "message/rfc822"])
def test_a_client_that_goes_away_leaves_nothing(api: Api, kind: str) -> None:
    _, auth = api.key()

    async def scenario() -> None:
        await asyncio.gather(*(post(api, auth, cut(body_with(MB)), kind) for _ in range(3)))
        await spool_empties(api)

    asyncio.run(scenario())
    budget = api.parts.gate.budget
    assert (budget.taken, budget.most) == (0, 0)
    with api.parts.database.session() as session:
        assert session.exec(select(Message)).first() is None


def test_a_request_that_is_too_large_is_told_so_while_it_comes(api: Api) -> None:
    _, auth = api.key()
    limit = api.parts.settings.message_size * 4 // 3 + 64 * 1024
    pieces: list[int] = []

    async def endless() -> Receive:
        while True:
            pieces.append(PIECE)
            yield {"type": "http.request", "body": bytes(PIECE), "more_body": True}

    async def scenario() -> int:
        found = await post(api, auth, endless())
        await spool_empties(api)
        return found

    assert asyncio.run(scenario()) == 413
    assert sum(pieces) <= limit + PIECE
    assert api.parts.gate.budget.most == 0


def test_a_large_mail_as_it_is_ends_its_lines_with_crlf(api: Api) -> None:
    _, auth = api.key()
    text = b"a line\nanother\rthe third\r\n" * 20_000
    raw = b"From: orders@shop.example\nTo: ana@calderon.example\nSubject: Long\n\n" + text
    query = "from=orders@shop.example&to=ana@calderon.example"
    assert asyncio.run(post(api, auth, whole(raw), "message/rfc822", query)) == 202
    with api.parts.database.session() as session:
        message = session.exec(select(Message)).one()
        stored = raw_of(session, message.raw_id, api.parts.blobs)
    assert stored.partition(b"\r\n\r\n")[2] == b"a line\r\nanother\r\nthe third\r\n" * 20_000
    assert message.subject == "Long"


def test_a_large_request_with_a_key_is_known_again(api: Api) -> None:
    _, auth = api.key()
    body = body_with(MB)
    headers = auth | {"content-type": "application/json", "Idempotency-Key": "large-1"}
    first, again = (api.client.post("/v1/messages", content=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    other = api.client.post("/v1/messages", content=body_with(MB + 3), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_other_operations_read_a_large_body_too(api: Api) -> None:
    _, auth = api.key()
    answer = api.client.post("/v1/domains", json={"name": "x" * MB}, headers=auth)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-fields")
    assert api.parts.gate.budget.most == for_decoding(len(answer.request.content))
    assert api.parts.gate.budget.taken == 0


@pytest.mark.parametrize("size", [1, 7, 1000, IN_ROW, IN_ROW + 1])
def test_octets_come_out_as_they_went_in(tmp_path: Path, size: int) -> None:
    def out(lines: bool, octets: bytes) -> bytes:
        async def scenario() -> bytes:
            incoming = Incoming(Blobs(tmp_path / "blobs"), threads, lines=lines)
            for at in range(0, len(octets), size):
                await incoming.take(octets[at : at + size])
            body = await incoming.whole()
            assert isinstance(body, ContentFile) == (len(octets) > IN_ROW)
            found = body.read() if isinstance(body, ContentFile) else body
            incoming.drop()
            return found

        return asyncio.run(scenario())

    threads = writers()
    mixed = (b"\r\n.\n\r\0x\r\r\n" * (size // 5 + 1))[:2000] + bytes(IN_ROW if size > 7 else 0) + b"\r"
    assert out(False, mixed) == mixed
    if len(mixed) > IN_ROW:
        assert out(True, mixed) == mixed.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def test_nothing_is_written_where_there_is_no_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path, least=1 << 62)
    blobs = Blobs(tmp_path / "blobs", disk)

    async def scenario() -> None:
        incoming = Incoming(blobs, writers(), lines=False)
        await incoming.take(bytes(IN_ROW))
        await incoming.take(b"x")

    with pytest.raises(Refused) as refused:
        asyncio.run(scenario())
    assert refused.value.reply == NO_ROOM
    assert not blobs.spool_folder.exists()
