"""Child processes with limits, for work that a hostile mail may blow up: whatever happens there, we only lose a child.

Each job has 2 s of processor time and 10 s in all; a child has 256 MB, opens neither files nor sockets, and is replaced
after a thousand jobs, or when it died.
"""

import atexit
import dataclasses
import enum
import importlib
import io
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from gatepost import child_work
from gatepost.child_work import LENGTH, TOO_MUCH

MEMORY = 256 * 1024 * 1024
WALL_SECONDS = 10.0
JOBS = 1000
ANSWER_LIMIT = 256 * 1024 * 1024
PROGRAM = Path(child_work.__file__)
TIMES = {"datetime": datetime, "timezone": timezone, "timedelta": timedelta}

P = ParamSpec("P")
T = TypeVar("T")


class JobFailed(Exception):
    """A job that a child could not do; `cause` is `cpu`, `memory`, `crash`, `time` or `fault`, the text a sentence."""

    def __init__(self, cause: str, why: str) -> None:
        super().__init__(why)
        self.cause = cause


class Children:
    """Up to `most` children, started when they are needed; callers wait for a free one in threads of their own."""

    def __init__(
        self,
        modules: Sequence[str] = (),
        *,
        most: int = 2,
        memory: int = MEMORY,
        wall: float = WALL_SECONDS,
        jobs: int = JOBS,
    ) -> None:
        self.modules = tuple(modules)
        self.memory, self.wall, self.jobs = memory, wall, jobs
        self.free = threading.Semaphore(most)
        self.lock = threading.Lock()
        self.idle: list[Child] = []
        self.started = 0
        atexit.register(self.close)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function at the top of a module gives for these arguments, done in a child. Raises JobFailed.

        Arguments and result are plain values, or dataclasses and enumerations of ours.
        """
        if kwargs:
            raise TypeError("a child takes positional arguments only")
        with self.free, self.child() as child:
            return child.do(function, args, self.wall)  # type: ignore[no-any-return]

    @contextmanager
    def child(self) -> "Iterator[Child]":
        """A child of one's own for one job; one that died or is worn out is not used again."""
        with self.lock:
            child = self.idle.pop() if self.idle else None
        if child is None:
            child = self.start()
        try:
            yield child
        except BaseException:
            child.end()
            raise
        if child.done >= self.jobs:
            child.end()
        else:
            with self.lock:
                self.idle.append(child)

    def start(self) -> "Child":
        child = Child((list(sys.path), self.modules, self.memory), self.wall)
        with self.lock:
            self.started += 1
        return child

    def close(self) -> None:
        """End those who have nothing to do."""
        with self.lock:
            idle, self.idle = self.idle, []
        for child in idle:
            child.end()


class Child:
    """One process and the socket to it."""

    def __init__(self, setting: tuple[list[str], tuple[str, ...], int], wall: float) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.done = 0
        self.owner = os.getpid()
        self.socket.settimeout(wall)
        child_work.send(self.socket, pickle.dumps(setting))

    def do(self, function: Callable[..., Any], args: tuple[Any, ...], wall: float) -> Any:
        """One job. Raises JobFailed."""
        self.done += 1
        until = monotonic() + wall
        try:
            self.socket.settimeout(wall)
            child_work.send(self.socket, pickle.dumps((function.__module__, function.__name__, args), 5))
            answer = self.receive(until)
        except TimeoutError:
            raise JobFailed("time", f"Reading it took longer than {wall:g} s, and was ended") from None
        except OSError:
            answer = b""
        if not answer:
            raise self.death()
        outcome, result = Reading(io.BytesIO(answer), args).load()
        if outcome == TOO_MUCH:
            raise JobFailed("memory", "Reading it took more memory than it may")
        if outcome != child_work.DONE:
            raise JobFailed("fault", f"A fault of the reader: {result}")
        return result

    def receive(self, until: float) -> bytes:
        size = int.from_bytes(self.receive_exactly(LENGTH, until))
        if size > ANSWER_LIMIT:
            raise JobFailed("memory", "What was read of it is too large")
        return self.receive_exactly(size, until)

    def receive_exactly(self, size: int, until: float) -> bytes:
        octets = bytearray(size)
        view, at = memoryview(octets), 0
        while at < size:
            self.socket.settimeout(max(until - monotonic(), 0.001))
            count = self.socket.recv_into(view[at:])
            if not count:
                return b""
            at += count
        return bytes(octets)

    def death(self) -> JobFailed:
        """Why the child died, by the signal that ended it."""
        try:
            code = self.process.wait(2)
        except subprocess.TimeoutExpired:
            return JobFailed("crash", "The process that read it did not answer")
        if -code in (signal.SIGPROF, signal.SIGXCPU):
            return JobFailed("cpu", f"Reading it took more than {child_work.SECONDS:g} s of processor time")
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return JobFailed("crash", f"The process that read it crashed ({name})")

    def end(self) -> None:
        """End it for good; after a fork only the process that started it does."""
        self.socket.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


class Reading(pickle.Unpickler):
    """Reads what a child answers: only plain values, and dataclasses and enumerations of ours."""

    def __init__(self, file: io.BytesIO, args: tuple[Any, ...]) -> None:
        super().__init__(file)
        self.args = args

    def persistent_load(self, pid: Any) -> Any:
        """An argument that came back."""
        return self.args[pid]

    def find_class(self, module: str, name: str) -> Any:
        """A class that may be made from an answer."""
        if module == "datetime" and name in TIMES:
            return TIMES[name]
        if module.startswith("gatepost.") and "." not in name:
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, enum.Enum)):
                return found
        raise pickle.UnpicklingError(f"a child may not make a {module}.{name}")
