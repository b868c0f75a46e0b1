"""gatepost.gateway.authenticate with mail that we sign here, and every way of faking it that we know."""

import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.domain_key import make_key, public_record
from gatepost.gateway.authenticate import Verdict, authenticate, dkim_only
from gatepost.gateway.canonical import relaxed_body, relaxed_field
from gatepost.gateway.results import MethodResult, read_results, trusted_results
from gatepost.gateway.signing import LIFETIME, make_signer, sign_all, signatures
from gatepost.mail import parse
from gatepost.resolver import dns_resolver
from gatepost.threading.identity import address_of
from gatepost.words import Strength
from tests.fakes.dns import DictResolver, dns_server

NOW = datetime.now(UTC).replace(microsecond=0)
PEM, RECORD = make_key()
SIGNER = make_signer("example.test", "gp", PEM)
KEY_NAME = "gp._domainkey.example.test"
MAIL = b"From: Anna <anna@example.test>\r\nTo: desk@ours.test\r\nSubject: Hello\r\n\r\nThe text.\r\n"


def zone(key: str = RECORD, policy: str = "v=DMARC1; p=reject", **more: str) -> DictResolver:
    records = {KEY_NAME: [key], "_dmarc.example.test": [policy], "example.test": ["v=spf1 ip4:192.0.2.1 -all"]}
    return DictResolver(TXT=records | {name: [text] for name, text in more.items()})


def judge(
    raw: bytes, resolver: DictResolver | None = None, mail_from: str = "b@bounce.test", now: datetime = NOW
) -> Verdict:
    found = zone() if resolver is None else resolver
    return authenticate(raw, ip="192.0.2.1", helo="helo.test", mail_from=mail_from, resolver=found, now=now)


def test_an_aligned_signature_proves_the_author() -> None:
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW))
    assert (verdict.strength, verdict.aligned, verdict.dmarc.result) == (Strength.ALIGNED, True, "pass")
    assert str(verdict.header_from) == "anna@example.test"
    assert [each.result for each in verdict.dkim] == ["pass"]
    assert verdict.summary["words"] == "From example.test: example.test signed it."


def test_aligned_spf_proves_the_author() -> None:
    verdict = judge(MAIL, mail_from="anna@example.test")
    assert (verdict.spf.result, verdict.strength) == ("pass", Strength.ALIGNED)
    assert verdict.summary["dmarc"]["by"] == "spf example.test"


def test_spf_without_a_policy_proves_nothing() -> None:
    verdict = judge(MAIL, DictResolver(TXT={"example.test": ["v=spf1 +all"]}), mail_from="anna@example.test")
    assert (verdict.spf.result, verdict.dmarc.result, verdict.strength) == ("pass", "none", Strength.NONE)


def test_a_signature_without_a_policy_proves_the_author() -> None:
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW), DictResolver(TXT={KEY_NAME: [RECORD]}))
    assert (verdict.dmarc.result, verdict.strength) == ("none", Strength.ALIGNED)


@pytest.mark.parametrize(("policy", "strength"), [("none", "none"), ("quarantine", "failing"), ("reject", "failing")])
def test_nothing_aligned(policy: str, strength: str) -> None:
    verdict = judge(MAIL, zone(policy=f"v=DMARC1; p={policy}"))
    assert (verdict.dmarc.result, verdict.dmarc.policy, verdict.strength) == ("fail", policy, strength)


def test_another_domains_signature_proves_nothing() -> None:
    other = sign_all(MAIL, (make_signer("other.test", "gp", PEM),), NOW)
    verdict = judge(other, zone(**{"gp._domainkey.other.test": RECORD}))
    assert [each.result for each in verdict.dkim] == ["pass"]
    assert verdict.strength is Strength.FAILING


@pytest.mark.parametrize("name", [b"From", b"To", b"Subject", b"Reply-To", b"Content-Type", b"Cc", b"Date"])
def test_a_field_put_on_top_breaks_the_signature(name: bytes) -> None:
    verdict = judge(name + b": x@example.test\r\n" + sign_all(MAIL, (SIGNER,), NOW))
    assert [each.result for each in verdict.dkim] == ["fail"]
    assert not verdict.aligned


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.test\r\nFrom: b@evil.test\r\n\r\n",
        b"From: a@evil.test\r\nFrom: b@example.test\r\n\r\n",
        b"From: a@example.test, b@evil.test\r\n\r\n",
        b"From: a@example.test,\r\n b@evil.test\r\n\r\n",
        b"From: <a@example.test> <b@evil.test>\r\n\r\n",
        b"From: a@example.test b@evil.test\r\n\r\n",
        b"From: nobody\r\n\r\n",
        b"From:\r\n\r\n",
        b"To: a@example.test\r\n\r\n",
        b"",
        b"\r\n\r\n",
        b"no header\r\n",
        b"From: " + b"x" * 300_000 + b"@example.test\r\n\r\n",
    ],
)
def test_without_one_author_nobody_is_proven(raw: bytes) -> None:
    verdict = judge(raw, mail_from="a@example.test")
    assert verdict.header_from is None
    assert (verdict.strength, verdict.dmarc.result) == (Strength.NONE, "none")
    assert "Nobody is proven" in verdict.dmarc.why


@pytest.mark.parametrize(
    "raw",
    [
        b"From: team: a@example.test;\r\n\r\n",
        b"From: <b@evil.test> <a@example.test>\r\n\r\n",
        b"From: nobody, a@example.test\r\n\r\n",
        b"From: a@example.test (" + b"x\r\n " * 2000 + b")\r\n\r\n",
        b"From: a@example.test\r\nthis is no field\r\nTo: b@example.test\r\n\r\n",
        b" folded\r\nFrom: a@example.test\r\n\r\n",
        b"From: a@example.test\r\n" + b"X: y\r\n" * 1001 + b"\r\n",
        b"From: a@example.test\r\n" + b"X: 789\r\n" * 33_000 + b"\r\n",
    ],
)
def test_a_malformed_mail_does_not_get_round_the_policy_of_whom_it_shows(raw: bytes) -> None:
    assert str(address_of(parse(raw).headers)) == "a@example.test"
    verdict = judge(raw, mail_from="b@evil.test")
    assert (verdict.strength, verdict.dmarc.result, verdict.header_from) == (Strength.FAILING, "fail", None)


def test_a_servers_own_mail_with_a_line_that_is_no_field_is_proven_by_the_server() -> None:
    verdict = judge(b"From: a@example.test\r\nno field\r\nTo: b@example.test\r\n\r\n", mail_from="a@example.test")
    assert (verdict.dmarc.result, verdict.strength) == ("pass", Strength.ALIGNED)


def test_a_from_that_two_readers_take_for_two_people_proves_neither() -> None:
    header = b"From: b@evil.test (;\r\n)<a@example.test>=" + b"A" * 200 + b": y\r\n"
    assert str(address_of(parse(header + b"\r\n").headers)) == "a@example.test"
    evil = {"evil.test": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.evil.test": "v=DMARC1; p=reject"}
    verdict = judge(header + b"\r\n", zone(**evil), mail_from="b@evil.test")
    assert not verdict.aligned


@pytest.mark.parametrize(
    "value",
    [
        b'"bank; (x: y" <a@example.test>',
        b"=?utf-8?q?Bank=3A_x:y?= <a@example.test>",
        b"a@example.test (office: one; two)",
        b"\r\n\tAnna <a@EXAMPLE.test>",
        "Änna <a@example.test>".encode(),
    ],
)
def test_odd_names_of_one_author(value: bytes) -> None:
    assert str(judge(b"From: " + value + b"\r\n\r\n").header_from) == "a@example.test"


def tamper(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new, 1)


def resigned(tags: dict[bytes, bytes], names: list[bytes], body: bytes = b"The text.\r\n") -> bytes:
    """MAIL with a signature that fits and says what we want, as an attacker who owns example.test could make it."""
    given = {b"v": b"1", b"a": b"rsa-sha256", b"c": b"relaxed/relaxed", b"d": b"example.test", b"s": b"gp"} | tags
    length = int(tags.get(b"l", b"999999"))
    given |= {b"h": b":".join(names), b"bh": base64.b64encode(sha256(relaxed_body(body)[:length]).digest())}
    value = b"; ".join(name + b"=" + text for name, text in given.items()) + b"; b="
    head = dict(line.split(b": ", 1) for line in MAIL.split(b"\r\n\r\n")[0].split(b"\r\n"))
    signed = b"".join(relaxed_field(n, head[n.title()]) + b"\r\n" for n in names if n.title() in head)
    private: Any = SIGNER.private
    mark = private.sign(signed + relaxed_field(b"DKIM-Signature", value), padding.PKCS1v15(), hashes.SHA256())
    return b"DKIM-Signature: " + value + base64.b64encode(mark) + b"\r\n" + MAIL


def test_our_own_signature_helper_makes_good_ones() -> None:
    assert judge(resigned({}, [b"from", b"to"])).aligned


def test_from_must_be_signed() -> None:
    raw = resigned({}, [b"to", b"subject"])
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: RECORD.encode())
    verdict = judge(raw)
    assert (verdict.dkim[0].result, verdict.aligned) == ("permerror", False)
    assert "does not cover From" in verdict.dkim[0].why


@pytest.mark.parametrize(
    ("length", "result"), [(b"0", "neutral"), (b"5", "neutral"), (b"11", "pass"), (b"-1", "permerror")]
)
def test_partial_bodies_do_not_count(length: bytes, result: str) -> None:
    verdict = judge(resigned({b"l": length}, [b"from"]))
    assert (verdict.dkim[0].result, verdict.aligned) == (result, result == "pass")


def test_a_signature_ends_without_grace() -> None:
    signed = sign_all(MAIL, (SIGNER,), NOW)
    assert judge(signed, now=NOW + LIFETIME).aligned
    verdict = judge(signed, now=NOW + LIFETIME + timedelta(seconds=1))
    assert (verdict.dkim[0].result, verdict.aligned) == ("permerror", False)


@pytest.mark.parametrize(
    ("name", "value"), [(b"t", b"99999999999"), (b"t", b"soon"), (b"x", b"-5"), (b"x", b"9" * 500)]
)
def test_impossible_times(name: bytes, value: bytes) -> None:
    assert judge(resigned({name: value}, [b"from"])).dkim[0].result == "permerror"


def record_of(bits: int) -> tuple[bytes, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, public_record(private)


def test_1024_bit_is_the_least() -> None:
    pem, record = record_of(1024)
    assert judge(sign_all(MAIL, (make_signer("example.test", "gp", pem),), NOW), zone(record)).aligned


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (RECORD + "; t=y", "none"),
        (RECORD + "; t=s:y", "none"),
        (RECORD + "; h=sha1", "permerror"),
        (RECORD + "; h=sha1:sha256", "pass"),
        (RECORD + "; s=tlsrpt", "permerror"),
        (RECORD + "; s=email", "pass"),
        (RECORD + "; t=s", "pass"),
        (RECORD.replace("k=rsa", "k=ed25519"), "permerror"),
        (RECORD.replace("DKIM1", "DKIM2"), "permerror"),
        ("v=DKIM1; k=rsa; p=", "permerror"),
        ("v=DKIM1; k=rsa; p=!!!!", "permerror"),
        ("v=DKIM1; k=rsa; p=AAAA", "permerror"),
        ("v=DKIM1; k=rsa", "permerror"),
        ("nonsense", "permerror"),
        ("v=DKIM1; k=rsa; p=MEgCQQDCc4zZgNk4PQ==", "permerror"),
    ],
)
def test_key_records(record: str, result: str) -> None:
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW), zone(record))
    assert (verdict.dkim[0].result, verdict.aligned) == (result, result == "pass")


WEAK = (
    "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu"
    "KUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ=="
)


def test_512_bit_is_too_weak() -> None:
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW), zone(WEAK))
    assert (verdict.dkim[0].result, verdict.aligned) == ("policy", False)
    assert "512 bit" in verdict.dkim[0].why


def test_sha1_does_not_count() -> None:
    verdict = judge(tamper(sign_all(MAIL, (SIGNER,), NOW), b"rsa-sha256", b"rsa-sha1"))
    assert verdict.dkim[0].result == "permerror"


def test_ed25519() -> None:
    from hashlib import sha256

    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    body_hash = base64.b64encode(sha256(b"The text.\r\n").digest())
    value = b"v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.test; s=gp; h=from; bh=" + body_hash + b"; b="
    text = b"from:Anna <anna@example.test>\r\n" + relaxed_field(b"DKIM-Signature", b" " + value)
    mark = base64.b64encode(private.sign(sha256(text).digest()))
    raw = b"DKIM-Signature: " + value + mark + b"\r\n" + MAIL
    resolver = zone(f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}")
    assert judge(raw, resolver).aligned
    assert judge(tamper(raw, b"anna@", b"anne@"), resolver).dkim[0].result == "fail"
    assert judge(raw, zone("v=DKIM1; k=ed25519; p=AAAA")).dkim[0].result == "permerror"


@pytest.mark.parametrize(
    "d",
    [
        b"example.test dkim=pass header.d=bank.test",
        b'"x"',
        b"legitimate.com(.attacker.com",
        b"a..b",
        b"\xff.test",
        b"x_y.test",
    ],
)
def test_a_domain_cannot_inject_into_the_results(d: bytes) -> None:
    verdict = judge(tamper(sign_all(MAIL, (SIGNER,), NOW), b"d=example.test", b"d=" + d))
    assert (verdict.dkim[0].result, verdict.dkim[0].domain) == ("permerror", "")
    found = read_results(verdict.results_header)
    assert [(each.method, each.result) for each in found] == [("spf", "none"), ("dkim", "permerror"), ("dmarc", "fail")]
    assert "bank" not in verdict.results_header


@pytest.mark.parametrize("s", [b"gp dkim=pass", b"a;b", b"", b"a/b", b".", b"x" * 64])
def test_a_selector_is_a_name(s: bytes) -> None:
    assert judge(tamper(sign_all(MAIL, (SIGNER,), NOW), b"s=gp;", b"s=" + s + b";")).dkim[0].result == "permerror"


def test_only_five_signatures_are_looked_at() -> None:
    resolver = zone()
    verdict = judge(signatures(MAIL, (SIGNER,), NOW)[0] * 30 + MAIL, resolver)
    assert len(verdict.dkim) == 5
    assert sum("_domainkey" in name for name, _ in resolver.asked) == 5


def test_a_giant_signature_is_not_read() -> None:
    raw = tamper(sign_all(MAIL, (SIGNER,), NOW), b"h=from", b"h=" + b"x:" * 3000 + b"from")
    assert judge(raw).dkim[0].result == "permerror"


@pytest.mark.parametrize("name", [KEY_NAME, "_dmarc.example.test"])
def test_trouble_is_temporary(name: str) -> None:
    resolver = zone()
    resolver.fail = [name]
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW), resolver)
    assert (verdict.dmarc.result, verdict.strength) == ("temperror", Strength.NONE)


def test_hostile_servers_end_with_the_budget() -> None:
    zone_data = {"_dmarc.example.test": {"TXT": ['"v=DMARC1; p=reject"']}}
    with dns_server(zone_data, {KEY_NAME: "timeout", "bounce.test": "loop"}) as server:
        resolver = dns_resolver([server.address], 0.3)
        verdict = authenticate(
            sign_all(MAIL, (SIGNER,), NOW),
            ip="192.0.2.1",
            helo="h.test",
            mail_from="x@bounce.test",
            resolver=resolver,
            now=NOW,
        )
        assert len(server.asked) <= 50
    assert (verdict.spf.result, verdict.dkim[0].result, verdict.dmarc.result) == ("temperror",) * 3


def test_at_most_fifty_questions() -> None:
    many = {f"n{n}.test": f"v=spf1 a:x{n}.test include:n{n + 1}.test -all" for n in range(200)}
    resolver = zone(**many)
    judge(signatures(MAIL, (SIGNER,), NOW)[0] * 10 + MAIL, resolver, mail_from="x@n0.test")
    assert len(resolver.asked) <= 50


def test_bare_line_feeds_are_read_as_line_ends() -> None:
    raw = sign_all(MAIL, (SIGNER,), NOW).replace(b"\r\n", b"\n")
    assert dkim_only(raw, resolver=zone(), now=NOW).aligned


def test_fetched_mail_is_judged_by_its_signature() -> None:
    verdict = dkim_only(sign_all(MAIL, (SIGNER,), NOW), resolver=zone(), now=NOW)
    assert verdict.aligned
    assert "spf" not in verdict.results_header
    assert dkim_only(MAIL, resolver=DictResolver(), now=NOW).strength is Strength.NONE


def test_fetched_mail_without_signature_is_not_called_failing() -> None:
    """SPF may have passed where it came in; only the provider knows."""
    verdict = dkim_only(MAIL, resolver=zone(), now=NOW)
    assert (verdict.dmarc.result, verdict.dmarc.policy, verdict.strength) == ("none", "reject", Strength.NONE)


@pytest.mark.parametrize(("said", "aligned"), [("example.test", True), ("other.test", False), ("", False)])
def test_a_trusted_provider_can_prove_the_author(said: str, aligned: bool) -> None:
    trusted = (MethodResult("dmarc", "pass", (("header.from", said),)),)
    assert dkim_only(MAIL, resolver=DictResolver(), now=NOW, trusted=trusted).aligned is aligned


def test_a_provider_that_is_not_configured_proves_nothing() -> None:
    headers = [("Authentication-Results", "mx.evil.test; dmarc=pass header.from=example.test")]
    for configured in ("", "mx.provider.test"):
        trusted = trusted_results(headers, configured)
        assert not dkim_only(MAIL, resolver=DictResolver(), now=NOW, trusted=trusted).aligned


def test_the_summary_is_json_and_the_header_reads_back() -> None:
    verdict = judge(sign_all(MAIL, (SIGNER,), NOW))
    assert set(json.loads(json.dumps(verdict.summary))) == {"spf", "dkim", "dmarc", "words", "results"}
    found = {each.method: each for each in read_results(verdict.results_header)}
    assert found["dkim"].get("header.d") == "example.test"
    assert (found["dmarc"].result, found["dmarc"].get("header.from")) == ("pass", "example.test")
    assert max(len(line) for line in verdict.results_header.split("\r\n")) < 200


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3), st.integers(0, 900), st.binary(max_size=12))
def test_authenticate_is_total(cut: int, at: int, put: bytes) -> None:
    signed = sign_all(MAIL, (SIGNER,), NOW)
    raw = signed[:at] + put + signed[at + cut :]
    verdict = judge(raw)
    assert verdict.dmarc.why
    assert "\n" not in verdict.results_header.replace("\r\n\t", "")
