"""Base subjects (RFC 5256 section 2.1)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.threading.subject import base_subject


@pytest.mark.parametrize(
    ("given_text", "base", "is_reply", "is_forward"),
    [
        ("Order 17", "Order 17", False, False),
        ("Re: Order 17", "Order 17", True, False),
        ("RE[2]: re^3: Re (4): Order 17", "Order 17", True, False),
        ("[desk] Re: [desk] Order 17", "Order 17", True, False),
        ("AW: WG: Bestellung", "Bestellung", True, True),
        ("Rép : Commande", "Commande", True, False),
        ("SV: VS: Beställning", "Beställning", True, False),
        ("回复：订单", "订单", True, False),
        ("[Fwd: Order 17]", "Order 17", False, True),
        ("Order 17 (fwd)", "Order 17", False, True),
        ("Order:\t 17", "Order: 17", False, False),
        ("[only a blob]", "[only a blob]", False, False),
        ("Research: what we found", "Research: what we found", False, False),
        ("Re:", "", True, False),
    ],
)
def test_prefixes_go(given_text: str, base: str, is_reply: bool, is_forward: bool) -> None:
    found = base_subject(given_text)
    assert (found.text, found.is_reply, found.is_forward) == (base, is_reply, is_forward)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_a_base_subject_has_no_prefix_left(text: str) -> None:
    once = base_subject(text)
    again = base_subject(once.text)
    assert again.text == once.text
    assert not again.is_reply
    assert not again.is_forward
