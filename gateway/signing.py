"""Signs what goes out (RFC 6376, RFC 8463): relaxed/relaxed, the fields that matter once more than they occur.

A field signed once more than it occurs cannot be added later without breaking the signature (section 8.15). RSA is
done by `cryptography`: dkimpy's own takes twenty times as long; dkimpy verifies these signatures in the tests.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding

from gatepost.domain_key import PrivateKey, algorithm_of, load_key
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


class WrongSignature(Exception):
    """A signature of ours that its own key does not verify: a fault of this machine."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The identity that signs: a domain, the selector its key is published under, and the key."""

    domain: str
    selector: str
    private: PrivateKey

    def __str__(self) -> str:
        return f"{algorithm_of(self.private)}, d={self.domain}, s={self.selector}"


def make_signer(domain: str, selector: str, pem: bytes) -> Signer:
    """The signer with this private key in PEM, which is read only once. Raises ValueError for a bad key."""
    return Signer(domain, selector, load_key(pem))


def signed_words(signers: Sequence[Signer]) -> str:
    """Who signed, for people; empty without signers."""
    return f"DKIM {'; '.join(str(signer) for signer in signers)}" if signers else ""


def sign_all(raw: bytes, signers: Sequence[Signer], now: datetime, body_digest: bytes = b"") -> bytes:
    """The mail with a DKIM-Signature of each signer on top; without one it stays as it is.

    `body_digest` is the SHA-256 of the relaxed body where that is not in `raw`. Raises SigningError where there is no
    header block, or no From; WrongSignature where a signature came out wrong.
    """
    return b"".join(signatures(raw, signers, now, body_digest)) + raw if signers else raw


def signatures(raw: bytes, signers: Sequence[Signer], now: datetime, body_digest: bytes = b"") -> list[bytes]:
    """The DKIM-Signature fields alone, each with its CRLF; they expire after 14 days and have no `l=`."""
    try:
        fields, body = split_mail(raw)
    except NotMail as error:
        raise SigningError(f"the mail cannot be signed: {error}") from None
    by_name = _by_name(fields)
    if b"from" not in by_name:
        raise SigningError("the mail cannot be signed: it has no From")
    names = _signed_names(by_name)
    chosen = b"".join(line + b"\r\n" for line in _chosen(by_name, names))
    body_hash = base64.b64encode(body_digest or sha256(relaxed_body(body)).digest())
    return [_signature(signer, chosen, _tags(signer, now, names, body_hash)) for signer in signers]


def _signature(signer: Signer, chosen: bytes, unsigned: bytes) -> bytes:
    mark = base64.b64encode(mark_of(signer.private, chosen + relaxed_field(b"DKIM-Signature", unsigned)))
    folded = b"\r\n\t ".join(mark[at : at + 72] for at in range(0, len(mark), 72))
    return b"DKIM-Signature:" + unsigned + folded + b"\r\n"


def mark_of(private: PrivateKey, text: bytes) -> bytes:
    """The signature of a text, verified before anybody else sees it. Raises WrongSignature."""
    try:
        if isinstance(private, ed25519.Ed25519PrivateKey):
            digest = sha256(text).digest()  # RFC 8463 section 3: PureEdDSA over the hash
            mark = private.sign(digest)
            private.public_key().verify(mark, digest)
        else:
            mark = private.sign(text, padding.PKCS1v15(), hashes.SHA256())
            private.public_key().verify(mark, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise WrongSignature("a signature of ours does not verify") from None
    return mark


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
    algorithm = algorithm_of(signer.private)
    head = f" v=1; a={algorithm}; c=relaxed/relaxed; d={signer.domain};\r\n\ts={signer.selector}; t={start}; x={end};"
    return head.encode("ascii") + b"\r\n\th=" + _folded(names) + b";\r\n\tbh=" + body_hash + b";\r\n\tb="


def _folded(names: list[bytes]) -> bytes:
    lines: list[bytes] = [b""]
    for name in names:
        if len(lines[-1]) + len(name) > 70:
            lines.append(b"")
        lines[-1] += name + b":"
    return b"\r\n\t ".join(lines).removesuffix(b":")
