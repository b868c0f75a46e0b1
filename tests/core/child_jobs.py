"""What a child is asked to do in tests: the worst that reading a mail could come to."""

import os
import signal
import socket
from pathlib import Path
from typing import NoReturn


def double(text: str) -> str:
    return text * 2


def same(octets: bytes, number: int) -> tuple[bytes, int]:
    return octets, number


def crash() -> NoReturn:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def loop() -> NoReturn:
    while True:
        pass


def sleep() -> None:
    signal.pause()


def fill() -> int:
    return len(bytearray(1 << 30))


def fail() -> NoReturn:
    raise ValueError("no such thing")


def look_out() -> list[str]:
    """What a child tries in vain."""
    refused = []
    for attempt in (Path(__file__).read_bytes, socket.socket, os.pipe):
        try:
            attempt()
        except OSError as error:
            refused.append(type(error).__name__)
    return refused


class Foreign:
    """Nothing that a child may answer with."""


def foreign() -> Foreign:
    return Foreign()
