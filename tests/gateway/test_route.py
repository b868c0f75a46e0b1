"""Hops from settings."""

from pathlib import Path

import pytest

from gatepost.gateway.route import Hop, direct_hop, parse_relay, relay_hop
from gatepost.settings import Settings


@pytest.mark.parametrize(
    ("url", "hop"),
    [
        ("smtp://relay.test", Hop("relay.test", 25)),
        ("smtp://relay.test:2525", Hop("relay.test", 2525)),
        ("smtp://u:p@relay.test", Hop("relay.test", 587, username="u", password="p")),
        (
            "smtps://u%40x.test:p%2F%3A%40@relay.test",
            Hop("relay.test", 465, True, username="u@x.test", password="p/:@"),
        ),
        ("smtp://[::1]:25", Hop("::1", 25)),
    ],
)
def test_a_relay_address(url: str, hop: Hop) -> None:
    assert parse_relay(url) == hop


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "relay.test:25", "smtp://x:99999"])
def test_a_wrong_relay_address(url: str) -> None:
    with pytest.raises(ValueError):
        parse_relay(url)


def test_the_relay_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, route="relay", relay="smtp://u:s3cret@relay.test", relay_ca=Path("ca.pem"))
    hop = relay_hop(settings)
    assert hop == Hop(
        "relay.test", 587, False, "required", "u", "s3cret", str(tmp_path / "ca.pem"), "mail.gatepost.test"
    )
    assert "s3cret" not in f"{hop} {hop!r}"


@pytest.mark.parametrize(
    ("hop", "encrypted", "verified"),
    [
        (Hop("x", 25, starttls="none"), False, False),
        (Hop("x", 25, starttls="opportunistic"), False, False),
        (Hop("x", 25, starttls="opportunistic", username="u"), True, True),
        (Hop("x", 25, starttls="required"), True, True),
        (Hop("x", 25, True, starttls="none"), True, False),
    ],
)
def test_what_a_policy_means(hop: Hop, encrypted: bool, verified: bool) -> None:
    assert (hop.encrypted, hop.verified) == (encrypted, verified)


def test_a_direct_hop() -> None:
    assert direct_hop("[::1]:1025") == Hop("::1", 1025, starttls="opportunistic")
