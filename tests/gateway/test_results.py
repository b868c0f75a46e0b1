"""gatepost.gateway.results: Authentication-Results written, stripped and read (RFC 8601)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.results import (
    MethodResult,
    compose_results,
    read_results,
    strip_results,
    trusted_results,
    with_results,
)

OURS = "mx.ours.test"


def test_composed_and_read_back() -> None:
    results = [
        MethodResult("spf", "pass", (("smtp.mailfrom", "example.test"),)),
        MethodResult("dkim", "fail", (("header.d", "a b"), ("header.s", 'x"; dkim=pass\r\nBcc: y'))),
    ]
    value = compose_results(OURS, results)
    assert value.startswith("mx.ours.test;\r\n\tspf=pass smtp.mailfrom=example.test;\r\n\tdkim=fail")
    found = read_results(value)
    assert [(each.method, each.result) for each in found] == [("spf", "pass"), ("dkim", "fail")]
    assert found[1].get("header.d") == "a b"
    assert value.count("\r\n") == 2
    assert compose_results(OURS, []) == "mx.ours.test; none"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("id; dkim=pass", [("dkim", "pass")]),
        ("id 1; DKIM=Pass (good; dmarc=pass) header.d=x", [("dkim", "pass")]),
        ('id; dkim=fail reason="dmarc=pass; spf=pass" header.d=x', [("dkim", "fail")]),
        ("id; dkim = pass header.d = x; spf = none", [("dkim", "pass"), ("spf", "none")]),
        ("id; none", []),
        ("id; dkim/1=pass", [("dkim", "pass")]),
        ("", []),
        ("id; (((", []),
        ('id; dkim=fail reason="open; dmarc=pass', [("dkim", "fail")]),
        (f'id; dkim=fail header.i="{"a" * 600}; dmarc=pass header.from=bank.test"', [("dkim", "fail")]),
        ('id; dkim=fail reason="open\\"; dmarc=pass\\', [("dkim", "fail")]),
    ],
)
def test_reading(value: str, expected: list[tuple[str, str]]) -> None:
    assert [(each.method, each.result) for each in read_results(value)] == expected


HEADERS = [
    ("Received", "from x"),
    ("Authentication-Results", "other.test; dmarc=pass header.from=other.test"),
    ("authentication-results", "MX.provider.test (by us); dmarc=fail header.from=bank.test"),
    ("Authentication-Results", "mx.provider.test; dmarc=pass header.from=bank.test"),
]


def test_only_the_topmost_of_the_configured_host_is_trusted() -> None:
    [found] = trusted_results(HEADERS, "mx.provider.test")
    assert (found.result, found.get("header.from")) == ("fail", "bank.test")
    assert trusted_results(HEADERS, "") == ()
    assert trusted_results(HEADERS, "third.test") == ()


FORGERIES = [
    b"Authentication-Results: mx.ours.test; dkim=pass",
    b"authentication-results : MX.OURS.TEST; dkim=pass",
    b"Authentication-Results:\r\n\tmx.ours.test 1; dkim=pass",
    b'Authentication-Results: "mx.ours.test"; dkim=pass',
    b"Authentication-Results: (hi) mx.ours.test (there); dkim=pass",
    b"Authentication-Results: (" + b"x" * 2000 + b") mx.ours.test; dkim=pass",
    b"Authentication-Results: (" + b"x" * 9000 + b") mx.ours.test; dkim=pass",
    b'Authentication-Results: "mx\\.ours.test"; dkim=pass',
]


@pytest.mark.parametrize("forged", FORGERIES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_forged_results_of_ours_are_stripped(forged: bytes, place: int) -> None:
    fields = [b"From: a@b.test", b"Subject: x\r\n folded"]
    body = b"\r\n\r\nAuthentication-Results: mx.ours.test; in the body\r\n"
    raw = b"\r\n".join([*fields[:place], forged, *fields[place:]]) + body
    assert strip_results(raw, OURS) == b"\r\n".join(fields) + body


def test_results_of_others_stay() -> None:
    raw = b"Authentication-Results: other.test; dkim=pass\r\nFrom: a\r\n\r\nbody"
    assert strip_results(raw, OURS) == raw
    assert strip_results(b"no mail", OURS) == b"no mail"
    assert strip_results(FORGERIES[0] + b"\r\nFrom: a\r\n", OURS) == b"From: a\r\n"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab;="\\() \r\n\t.', max_size=60))
def test_reading_is_total(value: str) -> None:
    for each in read_results(value):
        assert each.method == each.method.lower()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_value_adds_a_result(domain: str, selector: str) -> None:
    result = MethodResult("dkim", "fail", (("header.d", domain), ("header.s", selector)))
    value = compose_results(OURS, [result])
    assert "\n" not in value.replace("\r\n\t", "")
    assert [(each.method, each.result) for each in read_results(value)] == [("dkim", "fail")]


def test_a_mail_leaves_with_our_verdict_on_top_and_without_forged_ones() -> None:
    forged = b"Authentication-Results: mail.ours.test; dmarc=pass header.from=bank.test\r\n"
    other = b"Authentication-Results: mx.other.test; spf=pass\r\n"
    raw = forged + b"Received: x\r\n" + other + forged.replace(b"mail.", b"MAIL.") + b"From: a@b.test\r\n\r\nText\r\n"
    found = with_results(raw, "mail.ours.test; dmarc=fail", "mail.ours.test")
    assert found == (
        b"Authentication-Results: mail.ours.test; dmarc=fail\r\nReceived: x\r\n"
        + other
        + b"From: a@b.test\r\n\r\nText\r\n"
    )
    assert with_results(raw.replace(b"\r\n", b"\n"), "mail.ours.test; dmarc=fail", "mail.ours.test") == found
    assert b"bank.test" not in with_results(raw, "", "mail.ours.test")
