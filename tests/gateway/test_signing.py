"""gatepost.gateway.signing, verified by dkimpy."""

import contextlib
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.domain_key import ED25519, load_key, make_key
from gatepost.gateway import canonical
from gatepost.gateway.authenticate import dkim_only
from gatepost.gateway.signing import (
    GUARDED,
    Signer,
    SigningError,
    WrongSignature,
    make_signer,
    sign_all,
    signatures,
)
from tests.fakes.dns import DictResolver

PEM, RECORD = make_key()
SIGNER = make_signer("example.test", "gp202611", PEM)
MAIL = (
    b"From: Anna <anna@example.test>\r\nTo: bob@other.test,\r\n\tcarl@other.test\r\nCc: dora@other.test\r\n"
    b"Subject:  Two   words\t \r\n folded\r\nDate: Sun, 22 Nov 2026 10:30:00 +0000\r\nReply-To: help@example.test\r\n"
    b"Message-ID: <one@example.test>\r\nIn-Reply-To: <zero@other.test>\r\nReferences: <zero@other.test>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"List-Unsubscribe: <https://example.test/u>\r\n\r\n"
    b"Hello  there \t\r\n\r\n. dot\r\n\r\n\r\n"
)


OPENDKIM = shutil.which("opendkim") or shutil.which("opendkim", path="/usr/sbin")
TODAY = datetime.now(UTC).replace(microsecond=0)
"""dkimpy holds t= and x= against the real clock."""


@pytest.fixture
def now() -> datetime:
    return TODAY


def signature(mail: bytes) -> bytes:
    return signatures(mail, (SIGNER,), TODAY)[0]


def verifies(mail: bytes, record: str = RECORD) -> bool:
    """What dkimpy says, with the key at the expected name only."""
    zone = {b"gp202611._domainkey.example.test.": record.encode()}
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: zone.get(name)))


def test_dkimpy_verifies(now: datetime) -> None:
    signed = sign_all(MAIL, (SIGNER,), now)
    assert signed.endswith(MAIL)
    assert verifies(signed)
    assert not verifies(signed, make_key()[1])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b" \r\n",
        b"text\r\n",
        b"text\r\n\r\n\r\n",
        b"a \t b\t\r\n \r\n",
        b"\xff\x00\r\n",
        b"no end",
    ],
)
def test_bodies(body: bytes, now: datetime) -> None:
    assert verifies(sign_all(b"From: a@example.test\r\n\r\n" + body, (SIGNER,), now))


def test_tags(now: datetime) -> None:
    tags = dkim.util.parse_tag_value(signature(MAIL).partition(b":")[2])
    assert (tags[b"a"], tags[b"c"], tags[b"d"], tags[b"s"]) == (
        b"rsa-sha256",
        b"relaxed/relaxed",
        b"example.test",
        b"gp202611",
    )
    assert int(tags[b"t"]) == now.timestamp()
    assert int(tags[b"x"]) == (now + timedelta(days=14)).timestamp()
    assert b"l" not in tags
    names = [name.strip() for name in tags[b"h"].split(b":")]
    assert {name: names.count(name) for name in GUARDED} == dict.fromkeys(GUARDED, 2)
    assert names.count(b"list-unsubscribe") == 1


def test_lines_of_the_signature_are_short() -> None:
    assert max(len(line) for line in signature(MAIL).split(b"\r\n")) <= 78


@pytest.mark.parametrize("name", GUARDED)
def test_adding_a_guarded_field_breaks_it(name: bytes, now: datetime) -> None:
    signed = sign_all(MAIL, (SIGNER,), now)
    field = name.title() + b": added@example.test\r\n"
    assert not verifies(field + signed)
    assert not verifies(signed.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1))


@pytest.mark.parametrize("name", GUARDED)
def test_a_guarded_field_that_was_missing_cannot_be_added(name: bytes, now: datetime) -> None:
    signed = sign_all(b"From: a@example.test\r\nX-Free: 1\r\n\r\nbody\r\n", (SIGNER,), now)
    assert verifies(b"X-Other: 2\r\n" + signed)
    assert not verifies(name + b": x@example.test\r\n" + signed)


@pytest.mark.parametrize("name", GUARDED)
def test_changing_or_removing_a_signed_field_breaks_it(name: bytes, now: datetime) -> None:
    head, _, _ = MAIL.partition(b"\r\n\r\n")
    signed = sign_all(MAIL, (SIGNER,), now)
    [line] = [line for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]
    assert not verifies(signed.replace(b"\r\n" + line, b"\r\n" + line + b"x"))
    assert not verifies(signed.replace(b"\r\n" + line + b"\r\n", b"\r\n"))


@pytest.mark.parametrize(
    ("old", "new"), [(b". dot", b".. dot"), (b"Hello", b"Hallo"), (b"dot\r\n", b"dot\r\nmore\r\n")]
)
def test_changing_the_body_breaks_it(old: bytes, new: bytes, now: datetime) -> None:
    assert not verifies(sign_all(MAIL, (SIGNER,), now).replace(old, new))


def test_relaxed_changes_on_the_way_are_forgiven(now: datetime) -> None:
    signed = sign_all(MAIL, (SIGNER,), now)
    assert verifies(signed.replace(b"Hello  there \t", b"Hello there"))
    assert verifies(signed.replace(b"Subject:  Two   words\t \r\n folded", b"SUBJECT: Two words folded") + b"\r\n\r\n")


@pytest.mark.parametrize(
    "raw", [b"", b"\r\nbody", b"To: x@y\r\n\r\n", b"not a header\r\n\r\n", b" x\r\n", b"From: a\r\nx\r\n\r\n"]
)
def test_what_cannot_be_signed(raw: bytes, now: datetime) -> None:
    with pytest.raises(SigningError, match="cannot be signed"):
        sign_all(raw, (SIGNER,), now)


def test_a_huge_header_block_is_not_signed(now: datetime) -> None:
    with pytest.raises(SigningError, match="256 KB"):
        sign_all(b"From: a@b\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", (SIGNER,), now)
    with pytest.raises(SigningError, match="1,000"):
        sign_all(b"From: a@b\r\n" * 1001 + b"\r\n", (SIGNER,), now)


def test_a_key_is_read_once() -> None:
    assert make_signer("a.test", "s", PEM).private is make_signer("b.test", "s", PEM).private


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP256R1()), x25519.X25519PrivateKey.generate()])
def test_keys_of_other_kinds_are_refused(private: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> None:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="RSA"):
        load_key(pem)


def test_two_signatures_stand_side_by_side(now: datetime) -> None:
    pem, record = make_key(ED25519)
    signed = sign_all(MAIL, (SIGNER, make_signer("example.test", "gp202611ed", pem)), now)
    assert [line[:15] for line in signed.split(b"\r\n")].count(b"DKIM-Signature:") == 2
    texts = {"gp202611._domainkey.example.test": [RECORD], "gp202611ed._domainkey.example.test": [record]}
    for mail, result in ((signed, "pass"), (signed.replace(b"Hello", b"Hallo"), "fail")):
        found = dkim_only(mail, resolver=DictResolver(TXT=texts), now=now).dkim
        assert [(each.algorithm, each.result) for each in found] == [("rsa-sha256", result), ("ed25519-sha256", result)]


def test_without_a_signer_nothing_is_added(now: datetime) -> None:
    assert sign_all(MAIL, (), now) == MAIL


@dataclass(frozen=True)
class Flawed:
    """A key whose private half computes wrongly, as a faulty machine may (Boneh, DeMillo, Lipton 1997)."""

    true: ed25519.Ed25519PrivateKey

    def sign(self, text: bytes) -> bytes:
        mark = self.true.sign(text)
        return mark[:-1] + bytes([mark[-1] ^ 1])

    def public_key(self) -> ed25519.Ed25519PublicKey:
        return self.true.public_key()


def test_a_signature_that_came_out_wrong_is_not_sent(now: datetime) -> None:
    ed25519.Ed25519PrivateKey.register(Flawed)
    flawed: Any = Flawed(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(WrongSignature):
        sign_all(MAIL, (Signer("example.test", "gp202611ed", flawed),), now)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\xe9", b"."]), max_size=30).map(b"".join))
def test_bodies_are_canonical_as_dkimpy_has_it(body: bytes) -> None:
    ended = body + b"\r\n" if body and not body.endswith(b"\r\n") else body
    assert canonical.relaxed_body(body) == Relaxed.canonicalize_body(ended)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"To", b"SUBJECT", b"X-Other", b"from", b"Received"]),
            st.lists(st.sampled_from([b"v", b" ", b"\t", b"\r\n ", b":", b";"]), max_size=12).map(b"".join),
        ),
        max_size=8,
    ),
)
def test_any_header_block_verifies(fields: list[tuple[bytes, bytes]]) -> None:
    raw = b"From: a@example.test\r\n" + b"".join(n + b":" + v + b"x\r\n" for n, v in fields) + b"\r\nbody\r\n"
    signed = sign_all(raw, (SIGNER,), TODAY)
    if sum(n == b"from" for n, _ in fields) == 0:
        assert verifies(signed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_signing_is_total(raw: bytes) -> None:
    with contextlib.suppress(SigningError):
        assert sign_all(raw, (SIGNER,), TODAY).endswith(raw)


@pytest.mark.skipif(not OPENDKIM, reason="opendkim (Debian: opendkim) is not installed")
def test_opendkim_verifies(tmp_path: Path, now: datetime) -> None:
    """Another implementation, reading the key from a file: it accepts our signature and sees what was changed."""
    (tmp_path / "keys").write_text(f"gp202611._domainkey.example.test {RECORD}\n")
    (tmp_path / "conf").write_text(
        f"Mode v\nTestPublicKeys {tmp_path}/keys\nSyslog no\nSocket inet:0@127.0.0.1\nTemporaryDirectory {tmp_path}\n"
    )
    signed = sign_all(MAIL, (SIGNER,), now)
    added = b"Subject: more\r\n" + signed
    for mail, word in ((signed, "pass"), (signed.replace(b"Hello", b"Hallo"), "fail"), (added, "fail")):
        (tmp_path / "mail").write_bytes(mail)
        command = [str(OPENDKIM), "-x", str(tmp_path / "conf"), "-v", "-v", "-t", str(tmp_path / "mail")]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        assert f"dkim={word} " in said


def test_signers_are_values() -> None:
    assert Signer("example.test", "gp202611", SIGNER.private) == SIGNER
