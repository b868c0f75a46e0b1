"""Signs what goes out (RFC 6376): relaxed/relaxed, rsa-sha256, the fields that matter signed once more than they occur.

A field signed once more than it occurs cannot be added later without breaking the signature (section 8.15). RSA is
done by `cryptography`: dkimpy's own takes twenty times as long; dkimpy verifies these signatures in the tests.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gatepost.domain_key import load_key
from gatepost.domain_key import make_key as make_key
from gatepost.gateway.canonical import Field, NotMail, relaxed_body, relaxed_field, split_mail

GUARDED = (
    b"from", b"to", b"cc", b"subject", b"date", b"reply-to", b"message-id", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip
"""Signed once more than they occur."""

PLAIN = (b"sender", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"auto-submitted")
"""Signed as often as they occur (RFC 8058 section 4 wants the unsubscribe fields)."""

LIFETIME = timedelta(days=14)


class SigningError(ValueError):
    """A mail that cannot be signed; the text says why."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The identity that signs: a domain, the selector its key is published under, and the key."""

    domain: str
    selector: str
    private: rsa.RSAPrivateKey


def make_signer(domain: str, selector: str, pem: bytes) -> Signer:
    """The signer with this private key in PEM, which is read only once. Raises ValueError for a bad key."""
    return Signer(domain, selector, load_key(pem))


def sign(raw: bytes, signer: Signer, now: datetime) -> bytes:
    """The mail with a DKIM-Signature on top; lines end with CRLF.

    Raises SigningError where there is no header block, or no From.
    """
    return signature(raw, signer, now) + raw


def signature(raw: bytes, signer: Signer, now: datetime) -> bytes:
    """The DKIM-Signature field alone, with its CRLF; it expires after 14 days and has no `l=`."""
    try:
        fields, body = split_mail(raw)
    except NotMail as error:
        raise SigningError(f"the mail cannot be signed: {error}") from None
    by_name = _by_name(fields)
    if b"from" not in by_name:
        raise SigningError("the mail cannot be signed: it has no From")
    names = _signed_names(by_name)
    unsigned = _tags(signer, now, names, base64.b64encode(sha256(relaxed_body(body)).digest()))
    text = b"".join(line + b"\r\n" for line in _chosen(by_name, names))
    text += relaxed_field(b"DKIM-Signature", unsigned)
    mark = base64.b64encode(signer.private.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    folded = b"\r\n\t ".join(mark[at : at + 72] for at in range(0, len(mark), 72))
    return b"DKIM-Signature:" + unsigned + folded + b"\r\n"


def _by_name(fields: list[Field]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        found.setdefault(name.lower(), []).append(value)
    return found


def _signed_names(by_name: dict[bytes, list[bytes]]) -> list[bytes]:
    guarded = [name for name in GUARDED for _ in range(len(by_name.get(name, ())) + 1)]
    return guarded + [name for name in PLAIN for _ in by_name.get(name, ())]


def _chosen(by_name: dict[bytes, list[bytes]], names: Iterable[bytes]) -> Iterable[bytes]:
    """The signed fields, canonical; those of one name from the bottom up, missing ones as nothing (section 5.4.2)."""
    left = {name: list(found) for name, found in by_name.items()}
    for name in names:
        if left.get(name):
            yield relaxed_field(name, left[name].pop())


def _tags(signer: Signer, now: datetime, names: list[bytes], body_hash: bytes) -> bytes:
    start, end = int(now.timestamp()), int((now + LIFETIME).timestamp())
    head = f" v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer.domain};\r\n\ts={signer.selector}; t={start}; x={end};"
    return head.encode("ascii") + b"\r\n\th=" + _folded(names) + b";\r\n\tbh=" + body_hash + b";\r\n\tb="


def _folded(names: list[bytes]) -> bytes:
    lines: list[bytes] = [b""]
    for name in names:
        if len(lines[-1]) + len(name) > 70:
            lines.append(b"")
        lines[-1] += name + b":"
    return b"\r\n\t ".join(lines).removesuffix(b":")
