"""DKIM verification (RFC 6376) by dkimpy with checks of ours around it; the only module that imports it.

dkimpy alone accepts signatures without From, with `l=0`, past their end and by test keys.
"""

import base64
import binascii
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from dkim.util import InvalidTagValueList, parse_tag_value

from gatepost.address import AddressError, parse_domain
from gatepost.gateway.canonical import Field, values
from gatepost.gateway.large import Body, hash_body
from gatepost.reply import clean_text
from gatepost.resolver import DnsTrouble, NoSuchName, Resolver

MOST_SIGNATURES = 5
MOST_SIGNATURE = 4096
MOST_SIGNED_NAMES = 300
KEY_BITS = range(1024, 8193)
SELECTOR = re.compile(rb"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,9}")
ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
SILENT = logging.getLogger("gatepost.dkim.library")
SILENT.propagate = False
SILENT.addHandler(logging.NullHandler())
EXPECTED = (KeyError, IndexError, ValueError, TypeError, AssertionError, OverflowError, dkim.DKIMException)


Hashed = tuple[bytes, int]
"""The SHA-256 of a canonical body, and how many octets it has."""


@dataclass(frozen=True, slots=True)
class DkimResult:
    """The result of one signature (RFC 8601 section 2.7.1), who signed, and a sentence; `mark` starts its `b=`."""

    result: str
    domain: str
    selector: str
    why: str
    algorithm: str = ""
    mark: str = ""


class _Bad(Exception):
    """A signature that does not count: the result and the sentence."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result, self.why = result, why


@dataclass(frozen=True, slots=True)
class _Signature:
    value: bytes
    tags: dict[bytes, bytes]
    domain: str
    names: list[bytes]


def check_dkim(fields: list[Field], body: Body, resolver: Resolver, now: datetime) -> tuple[DkimResult, ...]:
    """The result of each of the first five signatures, topmost first. Never raises."""
    found = values(fields, b"dkim-signature")[:MOST_SIGNATURES]
    hashes: dict[bool, Hashed] = {}
    return tuple(_check(value, fields, body, hashes, resolver, now) for value in found)


def _check(
    value: bytes, fields: list[Field], body: Body, hashes: dict[bool, Hashed], resolver: Resolver, now: datetime
) -> DkimResult:
    domain = selector = algorithm = mark = ""
    try:
        read = _read(value)
        domain, selector = read.domain, read.tags[b"s"].decode("ascii")
        algorithm, mark = read.tags[b"a"].decode("ascii"), _mark(read.tags[b"b"])
        _refuse_by_tags(read, now)
        digest, size = _hashed(read, body, hashes)
        _refuse_partial(read, size)
        record = _key_record(read, resolver)
        _refuse_changed(read, fields, digest, record)
    except _Bad as bad:
        return DkimResult(bad.result, domain, selector, bad.why, algorithm, mark)
    except EXPECTED as error:
        why = clean_text(f"the signature cannot be read ({type(error).__name__})")
        return DkimResult("permerror", domain, selector, why, algorithm, mark)
    return DkimResult("pass", domain, selector, f"{domain} signed this mail", algorithm, mark)


def _read(value: bytes) -> _Signature:
    """The tags of a signature whose d= and s= are names."""
    if len(value) > MOST_SIGNATURE:
        raise _Bad("permerror", "the signature is over 4 KB")
    try:
        tags: dict[bytes, bytes] = parse_tag_value(value)
    except InvalidTagValueList:
        raise _Bad("permerror", "the signature is not a list of tags") from None
    missing = [name.decode() for name in (b"v", b"a", b"b", b"bh", b"d", b"h", b"s") if name not in tags]
    if missing:
        raise _Bad("permerror", f"the signature has no {missing[0]}=")
    try:
        domain = parse_domain(tags[b"d"].decode("ascii"))
    except (AddressError, UnicodeDecodeError):
        raise _Bad("permerror", "its d= is not a domain") from None
    if not SELECTOR.fullmatch(tags[b"s"]):
        raise _Bad("permerror", "its s= is not a selector")
    if tags[b"a"] not in ALGORITHMS:
        raise _Bad("permerror", "its algorithm is unknown, or too weak as SHA-1 is (RFC 8301)")
    return _Signature(value, tags, domain, [name.strip().lower() for name in tags[b"h"].split(b":")])


def _mark(text: bytes) -> str:
    """The first eight characters of `b=`, which tell signatures apart (RFC 6008)."""
    return re.sub(r"[^A-Za-z0-9+/=]", "", text[:40].decode("ascii", "ignore"))[:8]


def _refuse_by_tags(read: _Signature, now: datetime) -> None:
    """What the tags alone rule out (RFC 6376 section 6.1.1)."""
    tags = read.tags
    if b"from" not in read.names:
        raise _Bad("permerror", f"the signature of {read.domain} does not cover From")
    if len(read.names) > MOST_SIGNED_NAMES:
        raise _Bad("permerror", f"the signature of {read.domain} covers too many fields")
    dkim.validate_signature_fields({name: text for name, text in tags.items() if name not in (b"t", b"x")})
    start, end = _seconds(tags, b"t"), _seconds(tags, b"x")
    if end is not None and end < now.timestamp():
        raise _Bad("permerror", f"the signature of {read.domain} has expired")
    if start is not None and (start > now.timestamp() + 3600 or (end is not None and end < start)):
        raise _Bad("permerror", f"the signature of {read.domain} has impossible times")


def _seconds(tags: dict[bytes, bytes], name: bytes) -> int | None:
    text = tags.get(name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 12:
        raise _Bad("permerror", f"its {name.decode()}= is not a time")
    return int(text)


def _hashed(read: _Signature, body: Body, hashes: dict[bool, Hashed]) -> Hashed:
    """The body's hash in the form that c= names: dkimpy's own way takes quadratic time, and all in memory."""
    relaxed = read.tags.get(b"c", b"").endswith(b"/relaxed")
    if relaxed not in hashes:
        hashes[relaxed] = hash_body(body, relaxed=relaxed)
    return hashes[relaxed]


def _refuse_partial(read: _Signature, size: int) -> None:
    """A signature over the first `l=` octets leaves the rest to anybody."""
    length = read.tags.get(b"l")
    if length is not None and int(length) < size:
        raise _Bad("neutral", f"the signature of {read.domain} covers only a part of the text")


def _key_record(read: _Signature, resolver: Resolver) -> bytes:
    """The key record, checked (RFC 6376 section 3.6.1, RFC 8301)."""
    name = f"{read.tags[b's'].decode('ascii')}._domainkey.{read.domain}"
    try:
        records = resolver.txt(name)
    except NoSuchName:
        raise _Bad("permerror", f"{read.domain} publishes no key under {name}") from None
    except DnsTrouble as trouble:
        raise _Bad("temperror", clean_text(f"the key of {read.domain} could not be read now: {trouble}")) from None
    record = next((text for text in records if b"p=" in text), records[0])
    try:
        tags: dict[bytes, bytes] = parse_tag_value(record)
    except InvalidTagValueList:
        raise _Bad("permerror", f"the key record of {read.domain} is not a list of tags") from None
    _refuse_key(read, tags)
    return record


def _refuse_key(read: _Signature, tags: dict[bytes, bytes]) -> None:
    kind, flags = tags.get(b"k", b"rsa"), _words(tags.get(b"t", b""))
    if tags.get(b"v", b"DKIM1") != b"DKIM1" or b"p" not in tags:
        raise _Bad("permerror", f"{read.domain} publishes something else than a key there")
    if not tags[b"p"]:
        raise _Bad("permerror", f"{read.domain} has revoked this key")
    if kind != ALGORITHMS[read.tags[b"a"]] or (b"h" in tags and b"sha256" not in _words(tags[b"h"])):
        raise _Bad("permerror", f"the key of {read.domain} is not for this algorithm")
    if not {b"*", b"email"} & set(_words(tags.get(b"s", b"*"))):
        raise _Bad("permerror", f"the key of {read.domain} is not for mail")
    if b"y" in flags:
        raise _Bad("none", f"{read.domain} is only testing this key")
    if (
        b"s" in flags
        and read.tags.get(b"i", b"@" + read.tags[b"d"]).rpartition(b"@")[2].lower() != read.domain.encode()
    ):
        raise _Bad("permerror", f"the key of {read.domain} is not for its subdomains")
    if kind == b"rsa":
        _refuse_rsa(read.domain, _decoded(tags[b"p"]))


def _refuse_rsa(domain: str, der: bytes) -> None:
    try:
        key = load_der_public_key(der)
    except Exception:
        raise _Bad("permerror", f"the key of {domain} cannot be read") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise _Bad("permerror", f"the key of {domain} is of another kind than it says")
    if key.key_size not in KEY_BITS or key.public_numbers().e > 2**32:
        raise _Bad("policy", f"the key of {domain} has {key.key_size} bit; between 1,024 and 8,192 is wanted")


def _words(text: bytes) -> list[bytes]:
    return [word.strip().lower() for word in text.split(b":")]


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise _Bad("permerror", "the key is not base64") from None


def _refuse_changed(read: _Signature, fields: list[Field], digest: bytes, record: bytes) -> None:
    try:
        if base64.b64decode(b"".join(read.tags[b"bh"].split())) != digest:
            raise dkim.ValidationError("body hash mismatch")
        fits = _verify(read, fields, record)
    except dkim.ValidationError:
        raise _Bad("fail", f"the text was changed after {read.domain} signed it") from None
    if not fits:
        raise _Bad("fail", f"the signature of {read.domain} does not fit: the mail was changed, or it is not theirs")


def _verify(read: _Signature, fields: list[Field], record: bytes) -> bool:
    """dkimpy's word on the header of one signature, with a body and a key that are known to be in order."""
    verifier: Any = dkim.DKIM(logger=SILENT)
    verifier.headers, verifier.body = [list(field) for field in fields], b""
    header = (b"DKIM-Signature", read.value)
    tags = {name: text for name, text in read.tags.items() if name != b"bh"}  # without it the body is not looked at
    if read.tags[b"a"] != b"ed25519-sha256":
        return bool(verifier.verify_sig(tags, list(read.names), header, lambda name, timeout=5: record))
    key = _Ed25519(_decoded(parse_tag_value(record)[b"p"]))
    verifier.pk, verifier.keysize, verifier.ktag, verifier.seqtlsrpt = key, 256, b"ed25519", False
    return bool(verifier.verify_sig_process(tags, list(read.names), header, None)) and key.fits


class _Ed25519:
    """An RFC 8463 key as dkimpy calls it; it notes the outcome, because raising needs a library we don't have."""

    def __init__(self, octets: bytes) -> None:
        self.key = ed25519.Ed25519PublicKey.from_public_bytes(octets)
        self.fits = False

    def verify(self, digest: bytes, mark: bytes) -> None:
        """Note whether the mark fits the digest."""
        try:
            self.key.verify(mark, digest)
        except InvalidSignature:
            return
        self.fits = True
