"""Counts of connections and of failed log-ins."""

from gatepost.gateway.limits import AUTH_WINDOW, Connections, Limits, Throttle, limits_of, network_of
from gatepost.settings import Settings


def test_networks() -> None:
    assert network_of("192.0.2.7") == network_of("192.0.2.250") == network_of("::ffff:192.0.2.9")
    assert network_of("192.0.2.7") != network_of("192.0.3.7")
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("what") == "what"


def test_connections_are_counted_in_all_by_ip_and_by_network() -> None:
    limits = Limits(1, 1, connections=4, per_ip=2, per_network=3)
    connections = Connections()
    assert connections.enter("192.0.2.1", limits) is None
    assert connections.enter("192.0.2.1", limits) is None
    assert "from your address" in str(connections.enter("192.0.2.1", limits))
    assert connections.enter("192.0.2.2", limits) is None
    assert "from your address" in str(connections.enter("192.0.2.3", limits))
    assert connections.enter("198.51.100.1", limits) is None
    assert connections.enter("203.0.113.1", limits) == "Too many connections; please try again later"
    connections.leave("192.0.2.1")
    assert connections.enter("192.0.2.3", limits) is None
    for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"):
        connections.leave(ip)
    assert (connections.total, connections.by_ip, connections.by_network) == (0, {}, {})


def test_five_failures_block_one_account_in_one_network_for_an_hour() -> None:
    throttle = Throttle()
    for _ in range(5):
        assert not throttle.blocked("shop", "192.0.2.1", 10.0)
        throttle.failed("shop", "192.0.2.1", 10.0)
    assert throttle.blocked("shop", "192.0.2.99", 11.0)
    assert not throttle.blocked("shop", "198.51.100.1", 11.0)
    assert not throttle.blocked("other", "192.0.2.1", 11.0)
    assert not throttle.blocked("shop", "192.0.2.1", 10.0 + AUTH_WINDOW)


def test_twenty_accounts_block_a_network() -> None:
    throttle = Throttle()
    for number in range(20):
        assert not throttle.blocked(f"user{number}", "192.0.2.1", 1.0)
        throttle.failed(f"user{number}", "192.0.2.1", 1.0)
    assert throttle.blocked("another", "192.0.2.1", 1.0)
    assert not throttle.blocked("another", "192.0.3.1", 1.0)


def test_limits_come_from_the_settings() -> None:
    limits = limits_of(Settings(connections=7, connections_per_ip=3, message_size=1000, session_seconds=9), 11)
    assert (limits.connections, limits.per_ip, limits.message_size) == (7, 3, 1000)
    assert (limits.recipients, limits.session_seconds, limits.minimum_rate) == (11, 9, 500)
