"""A TCP way between two servers on loopback that is cut at random moments, in both directions at once."""

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.rig.process import free_port

RESET = struct.pack("ii", 1, 0)
CHUNK = 16_384


@dataclass(slots=True)
class Way:
    """From `port` to `target`; a connection is cut after a random number of octets with probability `risk`."""

    target: int
    dice: random.Random
    risk: float = 0.7
    most: int = 400_000
    port: int = field(default_factory=free_port)
    passed: int = 0
    cuts: int = 0

    def limit(self) -> int:
        """After how many octets from the server a new connection is cut; small and large ones alike."""
        return int(10 ** self.dice.uniform(1, 5.6)) % self.most + 1 if self.dice.random() < self.risk else 1 << 60


@contextmanager
def cutting(way: Way) -> Iterator[Way]:
    """The way is open while the block lasts; then every connection on it is closed."""
    listening = socket.create_server(("127.0.0.1", way.port))
    open_ones: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                open_ones.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", way.target), timeout=5)
                except OSError:
                    near.close()
                    continue
                open_ones.append(far)
                far.settimeout(None)
                way.passed += 1
                threading.Thread(target=carry, args=(way, far, near, way.limit()), daemon=True).start()
                threading.Thread(target=carry, args=(way, near, far, 1 << 60), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield way
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
        for each in open_ones:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def carry(way: Way, source: socket.socket, sink: socket.socket, limit: int) -> None:
    """Copy octets until one side ends, or the limit is reached: then both are reset in the middle."""
    with suppress(OSError):
        while data := source.recv(min(CHUNK, limit)):
            sink.sendall(data)
            limit -= len(data)
            if limit <= 0:
                way.cuts += 1
                for each in (source, sink):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                break
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
