import asyncio
import threading
import time

import pytest
from starlette.types import Message, Receive, Scope, Send

from gatepost.database import Database
from gatepost.web.patience import SENTENCE, Patience, database_answers

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def silent() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def asked(answers: bool, page_seconds: float) -> list[Message]:
    """What a client gets of a page that takes so long."""
    said: list[Message] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(page_seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def probe() -> bool:
        return answers

    async def send(message: Message) -> None:
        said.append(message)

    async def scenario() -> None:
        await Patience(page, probe, seconds=0.05)(SCOPE, silent, send)
        await asyncio.sleep(page_seconds)  # what was left behind says nothing more

    asyncio.run(scenario())
    return said


@pytest.mark.parametrize(
    ("answers", "seconds", "status", "body"),
    [(True, 0.0, 200, b"page"), (True, 0.2, 200, b"page"), (False, 0.0, 200, b"page"), (False, 0.3, 503, None)],
)
def test_who_waits_for_a_database_that_is_away_is_told(
    answers: bool, seconds: float, status: int, body: bytes | None
) -> None:
    start, content = asked(answers, seconds)
    assert start["status"] == status
    assert content["body"] == (SENTENCE.encode() if body is None else body)


def test_whether_the_database_answers(database: Database) -> None:
    assert asyncio.run(database_answers(database))
    database.close()
    lock = threading.Event()

    class Hanging:
        class engine:
            @staticmethod
            def connect() -> None:
                lock.wait(5)
                raise OSError

    async def scenario() -> None:
        answer = await database_answers(Hanging(), 0.05)  # type: ignore[arg-type]
        lock.set()
        assert not answer

    asyncio.run(scenario())


def test_an_answer_that_came_while_the_loop_was_busy_counts(database: Database) -> None:
    async def scenario() -> bool:
        asking = asyncio.create_task(database_answers(database, 0.2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(0.5)  # the loop stands still, the answer waits
        return await asking

    assert asyncio.run(scenario())
