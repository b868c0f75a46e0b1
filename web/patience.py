"""While the database does not answer, no page lets its reader wait: 503, and what hangs is left behind."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.database import Database

SECONDS = 3.0
PROBE_SECONDS = 1.5
"""A busy machine may need most of a second to open a connection; with the above, who waits is told within 5 s."""
SENTENCE = "The database does not answer just now. Nothing was lost; please try again in a minute.\n"


class Patience:
    """ASGI middleware: a request that waited long is answered with 503 if `answers` says that the database does not.

    A page that is slow by itself is waited for.
    """

    def __init__(self, app: ASGIApp, answers: Callable[[], Awaitable[bool]], seconds: float = SECONDS) -> None:
        self.app = app
        self.answers = answers
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, left = asyncio.Event(), False

        async def unless_left(message: Message) -> None:
            if not left:
                begun.set()
                await send(message)

        page = asyncio.ensure_future(self.app(scope, receive, unless_left))
        try:
            while not await began(page, begun, self.seconds):
                if not await self.answers() and not begun.is_set():
                    left = True
                    await PlainTextResponse(SENTENCE, 503, {"retry-after": "30"})(scope, receive, send)
                    return
            await page
        finally:
            if not page.done():  # its thread ends when the database answers; nobody waits for it
                page.cancel()
            elif left and not page.cancelled():
                page.exception()


async def database_answers(database: Database, seconds: float = PROBE_SECONDS) -> bool:
    """Whether the database answers a question within so many seconds; one that hangs is left to its thread."""

    def ask() -> None:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    threading.Thread(target=tell, args=(ask, asyncio.get_running_loop(), asked), daemon=True).start()
    await asyncio.wait({asked}, timeout=seconds)  # an answer that came while the loop was busy counts
    if not asked.done():
        asked.cancel()
        return False
    return asked.exception() is None


def tell(ask: Callable[[], None], loop: asyncio.AbstractEventLoop, asked: asyncio.Future[None]) -> None:
    """Ask in this thread, and let the loop know how it went, if somebody still waits."""
    error: Exception | None = None
    try:
        ask()
    except Exception as found:
        error = found

    def note() -> None:
        if not asked.done():
            asked.set_exception(error) if error else asked.set_result(None)

    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(note)


async def began(page: asyncio.Future[None], begun: asyncio.Event, seconds: float) -> bool:
    """Whether a page has begun its answer, or ended, within so many seconds."""
    waiting = asyncio.ensure_future(begun.wait())
    done, _ = await asyncio.wait((page, waiting), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return bool(done)
