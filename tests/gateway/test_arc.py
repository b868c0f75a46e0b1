"""gatepost.gateway.arc: what is claimed is read, and nothing follows from it."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.arc import read_arc
from gatepost.gateway.authenticate import authenticate
from gatepost.words import Strength
from tests.fakes.dns import DictResolver

CHAIN = (
    b"ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=lists.example; s=x; b=AAAA\r\n"
    b"ARC-Message-Signature: i=2; a=rsa-sha256; d=lists.example; s=x; h=; bh=AAAA; b=AAAA\r\n"
    b"ARC-Authentication-Results: i=2; lists.example;\r\n\tdkim=pass header.d=bank.example;\r\n\tdmarc=pass\r\n"
    b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=first.example; s=x; b=AAAA\r\n"
)
MAIL = b"From: boss@bank.example\r\nSubject: Pay\r\n\r\nnow\r\n"


def fields(text: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value + b"\r\n") for name, _, value in (line.partition(b":") for line in text.split(b"\n"))]


def test_a_chain_that_somebody_made_himself_has_no_effect() -> None:
    zone = DictResolver(TXT={"_dmarc.bank.example": ["v=DMARC1; p=reject"]})
    now = datetime(2026, 11, 22, tzinfo=UTC)
    judged = [
        authenticate(raw, ip="192.0.2.9", helo="x.example", mail_from="a@evil.example", resolver=zone, now=now)
        for raw in (CHAIN + MAIL, MAIL)
    ]
    assert [(each.dmarc.result, each.dmarc.policy, each.strength) for each in judged] == [
        ("fail", "reject", Strength.FAILING)
    ] * 2
    assert judged[0].summary["arc"] == {
        "sets": 2,
        "sealer": "lists.example",
        "chain": "pass",
        "claims": ["dkim=pass", "dmarc=pass"],
    }
    assert "arc" not in judged[1].summary
    assert judged[0].results_header == judged[1].results_header


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"i=1;", b"i=", b"9" * 40, b";", b" ", b"d=", b"cv=", b"\xff", b"x", b"="]), max_size=40)
)
def test_reading_is_total(parts: list[bytes]) -> None:
    text = b"".join(parts)
    read_arc([(b"ARC-Seal", b" i=1; " + text), (b"ARC-Authentication-Results", text), (b"arc-seal", text * 1000)])


def test_without_a_chain_there_is_nothing() -> None:
    assert read_arc(fields(b"From: a@b.example")) == {}
