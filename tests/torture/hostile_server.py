"""SMTP servers that misbehave: one port for each scene, all in a process of their own, so that ours can be measured."""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.certificates import server_context

USUAL = {
    "CONNECT": b"220 hostile.test ESMTP\r\n",
    "EHLO": b"250-hostile.test\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
    "STARTTLS": b"220 2.0.0 go ahead\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    "DOT": b"250 2.0.0 taken\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """At this stage the server does this instead of answering; before, it is a good server."""

    stage: str
    act: str


class End(Exception):
    """The connection ends."""


Act = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]


async def forever(writer: asyncio.StreamWriter, octets: Callable[[], bytes], pause: float = 0.0) -> None:
    """Send until the client has had enough."""
    while True:
        writer.write(octets())
        await writer.drain()
        await asyncio.sleep(pause)


async def silence(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """Nothing, for ever."""
    await asyncio.sleep(3600)


async def close(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """Goodbye without a word."""
    raise End


async def reset(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise End


async def half(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """Half an answer, then the end."""
    writer.write(usual[:2])
    await writer.drain()
    raise End


async def answer_and_close(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """The right answer, then the end."""
    writer.write(usual)
    await writer.drain()
    raise End


async def stop_reading(writer: asyncio.StreamWriter, usual: bytes) -> None:
    """Neither reads nor answers."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(3600)


def endless(octets: Callable[[], bytes], pause: float = 0.0) -> Act:
    """Sends this without an end."""
    return lambda writer, usual: forever(writer, octets, pause)


def once(octets: bytes) -> Act:
    """Sends this instead of the answer, and goes on."""

    async def act(writer: asyncio.StreamWriter, usual: bytes) -> None:
        writer.write(octets)
        await writer.drain()

    return act


def after(octets: bytes) -> Act:
    """The right answer with this behind it in the same segment, and goes on."""

    async def act(writer: asyncio.StreamWriter, usual: bytes) -> None:
        writer.write(usual + octets)
        await writer.drain()

    return act


ACTS: dict[str, Act] = {
    "silence": silence,
    "close": close,
    "reset": reset,
    "half": half,
    "answer and close": answer_and_close,
    "stop reading": stop_reading,
    "byte by byte": endless(lambda: b"2", 0.05),
    "line by line": endless(lambda: b"250-wait\r\n", 0.05),
    "endless line": endless(lambda: b"x" * 65536),
    "endless answer": endless(lambda: b"250-more and more\r\n" * 4000),
    "endless answers": endless(lambda: b"250 yes\r\n" * 8000),
    "endless noise": endless(lambda: os.urandom(65536)),
    "large answer": once(b"250-x\r\n" * 1_400_000 + b"250 end\r\n"),
    "binary": once(b"\x00\xff\xfe\x80\r\n"),
    "no code": once(b"hello there\r\n"),
    "code 999": once(b"999 what\r\n"),
    "code 2500": once(b"2500 what\r\n"),
    "code -12": once(b"-12 what\r\n"),
    "two codes": once(b"250-yes\r\n550 no\r\n"),
    "only LF": once(b"554 5.7.1 no\n"),
    "NUL": once(b"250 ok\0\0\0\r\n"),
    "terminal codes": once(b"554 5.7.1 \x1b[2J\x1b]0;owned\x07 \xe2\x80\xae no\r\n"),
    "command in the answer": once(b"554 5.7.1 no\rMAIL FROM:<x@evil.example>\r\n"),
    "one answer too many": after(b"250 2.0.0 injected\r\n"),
    "354": once(b"354 go ahead\r\n"),
    "334": once(b"334 AAAA\r\n"),
    "421": once(b"421 4.3.2 busy\r\n"),
    "554": once(b"554 5.7.1 no\r\n"),
    "empty line": once(b"\r\n"),
    "TLS alert": once(bytes.fromhex("15030300020228")),
    "half a ServerHello": once(bytes.fromhex("160303004a0200004603035a")),
    "TLS record too large": once(bytes.fromhex("160303ffff") + b"\0" * 70000),
    "SMTP in place of TLS": once(b"250 2.0.0 what\r\n" * 3),
}


@dataclass(slots=True)
class Session:
    """One connection."""

    scene: Scene
    tls: ssl.SSLContext
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def run(self) -> None:
        """Until QUIT, or the end of the client's patience."""
        await self.answer("CONNECT")
        while line := await self.reader.readline():
            verb = line.split(b" ")[0].strip().decode("latin-1").upper()
            secured = self.writer.get_extra_info("sslcontext") is not None
            await self.answer("EHLO in TLS" if verb == "EHLO" and secured else verb)
            if verb == "STARTTLS":
                await self.secure()
            elif verb == "DATA":
                await self.body()
            elif verb == "QUIT":
                raise End

    async def answer(self, stage: str) -> None:
        """The usual, or what the scene has."""
        usual = USUAL.get(stage.partition(" ")[0], b"500 5.5.1 what\r\n")
        if self.scene.stage == stage:
            await ACTS[self.scene.act](self.writer, usual)
            return
        self.writer.write(usual)
        await self.writer.drain()

    async def secure(self) -> None:
        """The server's half of the handshake."""
        if self.scene.stage == "HANDSHAKE":
            await self.answer("HANDSHAKE")
            await asyncio.sleep(3600)
        await self.writer.start_tls(self.tls)

    async def body(self) -> None:
        """The content, and the reply to the dot."""
        if self.scene.stage == "BODY":
            await self.answer("BODY")
        before = b"\n"
        while not (before + (block := await self.reader.read(65536))).endswith(b"\n.\r\n"):
            if not block:
                raise End
            before = (before + block)[-4:]
        await self.answer("DOT")


async def serve(scenes: Sequence[Scene], folder: Path) -> None:
    """A port for each scene, printed in their order; until standard input ends."""
    context = server_context(folder / "localhost.crt", folder / "localhost.key")
    ports = []
    for scene in scenes:

        async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scene: Scene = scene) -> None:
            with suppress(End, OSError, asyncio.CancelledError, ValueError):
                await Session(scene, context, reader, writer).run()
            writer.transport.abort()

        server = await asyncio.start_server(session, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve([Scene(*pair) for pair in json.loads(sys.stdin.readline())], Path(sys.argv[1])))
