"""Which rule counts, and why others do not."""

import pytest

from gatepost.gateway.rules import Sender, check_name, choose, read_rule, why_not

RULES = {
    "sender:boss@shop.example": "vip",
    "sender:shop.example": "shop",
    "credential:newsletter": "bulk",
    "recipient:ana@remote.test": "one",
    "recipient:remote.test": "direct",
}


@pytest.mark.parametrize(
    ("sender", "recipient", "route", "why"),
    [
        (Sender("boss@shop.example", "newsletter"), "ana@remote.test", "vip", "the sender boss@shop.example"),
        (Sender("Orders@Shop.Example", "newsletter"), "ana@remote.test", "shop", "the sender's domain shop.example"),
        (Sender("x@other.example", "Newsletter"), "ana@remote.test", "bulk", "the credential Newsletter"),
        (Sender("x@other.example"), "Ana@Remote.test", "one", "the recipient ana@remote.test"),
        (Sender(), "ben@remote.test", "direct", "the recipient's domain remote.test"),
        (Sender("x@sub.shop.example", "other"), "ana@else.test", "", "no rule fits"),
    ],
)
def test_the_sender_counts_before_the_recipient(sender: Sender, recipient: str, route: str, why: str) -> None:
    name, said = choose(RULES, sender, recipient)
    assert name == route
    assert why in said


def test_without_rules_the_settings_decide() -> None:
    assert choose({}, Sender("a@x.example"), "b@y.example") == ("", "there are no rules")


def test_why_the_others_were_not_taken() -> None:
    said = why_not(RULES, Sender("boss@shop.example"), "ana@remote.test")
    assert "Not shop: sender:shop.example fits too, but sender:boss@shop.example counts first." in said
    assert "Not bulk: credential:newsletter does not fit a mail whose credential was not given." in said
    assert len(said) == 4
    assert "Not one: recipient:ana@remote.test does not fit the recipient x@y.test." in why_not(
        RULES, Sender(), "x@y.test"
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (" Sender: Boss@Shop.Example ", "sender:boss@shop.example"),
        ("recipient:BÜCHER.example", "recipient:xn--bcher-kva.example"),
        ("credential:The Shop", "credential:the shop"),
    ],
)
def test_a_rule_is_read(text: str, rule: str) -> None:
    assert read_rule(text) == rule


@pytest.mark.parametrize("text", ["", "shop.example", "from:x@y.example", "sender:", "sender:a b@c", "recipient:x..y"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match=r"rule|domain|address|stand"):
        read_rule(text)


def test_names_of_routes() -> None:
    assert check_name("bulk-2", "relay") == "bulk-2"
    assert check_name("direct", "direct") == "direct"
    for name, kind in (("Bulk", "relay"), ("", "relay"), ("x" * 41, "relay"), ("relay", "relay"), ("mine", "sandbox")):
        with pytest.raises(ValueError, match=r"name|called|call"):
            check_name(name, kind)
