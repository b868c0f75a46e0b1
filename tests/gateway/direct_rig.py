"""A small world for the direct route: a zone on a DNS server, SMTP servers on loopback addresses, a policy server."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from gatepost.gateway.accept import Gate
from gatepost.gateway.direct import Direct, attempt
from gatepost.gateway.direct_plan import Lookup, Plan, make_plan
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.pace import Pace
from gatepost.gateway.send import Sent
from gatepost.gateway.send_connection import Timeouts
from gatepost.gateway.send_pool import Pool
from gatepost.model import Destination
from gatepost.resolver import dns_resolver
from gatepost.store.deliveries import Claim
from gatepost.store.destinations import get_destination
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.dns import DnsServer
from tests.fakes.http import http_server

MAIL = b"From: a@shop.example\r\nTo: ana@remote.test\r\nSubject: x\r\n\r\nHello\r\n"
QUICK = Timeouts(connect=5, command=5, data=5, block=5, dot=5, until_dot=20)


@dataclass(slots=True)
class World:
    """What a test of the direct route works with; `tell` says the name of a delivery's domain."""

    gate: Gate
    dns: DnsServer
    folder: Path
    now: datetime
    own: str = ""
    sts_port: int = 443
    trusted: list[bytes] = field(default_factory=list)
    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def certificate(self, name: str, *, trust: bool = True) -> ssl.SSLContext:
        """A server's TLS with a certificate for this name, which the route trusts or not."""
        if trust and name in self.contexts:
            return self.contexts[name]
        certificate, key = self_signed(self.folder, name)
        context = server_context(certificate, key)
        if trust:
            self.trusted.append(certificate.read_bytes())
            self.contexts[name] = context
        return context

    def lookup(self, port: int = 25, **settings: object) -> Lookup:
        """What planning needs, with servers on this port."""
        bundle = self.folder / f"bundle{len(self.trusted)}.pem"  # contexts are kept by path
        self.certificate("nobody.invalid")
        bundle.write_bytes(b"".join(self.trusted))
        changed = {"route": "direct", "direct_port": port, "direct_ca": bundle, **settings}
        gate = Gate(
            self.gate.settings.model_copy(update=changed),
            *(self.gate.database, self.gate.ledger, self.gate.keys, self.gate.blobs),
        )
        resolver = dns_resolver([self.dns.address], 1)
        return Lookup(gate, resolver, lambda: self.own, self.sts_port, shuffle=lambda hosts: None)

    def plan(self, domain: str, port: int = 25, **settings: object) -> Plan:
        """The plan for a domain."""
        return make_plan(self.lookup(port, **settings), domain, self.now)

    async def send(self, port: int, recipient: str = "ana@remote.test", **settings: object) -> Sent:
        """One attempt."""
        pool = Pool()
        direct = Direct(self.lookup(port, **settings), pool, Pace(asyncio.get_running_loop().time), QUICK)
        claim = Claim("dlv_1", "msg_1", recipient, 0, 1, self.now)
        try:
            return await attempt(direct, Outgoing(claim, "b+t@bounce.gatepost.test", MAIL), self.now)
        finally:
            await pool.close()
            direct.threads.shutdown()

    def known(self, domain: str = "remote.test") -> Destination | None:
        """What is remembered, once what was handed over is written."""
        self.gate.ledger.write(lambda session: None)
        with self.gate.database.session() as session:
            return get_destination(session, domain)


@contextmanager
def policy_server(tls: ssl.SSLContext, answers: dict[str, tuple[int, str, str]]) -> Iterator[int]:
    """An https server on 127.0.0.1 that answers by host name: status, content type, text; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("host", "").partition(":")[0]
            status, kind, text = answers.get(host, (404, "text/plain", ""))
            good = self.path == "/.well-known/mta-sts.txt"
            self.send_response(status if good else 404)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with http_server(Handler, tls) as port:
        yield port
