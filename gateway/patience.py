"""How long a client waits for our own store: a database that hangs is answered with 451, as one that is away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

SECONDS = 4.5
OCTETS_PER_SECOND = 1_000_000

T = TypeVar("T")


async def in_time(work: Awaitable[T], octets: int = 0) -> T:
    """What `work` gives, if it does within 4.5 s and a second more for each MB that it handles.

    Raises TimeoutError, which listeners answer with 451 4.3.0. The work goes on then, and may still succeed: the
    client's next try of the same mail finds what is stored.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=SECONDS + octets / OCTETS_PER_SECOND)
    if not done:
        task.add_done_callback(end)
        raise TimeoutError("our store took too long")
    return task.result()


def end(task: asyncio.Future[T]) -> None:
    """Nobody waits for what this gives, or for its error."""
    if not task.cancelled():
        task.exception()
