"""What a limited child process does: jobs from its parent, one after the other, each with little time and memory.

It is run by its path, imports nothing of ours before it is told to, and its only way out is the socket it was given.
"""

import gc
import importlib
import io
import pickle
import resource
import signal
import socket
import sys
from typing import Any

SECONDS = 2.0
SPARE_SECONDS = 3
LENGTH = 8
DONE, FAULT, TOO_MUCH = "done", "fault", "memory"


def main() -> None:
    """Get ready, then work until the parent closes the socket."""
    pipe = socket.socket(fileno=0)
    sys.path[:], modules, memory = pickle.loads(receive(pipe))  # noqa: S301 - from our own parent
    for name in modules:
        importlib.import_module(name)
    confine(memory)
    gc.freeze()
    while job := receive(pipe):
        send(pipe, work(job))


def confine(memory: int) -> None:
    """No file, no socket, no further memory: what is loaded is all there is."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def work(job: bytearray) -> bytes:
    """One job: (outcome, what it gave or why not), pickled; the octets it was given come back as a mark only.

    The job itself is emptied once it is read, for a mail in it would be there twice.
    """
    try:
        module, name, args = pickle.loads(job)  # noqa: S301 - from our own parent
        job.clear()
        function = getattr(importlib.import_module(module), name)
        limit_time()
        result = function(*args)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return dumps((DONE, result), args)
    except MemoryError:
        return dumps((TOO_MUCH, ""), ())
    except BaseException as error:
        return dumps((FAULT, f"{type(error).__name__}: {error}"[:300]), ())


def limit_time() -> None:
    """The kernel ends us after two seconds of processor time, by the one way or the other."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SPARE_SECONDS, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)


class Marking(pickle.Pickler):
    """Writes octets that came as arguments as the number of the argument: they are large, and the parent has them."""

    def __init__(self, file: io.BytesIO, args: tuple[Any, ...]) -> None:
        super().__init__(file, 5)
        self.given = {id(arg): number for number, arg in enumerate(args) if type(arg) is bytes}

    def persistent_id(self, obj: Any) -> int | None:
        """The argument's number."""
        return self.given.get(id(obj)) if type(obj) is bytes else None


def dumps(value: Any, args: tuple[Any, ...]) -> bytes:
    file = io.BytesIO()
    Marking(file, args).dump(value)
    return file.getvalue()


def receive(pipe: socket.socket) -> bytearray:
    """The next message, empty where there is none any more."""
    length = receive_exactly(pipe, LENGTH)
    return receive_exactly(pipe, int.from_bytes(length)) if length else length


def receive_exactly(pipe: socket.socket, size: int) -> bytearray:
    octets = bytearray(size)
    view, at = memoryview(octets), 0
    while at < size:
        count = pipe.recv_into(view[at:])
        if not count:
            return bytearray()
        at += count
    return octets


def send(pipe: socket.socket, message: bytes) -> None:
    """Write a message."""
    pipe.sendall(len(message).to_bytes(LENGTH))
    pipe.sendall(message)


if __name__ == "__main__":
    main()
