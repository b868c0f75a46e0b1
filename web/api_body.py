"""The body of a request to the API: in memory where it is small, else in a file of the spool while it is used."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from starlette.requests import Request

from gatepost.blobs import IN_ROW, Blobs, ContentFile
from gatepost.gateway.accept import refuse_without_room
from gatepost.gateway.spooling import Copying
from gatepost.gateway.spooling_behind import SpoolingBehind
from gatepost.reply import Refused, Reply
from gatepost.settings import Settings
from gatepost.web.api_errors import Problem

BODY_SECONDS = 300
RAW_TYPE = "message/rfc822"

Body = bytes | ContentFile
"""Octets, or the file that they are in where they are over 128 KB."""


def body_limit(settings: Settings) -> int:
    """Octets: the largest mail in base64, and its JSON around it."""
    return settings.message_size * 4 // 3 + 64 * 1024


def media_type_of(request: Request) -> str:
    """The media type without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def pieces_of(body: Body) -> Iterable[bytes]:
    """The octets, a piece at a time. Raises OSError."""
    return (body,) if isinstance(body, bytes) else body.pieces()


def octets_of(body: Body) -> bytes:
    """All octets at once: of a large body only under a share of the budget. Raises OSError."""
    return body if isinstance(body, bytes) else body.read()


@asynccontextmanager
async def body_of(request: Request, limit: int, blobs: Blobs, threads: Executor) -> AsyncIterator[Body]:
    """The body, at most `limit` octets and 300 s; its file is gone afterwards. Raises Problem and Refused.

    A mail sent as it is (`message/rfc822`) has CRLF at the end of every line of its file.
    """
    incoming = Incoming(blobs, threads, lines=media_type_of(request) == RAW_TYPE)
    try:
        yield await read_all(request, limit, incoming)
    finally:
        incoming.drop()


async def read_all(request: Request, limit: int, incoming: "Incoming") -> Body:
    """Take what comes to its end. Raises Problem and Refused."""
    too_large = Problem("too-large", f"The request may have at most {limit:,} octets")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise too_large
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                if incoming.size + len(chunk) > limit:
                    raise too_large
                await incoming.take(chunk)
            return await incoming.whole()
    except TimeoutError:
        raise Problem("request-timeout") from None


class Incoming:
    """Octets as they come: kept while they are few, then written to a file by threads."""

    def __init__(self, blobs: Blobs, threads: Executor, *, lines: bool) -> None:
        self.blobs = blobs
        self.threads = threads
        self.lines = lines
        self.size = 0
        self.kept: list[bytes] = []
        self.behind: SpoolingBehind | None = None
        self.room = asyncio.Event()
        self.room.set()

    async def take(self, chunk: bytes) -> None:
        """Take octets; waits while the disk is behind. Raises Refused where it does not take them."""
        self.size += len(chunk)
        if self.behind is None:
            self.kept.append(chunk)
            if self.size <= IN_ROW:
                return
            refuse_without_room(self.blobs.disk)
            chunk, self.kept = b"".join(self.kept), []
            self.behind = SpoolingBehind(self.begin, self.blobs.sync, self.threads, self.room.clear, self.room.set)
        self.behind.feed(chunk)
        await self.room.wait()
        refuse(self.behind.fault)

    def begin(self) -> Copying:
        """In a thread: the file."""
        return Copying(self.blobs.spool(), lines=self.lines)

    async def whole(self) -> Body:
        """All of it, once nothing more comes. Raises Refused."""
        if self.behind is None:
            return b"".join(self.kept)
        await self.behind.written()
        file = self.behind.end()
        refuse(self.behind.fault)
        return file or b""

    def drop(self) -> None:
        """Have the file removed."""
        if self.behind:
            self.behind.drop()


def refuse(fault: Reply | None) -> None:
    """Raises Refused where there is a fault."""
    if fault:
        raise Refused(fault.code or 451, fault.status or "4.3.0", fault.text)
