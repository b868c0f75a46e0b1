"""The certificate of the listeners: self-signed until a real one is set, and the TLS context made of it."""

import os
import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gatepost.settings import Settings

VALID = timedelta(days=825)
RENEW = timedelta(days=30)


def certificate_files(settings: Settings, now: datetime) -> tuple[Path, Path]:
    """Certificate and key in PEM: those of the settings, else self-signed ones under `var`, made when needed."""
    if settings.tls_certificate and settings.tls_key:
        return settings.path(settings.tls_certificate), settings.path(settings.tls_key)
    folder = settings.path(settings.var)
    certificate, key = folder / "tls-certificate.pem", folder / "tls-key.pem"
    if not (key.is_file() and serves(certificate, settings.host, now)):
        folder.mkdir(parents=True, exist_ok=True)
        make_certificate(settings.host, certificate, key, now)
    return certificate, key


def serves(certificate: Path, host: str, now: datetime) -> bool:
    """Whether there is a certificate for this host that is valid for another month."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return host in names.get_values_for_type(x509.DNSName) and found.not_valid_after_utc > now + RENEW


def make_certificate(host: str, certificate: Path, key: Path, now: datetime) -> None:
    """Write a self-signed certificate for `host`, localhost and the loopback addresses, and its key with mode 0600."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    names = [x509.DNSName(host), x509.DNSName("localhost")]
    addresses = [x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    write_file(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_file(certificate, made.public_bytes(Encoding.PEM), 0o644)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What our listeners use: TLS 1.2 or later. Raises OSError, whose text names the files, where they do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        for path in (certificate, key):
            path.read_bytes()
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        fix = "set tls_certificate to the certificate with its chain, and tls_key to its key, both in PEM"
        raise OSError(f"{certificate} and {key} are no certificate and its key ({error.reason}): {fix}") from None
    except OSError as error:
        raise OSError(f"{error.filename}: {error.strerror}; tls_certificate and tls_key name the files") from None
    return context


def certificate_end(settings: Settings) -> datetime | None:
    """When the certificate of the settings ends; None for our own, which renews itself, and for one that is unread."""
    if not settings.tls_certificate:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(settings.path(settings.tls_certificate).read_bytes())
    except (OSError, ValueError):
        return None
    return certificate.not_valid_after_utc
