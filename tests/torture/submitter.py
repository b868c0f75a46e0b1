"""A client that submits what it is told to, octet by octet if need be, and keeps every answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

WAIT = 60.0


class Lost(Exception):
    """The connection ended instead of an answer."""


@dataclass(slots=True)
class Submitter:
    """One kept connection to a listener."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> str:
        """One reply of any number of lines. Raises Lost and TimeoutError."""
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    line = await self.reader.readline()
                except ConnectionError:
                    raise Lost from None
                if not line:
                    raise Lost
                if line[3:4] != b"-":
                    return line.decode("ascii", "replace").rstrip()

    async def say(self, line: str) -> str:
        """A command and its reply."""
        self.writer.write(line.encode() + b"\r\n")
        return await self.answer()

    async def begin(self, mail_from: str, recipients: Sequence[str]) -> list[str]:
        """MAIL, RCPT and DATA in one go; their replies."""
        lines = [f"MAIL FROM:<{mail_from}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        return [await self.answer() for _ in lines]

    async def submit(self, mail_from: str, recipients: Sequence[str], stuffed: bytes, *cuts: int) -> str:
        """A transaction with this content, which brings its own end, sent in pieces; the reply that decided."""
        replies = await self.begin(mail_from, recipients)
        if not replies[-1].startswith("354"):
            return next(reply for reply in replies if reply[:1] != "2")
        for start, end in zip((0, *cuts), (*cuts, len(stuffed)), strict=True):
            self.writer.write(stuffed[start:end])
            if end < len(stuffed):
                await asyncio.sleep(0.001)
        return await self.answer()


@asynccontextmanager
async def submitter(host_port: str, source: str = "127.0.0.1") -> AsyncIterator[Submitter]:
    """A connection from this loopback address that has said EHLO."""
    host, _, port = host_port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
    client = Submitter(reader, writer)
    try:
        await client.answer()
        await client.say("EHLO torture.example")
        yield client
    finally:
        writer.transport.abort()
