"""gatepost.gateway.spf."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.spf import RESULTS, check_spf
from gatepost.resolver import Budget, dns_resolver
from tests.fakes.dns import DictResolver, dns_server

IP = "192.0.2.1"
ZONE = DictResolver(
    TXT={
        "pass.test": ["some other text", "v=spf1 ip4:192.0.2.0/24 -all"],
        "fail.test": ["v=spf1 ip4:198.51.100.1 -all"],
        "soft.test": ["v=spf1 ~all"],
        "neutral.test": ["v=spf1 ?all"],
        "two.test": ["v=spf1 -all", "v=spf1 +all"],
        "broken.test": ["v=spf1 moo -all"],
        "a.test": ["v=spf1 a:host.test -all"],
        "mx.test": ["v=spf1 mx -all"],
        "ptr.test": ["v=spf1 ptr:ptr.test -all"],
        "six.test": ["v=spf1 a:host.test -all"],
        "include.test": ["v=spf1 include:pass.test -all"],
        "redirect.test": ["v=spf1 redirect=pass.test"],
        "slowinclude.test": ["v=spf1 include:down.test -all"],
        "loop.test": ["v=spf1 include:pool.test -all"],
        "pool.test": ["v=spf1 include:loop.test -all"],
        "many.test": ["v=spf1 " + " ".join(f"include:n{n}.test" for n in range(200)) + " -all"],
        "void.test": ["v=spf1 a:v1.test a:v2.test a:v3.test -all"],
        "macro.test": ["v=spf1 exists:%{i}.%{l}.%{d} -all"],
        "huge.test": ["v=spf1 " + "ip4:192.0.2.1 " * 400 + "+all"],
        "exp.test": ["v=spf1 -all exp=why.test"],
        "why.test": ["<script>"],
        **{f"n{n}.test": ["v=spf1 ?all"] for n in range(200)},
    },
    A={"host.test": ["192.0.2.1"], "mail.ptr.test": ["192.0.2.1"], "192.0.2.1.joe.macro.test": ["127.0.0.2"]},
    AAAA={"host.test": ["2001:db8::1"]},
    MX={"mx.test": [(10, "host.test")]},
    PTR={"1.2.0.192.in-addr.arpa": ["mail.ptr.test"]},
    fail=["down.test"],
)


@pytest.mark.parametrize(
    ("domain", "result"),
    [
        ("pass.test", "pass"),
        ("fail.test", "fail"),
        ("soft.test", "softfail"),
        ("neutral.test", "neutral"),
        ("nothing.test", "none"),
        ("two.test", "permerror"),
        ("broken.test", "permerror"),
        ("a.test", "pass"),
        ("mx.test", "pass"),
        ("ptr.test", "pass"),
        ("include.test", "pass"),
        ("redirect.test", "pass"),
        ("macro.test", "pass"),
        ("down.test", "temperror"),
        ("slowinclude.test", "temperror"),
        ("loop.test", "permerror"),
        ("many.test", "permerror"),
        ("void.test", "permerror"),
        ("huge.test", "none"),
        ("exp.test", "fail"),
    ],
)
def test_results(domain: str, result: str) -> None:
    found = check_spf(IP, "helo.test", f"joe@{domain}", ZONE)
    assert (found.result, found.domain, found.identity) == (result, domain, "mailfrom")
    assert domain in found.why
    assert "<script>" not in found.why


def test_an_empty_reverse_path_is_judged_by_helo() -> None:
    found = check_spf(IP, "pass.test", "", ZONE)
    assert (found.result, found.domain, found.identity) == ("pass", "pass.test", "helo")


def test_ip6() -> None:
    assert check_spf("2001:db8::1", "h.test", "joe@six.test", ZONE).result == "pass"
    assert check_spf("2001:db8::2", "h.test", "joe@six.test", ZONE).result == "fail"


@pytest.mark.parametrize(("helo", "sender"), [("[192.0.2.1]", ""), ("", ""), ("h.test", "joe"), ("h.test", "joe@a b")])
def test_without_a_domain_there_is_nothing_to_ask(helo: str, sender: str) -> None:
    resolver = DictResolver()
    assert check_spf(IP, helo, sender, resolver).result == "none"
    assert resolver.asked == []


def test_an_address_that_is_none_is_temporary_trouble() -> None:
    assert check_spf("no address", "h.test", "joe@pass.test", ZONE).result == "temperror"


def test_ten_lookups_at_most() -> None:
    resolver = DictResolver(TXT=ZONE.TXT)
    check_spf(IP, "h.test", "joe@many.test", resolver)
    assert len(resolver.asked) <= 11


def test_a_slow_server_ends_with_the_budget() -> None:
    with dns_server({"slow.test": {"TXT": ["v=spf1 -all"]}}, {"slow.test": "timeout"}) as server:
        budget = Budget(dns_resolver([server.address], 60), seconds=0.3)
        assert check_spf(IP, "h.test", "joe@slow.test", budget).result == "temperror"


TERMS = (
    "a mx ptr -all include:x.test redirect=x.test exists:%{i} ip4: ip6:::1 exp=x %{ %{zz} a/33 a//129 : = mx:%{d9r-}"
)
TERM = st.sampled_from([*TERMS.split(), "é", "\x00", "a:" + "x." * 200])


@settings(max_examples=150, deadline=None)
@given(st.lists(TERM, max_size=8), st.text(max_size=20), st.sampled_from([IP, "::1", "x", ""]))
def test_total(terms: list[str], local: str, ip: str) -> None:
    resolver = DictResolver(TXT={"x.test": ["v=spf1 " + " ".join(terms)]})
    assert check_spf(ip, "h.test", f"{local}@x.test", resolver).result in RESULTS
