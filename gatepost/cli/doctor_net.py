"""The doctor's look at the network: ports, certificate, and the way out."""

import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import timedelta

from cryptography import x509

from gatepost.cli.doctor_direct import look_at_direct
from gatepost.cli.findings import Finding, Findings, fail, ok, warn
from gatepost.gateway.route import relay_hop
from gatepost.parts import clock
from gatepost.reply import clean_text
from gatepost.settings import Settings

TIMEOUT = 5.0
SOON = timedelta(days=21)


def look_at_ports(settings: Settings) -> Findings:
    """Each listener's port is ours already, or free."""
    for name in ("submission", "submissions", "mx", "web"):
        address = getattr(settings, name)
        if not address:
            yield ok("ports", f"{name} is off")
        else:
            yield judge_port(settings, name, address)


def judge_port(settings: Settings, name: str, address: str) -> Finding:
    """Whether a listener serves there, or could."""
    host, _, port = address.rpartition(":")
    host, number = host.strip("[]"), int(port)
    answer = greeting(host, number, name, settings.web_tls)
    if answer is not None:
        ours = answer.endswith("\r\n\r\nok\n") if name == "web" else answer.startswith(f"220 {settings.host} ")
        if ours:
            return ok("ports", f"{name} is served on {address}")
        fix = f"stop that program, or set {name} (GATEPOST_{name.upper()}) to another port"
        return fail("ports", f"{name}: another program answers on {address}", fix)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, number))
    except PermissionError:
        fix = "run it with the right to bind low ports (AmbientCapabilities=CAP_NET_BIND_SERVICE in its unit)"
        return fail("ports", f"{name}: this user may not listen on {address}", fix)
    except OSError as error:
        fix = f"set {name} (GATEPOST_{name.upper()}) to an address of this machine and a free port"
        return fail("ports", f"{name}: {address} cannot be used: {error.strerror or error}", fix)
    return ok("ports", f"{name} is not served now; {address} is free")


def greeting(host: str, port: int, name: str, web_tls: bool) -> str | None:
    """The first octets of what serves there; None when nobody does."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  not bound, recognised
    if not port:
        return None
    try:
        with socket.create_connection((reached, port), TIMEOUT) as plain:
            with suppress(OSError):
                return hear(plain, reached, name, web_tls)
            return ""
    except OSError:
        return None


def hear(plain: socket.socket, host: str, name: str, web_tls: bool) -> str:
    """The greeting of SMTP, or the answer of the web's probe. Raises OSError."""
    encrypted = name == "submissions" or (name == "web" and web_tls)
    connection = plain
    if encrypted:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(plain, server_hostname=host)
    if name == "web":
        connection.sendall(f"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    return connection.recv(1024).decode("latin-1")


def look_at_tls(settings: Settings) -> Findings:
    """The listeners' certificate."""
    if not settings.tls_certificate:
        yield ok("tls", "a self-signed certificate is used; set tls_certificate and tls_key before others connect")
        return
    path = settings.path(settings.tls_certificate)
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, settings.path(settings.tls_key or path))
    except (OSError, ValueError) as error:
        fix = "set tls_certificate and tls_key to readable PEM files that belong together"
        yield fail("tls", f"{path} and its key cannot be used: {error}", fix)
        return
    ends = certificate.not_valid_after_utc
    if ends < clock():
        yield fail("tls", f"the certificate ended at {ends:%Y-%m-%d}", "renew it and start `gatepost serve` again")
    elif ends < clock() + SOON:
        yield warn("tls", f"the certificate ends at {ends:%Y-%m-%d}", "renew it and start `gatepost serve` again")
    else:
        yield ok("tls", f"the certificate is valid until {ends:%Y-%m-%d}")


def look_at_route(settings: Settings) -> Findings:
    """What the way out can do."""
    if settings.route == "sandbox":
        yield ok("route", "sandbox: no mail leaves; each is kept, answered by its recipient's name and shown on a page")
        return
    if settings.route == "direct":
        yield from look_at_direct(settings)
        return
    hop = relay_hop(settings)
    kind = smtplib.SMTP_SSL if hop.implicit_tls else smtplib.SMTP
    fix = "check relay (GATEPOST_RELAY) and that this machine may connect to it"
    try:
        with kind(hop.host, hop.port, local_hostname=hop.helo, timeout=TIMEOUT) as client:
            client.ehlo()
            features = dict(client.esmtp_features)
    except (OSError, smtplib.SMTPException) as error:
        yield fail("route", f"the relay {hop} does not answer: {clean_text(str(error))}", fix)
        return
    offered = clean_text(", ".join(sorted(features)))
    yield ok(
        "route", f"relay {hop}: one return path per recipient, bounces come to {settings.bounces}; it has {offered}"
    )
    if hop.encrypted and not hop.implicit_tls and "starttls" not in features:
        what = f"the relay {hop} offers no STARTTLS, and relay_tls is {settings.relay_tls}"
        yield fail("route", what, "use an smtps:// relay; relay_tls = none only on a network that you trust")
