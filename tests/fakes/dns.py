"""DNS for tests: a resolver that is a struct literal, and a real server on loopback with faults."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from gatepost.resolver import DnsTrouble, Exchange, NoSuchName, Service, Tlsa

Fault = Literal["servfail", "timeout", "truncated", "loop"]
Zone = dict[str, dict[str, list[str]]]
T = TypeVar("T")


@dataclass(slots=True)
class DictResolver:
    """A resolver without a network; names in `fail` are in trouble, and every question is counted in `asked`."""

    TXT: Mapping[str, Sequence[str | bytes]] = field(default_factory=dict)
    A: Mapping[str, Sequence[str]] = field(default_factory=dict)
    AAAA: Mapping[str, Sequence[str]] = field(default_factory=dict)
    MX: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)
    PTR: Mapping[str, Sequence[str]] = field(default_factory=dict)
    SRV: Mapping[str, Sequence[tuple[int, int, str, int]]] = field(default_factory=dict)
    CNAME: Mapping[str, str] = field(default_factory=dict)
    fail: Sequence[str] = ()
    asked: list[tuple[str, str]] = field(default_factory=list)

    def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
        found = self.TXT.get(self._name(name, "TXT"), ())
        return self._some([t if isinstance(t, bytes) else t.encode() for t in found], name)

    def a(self, name: str, seconds: float | None = None) -> list[str]:
        return self._some(list(self.A.get(self._name(name, "A"), ())), name)

    def aaaa(self, name: str, seconds: float | None = None) -> list[str]:
        return self._some(list(self.AAAA.get(self._name(name, "AAAA"), ())), name)

    def mx(self, name: str, seconds: float | None = None) -> list[Exchange]:
        return self._some(sorted(Exchange(*record) for record in self.MX.get(self._name(name, "MX"), ())), name)

    def ptr(self, name: str, seconds: float | None = None) -> list[str]:
        return self._some(list(self.PTR.get(self._name(name, "PTR"), ())), name)

    def tlsa(self, name: str, seconds: float | None = None) -> list[Tlsa]:
        return self._some([], self._name(name, "TLSA"))

    def srv(self, name: str, seconds: float | None = None) -> list[Service]:
        return self._some(sorted(Service(*record) for record in self.SRV.get(self._name(name, "SRV"), ())), name)

    def authentic(self, name: str, kind: str, seconds: float | None = None) -> tuple[bool, bool]:
        return False, False

    def _name(self, name: str, kind: str) -> str:
        name = name.rstrip(".").lower()
        self.asked.append((name, kind))
        for _ in range(10):
            if name in self.fail or f"{kind} {name}" in self.fail:
                raise DnsTrouble(f"{name} is told to fail")
            if name not in self.CNAME:
                return name
            name = self.CNAME[name]
        raise DnsTrouble(f"{name} is a loop")

    @staticmethod
    def _some(found: list[T], name: str) -> list[T]:
        if not found:
            raise NoSuchName(f"{name} is not in the dictionary")
        return found


def zone_from_text(text: str, origin: str) -> Zone:
    """A zone written as a master file (RFC 1035 section 5)."""
    found: Zone = {}
    for name, _, record in dns.zone.from_text(text, origin, relativize=False, check_origin=False).iterate_rdatas():
        kinds = found.setdefault(name.to_text(omit_final_dot=True).lower(), {})
        kinds.setdefault(dns.rdatatype.to_text(record.rdtype), []).append(record.to_text())
    return found


@dataclass(slots=True)
class DnsServer:
    """A server that answers from `zone` (`{name: {type: [text]}}`), with a fault for each name in `faults`."""

    zone: Zone
    faults: dict[str, Fault] = field(default_factory=dict)
    signed: Callable[[str], bool] = lambda name: False
    address: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, over: str) -> bytes | None:
        """The octets that answer a question, or None to stay silent."""
        question = dns.message.from_wire(wire)
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind, over))
        reply = dns.message.make_response(question, recursion_available=True)
        if self.signed(name):
            reply.flags |= dns.flags.AD
        match self.faults.get(name):
            case "timeout":
                return None
            case "servfail":
                reply.set_rcode(dns.rcode.SERVFAIL)
            case "loop":
                reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "CNAME", f"{name}."))
            case "truncated" if over == "udp":
                reply.flags |= dns.flags.TC
            case _:
                self._fill(reply, name, kind)
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(8):
            records = self.zone.get(name, {})
            if kind in records:
                reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *records[kind]))
                return
            if "CNAME" not in records:
                break
            target = records["CNAME"][0]
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", target))
            name = target.rstrip(".").lower()
        if name not in self.zone:
            reply.set_rcode(dns.rcode.NXDOMAIN)


@contextmanager
def dns_server(zone: Zone, faults: dict[str, Fault] | None = None) -> Iterator[DnsServer]:
    """A running server on a free loopback port, over UDP and TCP; its `address` is `127.0.0.1:port`."""
    told = DnsServer(zone, faults or {})

    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            reply = told.answer(data, "udp")
            if reply is not None:
                sock.sendto(reply, self.client_address)

    class OverTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            size = int.from_bytes(self.rfile.read(2), "big")
            reply = told.answer(self.rfile.read(size), "tcp")
            if reply is not None:
                self.wfile.write(len(reply).to_bytes(2, "big") + reply)

    udp, tcp = _bind(OverUdp, OverTcp)
    told.address = f"127.0.0.1:{tcp.server_address[1]}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        for server in (udp, tcp):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join(5)


def _bind(
    over_udp: type[socketserver.BaseRequestHandler], over_tcp: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    for _ in range(50):
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), over_tcp)
        try:
            return socketserver.UDPServer(("127.0.0.1", int(tcp.server_address[1])), over_udp), tcp
        except OSError:
            tcp.server_close()
    raise OSError(socket.EAI_AGAIN, "no port is free over both UDP and TCP")
