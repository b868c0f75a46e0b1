"""A real web server on a free loopback port that takes webhooks and answers as it is told."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.http import http_server


@dataclass(frozen=True, slots=True)
class Called:
    """One request: its header fields by lower-case name, and the body as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict[str, Any]:
        """The body as an object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(slots=True)
class Receiver:
    """The running server: `answers` are status codes in turn, the last one repeats; it answers while `free` is set."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    text: str = "thanks"
    location: str = ""
    calls: list[Called] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def take(self, called: Called) -> int:
        """Keep a call and choose the answer."""
        self.calls.append(called)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status = receiver.take(Called({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.free.wait(20)
            text = receiver.text.encode()
            self.send_response(status)
            if receiver.location:
                self.send_header("location", receiver.location)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    return Handler


@contextmanager
def receiving(
    *answers: int, tls: ssl.SSLContext | None = None, port: int = 0, held: bool = False
) -> Iterator[Receiver]:
    """A receiver that is ended with the block."""
    receiver = Receiver(answers=list(answers) or [200])
    if not held:
        receiver.free.set()
    with http_server(handler(receiver), tls, port) as listening:
        receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening}/hook"
        try:
            yield receiver
        finally:
            receiver.free.set()
