"""DANE for SMTP (RFC 7672): which certificates a server's TLSA records allow, and whether it showed one of them.

Records count only where their DNSSEC signatures were validated: by a resolver on this machine, or one that the setting
`dns_validates` vouches for.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatepost.resolver import NoSuchName, Resolver, Tlsa

TRUST_ANCHOR, END_ENTITY = 2, 3
MOST_CHAIN = 10


def find_tlsa(host: str, port: int, resolver: Resolver, validates: bool) -> tuple[Tlsa, ...]:
    """The TLSA records of a server, none where they are not secure (section 2.2). Raises DnsTrouble.

    Where the server's own address is not signed nobody is asked, for such domains often answer about TLSA with trouble.
    """
    if not any(authentic(host, kind, resolver, validates) for kind in ("A", "AAAA")):
        return ()
    name = f"_{port}._tcp.{host}"
    try:
        found = resolver.tlsa(name)
    except NoSuchName:
        return ()
    return tuple(found) if authentic(name, "TLSA", resolver, validates) else ()


def authentic(name: str, kind: str, resolver: Resolver, validates: bool) -> bool:
    """Whether an answer was validated by somebody whom we may believe. Raises DnsTrouble."""
    try:
        signed, near = resolver.authentic(name, kind)
    except NoSuchName:
        return False
    return signed and (near or validates)


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that can be met: usages 2 and 3, known selectors and matching types (section 3.1)."""
    return tuple(
        (usage, selector, matching, data)
        for usage, selector, matching, data in records
        if usage in (TRUST_ANCHOR, END_ENTITY)
        and selector in (0, 1)
        and data
        and len(data) == {0: len(data), 1: 32, 2: 64}.get(matching, -1)
    )


def check_chain(
    chain: Sequence[bytes], records: Sequence[Tlsa], names: Sequence[str], now: datetime
) -> tuple[bool, str]:
    """Whether a chain (DER, the server's own certificate first) meets one of the usable records, and how, or why not.

    For usage 3 neither its names nor its dates count (section 3.1.1); for usage 2 both do (section 3.1.2).
    """
    wanted = usable(records)
    if not wanted:
        return True, "none of the TLSA records can be used, so any certificate will do (section 2.2)"
    if not chain:
        return False, "the server showed no certificate"
    for record in wanted:
        if record[0] == END_ENTITY and matches(chain[0], record):
            return True, f"the certificate matches {written(record)}"
    why = "the server's certificate matches none of its TLSA records"
    for record in wanted:
        if record[0] == TRUST_ANCHOR:
            done, why = under_anchor(chain[:MOST_CHAIN], record, names, now)
            if done:
                return True, why
    return False, why


def written(record: Tlsa) -> str:
    """A record's numbers and the beginning of its data."""
    return f"TLSA {record[0]} {record[1]} {record[2]} {record[3].hex()[:16]}…"


def matches(der: bytes, record: Tlsa) -> bool:
    """Whether a certificate has the data of a record (RFC 6698 section 2.1)."""
    _, selector, matching, data = record
    try:
        part = der if selector == 0 else public_key(x509.load_der_x509_certificate(der))
    except ValueError:
        return False
    hashed = {0: lambda: part, 1: lambda: hashlib.sha256(part).digest(), 2: lambda: hashlib.sha512(part).digest()}
    return hashed[matching]() == data


def public_key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def under_anchor(chain: Sequence[bytes], record: Tlsa, names: Sequence[str], now: datetime) -> tuple[bool, str]:
    """Whether the chain leads to the certificate that a record of usage 2 names, and the server's is for its name."""
    anchor = next((at for at, der in enumerate(chain) if matches(der, record)), None)
    if anchor is None:
        return False, f"no certificate of the server's chain matches {written(record)}"
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain[: anchor + 1]]
        for child, issuer in pairwise(certificates):
            child.verify_directly_issued_by(issuer)
            if not is_authority(issuer):
                return False, "a certificate in the server's chain was issued by one that may not issue any"
    except (ValueError, TypeError, InvalidSignature):
        return False, "the server's chain of certificates does not lead to the one that its TLSA record names"
    if any(not each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in certificates):
        return False, "a certificate in the server's chain is expired, or not valid yet"
    if not any(is_for(certificates[0], name) for name in names):
        return False, f"the server's certificate is not for {names[0]}"
    return True, f"the chain of certificates leads to {written(record)}"


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Whether a certificate has this host name, or a `*` for its first label (RFC 6125)."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        known = [found.lower().rstrip(".") for found in extension.value.get_values_for_type(x509.DNSName)]
    except (x509.ExtensionNotFound, ValueError):
        return False
    return name.lower() in known or f"*.{name.lower().partition('.')[2]}" in known
