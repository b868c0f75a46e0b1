"""gatepost.resolver against a real DNS server on loopback."""

import pytest

from gatepost.resolver import Budget, DnsTrouble, Exchange, NoSuchName, dns_resolver, exists, reverse_name
from tests.fakes.dns import DictResolver, dns_server, zone_from_text

ZONE = zone_from_text(
    """
@ 60 IN MX 20 second
@ 60 IN MX 10 First
@ 60 IN TXT "v=spf1 " "-all"
first 60 IN A 192.0.2.1
first 60 IN AAAA 2001:db8::1
www 60 IN CNAME first
null 60 IN MX 0 .
onlymx 60 IN MX 5 first
huge 60 IN TXT """
    + " ".join(['"' + "x" * 250 + '"'] * 40),
    "example.test",
) | {"1.2.0.192.in-addr.arpa": {"PTR": ["Mail.example.test."]}}


def test_typed_answers() -> None:
    with dns_server(ZONE) as server:
        resolver = dns_resolver([server.address], 5)
        assert resolver.txt("example.test") == [b"v=spf1 -all"]
        assert resolver.a("first.example.test.") == ["192.0.2.1"]
        assert resolver.a("www.example.test") == ["192.0.2.1"]
        assert resolver.aaaa("first.example.test") == ["2001:db8::1"]
        assert resolver.mx("example.test") == [Exchange(10, "first.example.test"), Exchange(20, "second.example.test")]
        assert resolver.mx("null.example.test") == [Exchange(0, "")]
        assert resolver.ptr(reverse_name("192.0.2.1")) == ["mail.example.test"]


def test_answers_are_cached() -> None:
    with dns_server(ZONE) as server:
        resolver = dns_resolver([server.address], 5)
        resolver.txt("example.test")
        resolver.txt("EXAMPLE.test")
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "name", ["nowhere.example.test", "first.example.test", "a..b", "x" * 64 + ".test", "a." * 200, ""]
)
def test_no_such_name(name: str) -> None:
    with dns_server(ZONE) as server, pytest.raises(NoSuchName):
        dns_resolver([server.address], 5).txt(name)


def test_txt_over_the_cap_is_not_read() -> None:
    with dns_server(ZONE) as server, pytest.raises(NoSuchName):
        dns_resolver([server.address], 5).txt("huge.example.test")


@pytest.mark.parametrize("fault", ["servfail", "timeout", "loop"])
def test_trouble(fault: str) -> None:
    faults = {"first.example.test": fault}
    with dns_server(ZONE, faults) as server, pytest.raises(DnsTrouble):  # type: ignore[arg-type]
        dns_resolver([server.address], 0.3).a("first.example.test")


def test_truncated_answers_are_asked_again_over_tcp() -> None:
    with dns_server(ZONE, {"first.example.test": "truncated"}) as server:
        assert dns_resolver([server.address], 5).a("first.example.test") == ["192.0.2.1"]
        assert [over for _, _, over in server.asked] == ["udp", "tcp"]


def test_nobody_listening_is_trouble() -> None:
    with dns_server(ZONE) as server:
        address = server.address
    with pytest.raises(DnsTrouble):
        dns_resolver([address], 0.3).a("first.example.test")


@pytest.mark.parametrize("server", ["localhost", "192.0.2.1:x", "::1::2", "[::1"])
def test_a_server_is_an_address(server: str) -> None:
    with pytest.raises(ValueError, match="is not a DNS server"):
        dns_resolver([server])


def test_without_any_server_every_question_is_trouble() -> None:
    resolver = dns_resolver(["192.0.2.1"])
    resolver.inner.nameservers = []
    with pytest.raises(DnsTrouble):
        resolver.a("example.test")


@pytest.mark.parametrize("server", ["192.0.2.1", "192.0.2.1:5353", "::1", "[::1]:5353"])
def test_servers_with_and_without_port(server: str) -> None:
    assert dns_resolver([server]).inner.nameservers


def test_existence_needs_any_of_three_records() -> None:
    with dns_server(ZONE) as server:
        resolver = dns_resolver([server.address], 5)
        assert exists(resolver, "onlymx.example.test")
        assert not exists(resolver, "nowhere.example.test")


def test_budget_of_questions() -> None:
    budget = Budget(DictResolver(A={"x.test": ["192.0.2.1"]}), queries=2)
    assert budget.a("x.test") == budget.a("x.test")
    with pytest.raises(DnsTrouble, match="budget"):
        budget.a("x.test")


def test_budget_of_time() -> None:
    ticks = iter([0.0, 1.0, 10.5])
    budget = Budget(DictResolver(A={"x.test": ["192.0.2.1"]}), clock=lambda: next(ticks))
    budget.a("x.test")
    with pytest.raises(DnsTrouble, match="budget"):
        budget.a("x.test")


def test_budget_shortens_the_last_question() -> None:
    with dns_server(ZONE, {"first.example.test": "timeout"}) as server:
        budget = Budget(dns_resolver([server.address], 60), seconds=0.3)
        with pytest.raises(DnsTrouble):
            budget.a("first.example.test")


def test_reserved_names_are_asked_of_nobody_but_servers_that_are_set() -> None:
    resolver = dns_resolver(None, timeout=0.2)
    for name in ("gatepost.test", "a.b.example.", "Localhost", "x.invalid"):
        with pytest.raises(NoSuchName, match="reserved"):
            resolver.txt(name)
    with pytest.raises(DnsTrouble):
        dns_resolver(["127.0.0.1:1"], timeout=0.2).txt("gatepost.test")
