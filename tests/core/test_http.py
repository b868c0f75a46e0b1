"""gatepost.http against real servers on loopback."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gatepost.http import Guard, HttpRefused, HttpTrouble, is_global, request
from tests.fakes.http import http_server
from tests.rig.certificate import write_certificate

OPEN = Guard(private=True, seconds=5)


class Handler(BaseHTTPRequestHandler):
    """Answers by the path, and writes down what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]] = []  # noqa: RUF012
    stop = threading.Event()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        self.seen.append({k.lower(): v for k, v in self.headers.items()} | {"body": self.rfile.read(length).decode()})
        self.answer()

    do_GET = do_POST

    def answer(self) -> None:
        if self.path == "/redirect":
            self.reply(302, b"", {"location": "http://169.254.169.254/"})
        elif self.path == "/big":
            self.reply(200, b"x" * 2_000_000)
        elif self.path == "/gzip":
            self.reply(200, b"not unpacked", {"content-encoding": "gzip"})
        elif self.path == "/drip":
            self.drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        elif self.path == "/drip-header":
            self.drip(b"HTTP/1.1 200 OK\r\nx-long: ")
        elif self.path == "/silent":
            self.stop.wait(5)
        else:
            self.reply(200, b"ok")

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, start: bytes) -> None:
        self.wfile.write(start)
        for _ in range(100):
            if self.stop.wait(0.05):
                return
            self.wfile.write(b"x")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    Handler.seen.clear()
    Handler.stop.clear()
    with http_server(Handler, tls) as port:
        try:
            yield port
        finally:
            Handler.stop.set()


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_post_reaches_the_pinned_address_with_the_right_host() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with serving() as port:
        answer = request(
            "POST",
            f"http://hook.example.test:{port}/x",
            content=b"{}",
            headers={"x-a": "1"},
            guard=OPEN,
            resolve=resolve,
        )
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"ok", "2")
    [seen] = Handler.seen
    assert (seen["host"], seen["body"], seen["x-a"]) == (f"hook.example.test:{port}", "{}", "1")
    assert asked == ["hook.example.test"]


def test_redirects_are_answers() -> None:
    with serving() as port:
        answer = request("GET", f"http://a.test:{port}/redirect", guard=OPEN, resolve=loopback)
    assert (answer.status, len(Handler.seen)) == (302, 1)


def test_nothing_is_unpacked() -> None:
    with serving() as port:
        assert request("GET", f"http://a.test:{port}/gzip", guard=OPEN, resolve=loopback).body == b"not unpacked"
    assert Handler.seen[0]["accept-encoding"] == "identity"


SLOW = [(path, "within 0.3 seconds") for path in ("/drip", "/drip-header", "/silent")]


@pytest.mark.parametrize(("path", "match"), [("/big", "larger"), *SLOW])
def test_limits(path: str, match: str) -> None:
    guard = Guard(private=True, seconds=5 if path == "/big" else 0.3)
    with serving() as port, pytest.raises(HttpTrouble, match=match):
        request("GET", f"http://a.test:{port}{path}", guard=guard, resolve=loopback)


def test_nobody_there() -> None:
    with serving() as port:
        pass
    with pytest.raises(HttpTrouble, match="connection failed"):
        request("GET", f"http://a.test:{port}/", guard=OPEN, resolve=loopback)
    with pytest.raises(HttpTrouble, match="no address"):
        request("GET", "https://a.test/", resolve=lambda host, port: [])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:word@example.com/",
        "https:///x",
        "nonsense",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0/",
        "https://a b/",
        "https://exa\nmple.com/",
        "https://example.com:99999/",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(HttpRefused):
        request("GET", url, resolve=lambda host, port: ["127.0.0.1"])


@pytest.mark.parametrize("found", [["10.0.0.1"], ["192.0.2.1", "127.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1%eth0"]])
def test_names_at_private_addresses_are_refused(found: list[str]) -> None:
    with pytest.raises(HttpRefused, match="private"):
        request("GET", "https://inside.test/", resolve=lambda host, port: found)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("64:ff9b::808:808", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("name", False),
    ],
)
def test_global_addresses(address: str, expected: bool) -> None:
    assert is_global(address) is expected


def test_certificates_are_checked_against_the_name(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "hook.example.test")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    trusting = Guard(private=True, seconds=5, ca=str(certificate))
    with serving(tls) as port:
        assert request("GET", f"https://hook.example.test:{port}/", guard=trusting, resolve=loopback).body == b"ok"
        for name, guard in (("other.example.test", trusting), ("hook.example.test", OPEN)):
            with pytest.raises(HttpTrouble, match="certificate"):
                request("GET", f"https://{name}:{port}/", guard=guard, resolve=loopback)
