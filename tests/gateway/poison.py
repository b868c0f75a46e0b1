"""A reader that dies of certain mails, as a fault in a library would let it."""

import os
import signal

from gatepost.threading.reading import Reading, read


def read_or_die(raw: bytes, envelope_from: str | None) -> Reading:
    if b"CRASH" in raw:
        os.kill(os.getpid(), signal.SIGSEGV)
    while b"LOOP" in raw:
        pass
    return read(raw + bytearray(1 << 30) if b"FILL" in raw else raw, envelope_from)
