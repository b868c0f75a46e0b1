"""An identity provider on loopback, of our own: Google- and Microsoft-shaped, with real pages and switchable faults.

Google's side is under /google, Microsoft's under /{tenant}; mail servers ask /introspect. It does what is documented
of both; nothing of it was compared with the real ones.
"""

import json
import ssl
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.rig.certificate import write_certificate
from tests.rig.identity_http import Asked, Said, Wrong, refuse, say
from tests.rig.identity_login import admin_consent, authorize
from tests.rig.identity_state import TENANTS, Fault, Person, Registered, State
from tests.rig.identity_tokens import introspect, key_set, revoke, token

GOOGLE_CLIENT = ("gatepost-google", "google-secret")
MICROSOFT_CLIENT = ("gatepost-microsoft", "microsoft-secret")
RESOURCE = ("dovecot", "dovecot-secret")
REDIRECT = "http://127.0.0.1:18080/connect/callback"
HIDDEN = {"client_secret", "password", "refresh_token", "token", "code", "code_verifier"}


@dataclass(slots=True)
class Identity:
    """A running provider: `origin` is its https address, `certificate` and its `key` are PEM files."""

    origin: str
    certificate: Path
    key: Path
    state: State
    server: ThreadingHTTPServer = field(repr=False)

    @property
    def providers(self) -> dict[str, dict[str, str]]:
        """The setting `providers` that leads the product here; add `imap` and `smtp` of a mail server."""
        google = f"{self.origin}/google"
        return {
            "google": {
                "issuer": google,
                "authorize_url": f"{google}/o/oauth2/v2/auth",
                "token_url": f"{google}/token",
                "revoke_url": f"{google}/revoke",
                "keys_url": f"{self.origin}/jwks",
            },
            "microsoft": {"authority": self.origin, "keys_url": f"{self.origin}/jwks"},
        }

    def person(self, tenant: str = "", *, admin: bool = False, address: str = "") -> Person:
        """Somebody new, with an address of that tenant (`contoso`, `fabrikam`), or of gmail.test."""
        named = address or f"u{uuid.uuid4().hex[:12]}@{tenant or 'gmail'}.test"
        made = Person(named, tenant, admin)
        self.state.people[named] = made
        return made

    def fail(self, at: str, **values: Any) -> None:
        """Play a fault (the fields of Fault)."""
        self.state.faults.append(Fault(at, **values))

    def expire(self, person: Person) -> None:
        """A person's access tokens end now."""
        for found in self.state.access.values():
            if found.person == person:
                found.expires = 0

    def rotate_key(self) -> None:
        """Sign with another key from now on."""
        self.state.key = rsa.generate_private_key(65537, 2048)
        self.state.key_id = f"rig-{uuid.uuid4().hex[:8]}"

    def asked_for(self, path: str) -> list[dict[str, str]]:
        """The requests whose path ends so, without their secrets."""
        return [fields for _, found, fields in self.state.log if found.endswith(path)]


def route(state: State, asked: Asked) -> Said:
    """The answer to a request. Raises Wrong."""
    parts = asked.path.strip("/").split("/")
    tail = "/".join(parts[1:])
    match (parts[0], tail):
        case ("jwks", ""):
            fault = state.fault("jwks")
            return say(fault.body, fault.status) if fault else key_set(state)
        case ("introspect", _):
            return introspect(state, asked, tail == "shared")
        case ("google", "o/oauth2/v2/auth"):
            return authorize(state, asked, "google", "")
        case ("google", "token"):
            return token(state, asked, "google", "")
        case ("google", "revoke"):
            return revoke(state, asked)
    tenant = parts[0].removesuffix(".test")  # a verified domain names its directory, too
    if tenant in (*TENANTS, *TENANTS.values(), "common", "organizations", "consumers"):
        return microsoft(state, asked, tenant, tail)
    return refuse("Not found", "There is nothing here.", 404)


def microsoft(state: State, asked: Asked, tenant: str, tail: str) -> Said:
    """Under a tenant of the Microsoft-shaped side. Raises Wrong."""
    match tail:
        case "v2.0/.well-known/openid-configuration":
            base = f"{asked.origin}/{tenant}"
            fault = state.fault("discovery")
            if fault:
                return say(fault.body, fault.status)
            return say({
                "issuer": f"{asked.origin}/{TENANTS.get(tenant, '{tenantid}')}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{asked.origin}/jwks",
            })  # fmt: skip
        case "oauth2/v2.0/authorize":
            return authorize(state, asked, "microsoft", tenant)
        case "oauth2/v2.0/token":
            return token(state, asked, "microsoft", tenant)
        case "v2.0/adminconsent":
            return admin_consent(state, asked)
    return refuse("Not found", "There is nothing here.", 404)


class Handler(BaseHTTPRequestHandler):
    """HTTP around `route`."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        """Answer."""
        self.answer("GET")

    def do_POST(self) -> None:
        """Answer."""
        self.answer("POST")

    def log_message(self, *args: Any) -> None:
        """Nothing: what was asked is in the state's log."""

    def answer(self, method: str) -> None:
        asked = self.read(method)
        state = self.server.state
        fields = {name: "***" if name in HIDDEN else value for name, value in {**asked.query, **asked.form}.items()}
        state.log.append((method, asked.path, fields))
        try:
            said = route(state, asked)
        except Wrong as wrong:
            said = say(wrong.body, wrong.status)
        self.send_response(said.status)
        for name, value in {"Content-Type": said.kind, "Cache-Control": "no-store", **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def read(self, method: str) -> Asked:
        address = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        many = parse_qs(raw, keep_blank_values=True)
        return Asked(
            method,
            self.path,
            address.path.rstrip("/"),
            {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()},
            {name: values[0] for name, values in many.items()},
            many,
            self.headers.get("Authorization", ""),
            self.server.origin,
        )


class Server(ThreadingHTTPServer):
    """A thread for each connection; the TLS handshake is done there, too."""

    daemon_threads = True

    def __init__(self, state: State, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state
        self.origin = f"https://localhost:{self.server_address[1]}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end early are no news."""
        if not isinstance(sys.exc_info()[1], ssl.SSLError | OSError):
            super().handle_error(request, client_address)


def new_state() -> State:
    """Both clients and a mail server are registered."""
    state = State()
    for (name, secret), dialect in (
        (GOOGLE_CLIENT, "google"),
        (MICROSOFT_CLIENT, "microsoft"),
        (RESOURCE, "resource"),
    ):
        state.clients[name] = Registered(secret, dialect)
    state.redirects.add(REDIRECT)
    return state


@contextmanager
def serving() -> Iterator[Identity]:
    """A running provider, with a certificate of its own."""
    with tempfile.TemporaryDirectory(prefix="gatepost-identity-") as folder:
        paths = write_certificate(Path(folder))
        state = new_state()
        server = Server(state, *paths)
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield Identity(server.origin, *paths, state, server)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture(scope="session")
def shared_identity() -> Iterator[Identity]:
    """One provider for all tests of a worker: make new people, and play faults for them by name."""
    with serving() as identity:
        yield identity


@pytest.fixture
def identity() -> Iterator[Identity]:
    """A provider of this test alone."""
    with serving() as identity:
        yield identity


def main() -> None:
    """Run it by hand: `python -m tests.rig.identity`."""
    with serving() as identity:
        identity.person("contoso", address="alice@contoso.test")
        identity.person("contoso", admin=True, address="admin@contoso.test")
        identity.person(address="carol@gmail.test")
        print(json.dumps({"origin": identity.origin, "trust": str(identity.certificate), **identity.providers}))
        threading.Event().wait()


if __name__ == "__main__":
    main()
