"""What is proposed for an address that does not work."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.typos import COMMON_DOMAINS, distance, nearest, propose


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yaho.com", "yahoo.com"),
        ("calderon.tets", "calderon.test"),
        ("gmail.com", None),
        ("gmx.d", "gmx.de"),
        ("example.org", None),
        ("", None),
        ("a" * 300, None),
        ("x.de", None),
    ],
)
def test_a_slip_in_the_domain(written: str, meant: str | None) -> None:
    assert nearest(written, [*COMMON_DOMAINS, "calderon.test"]) == meant


def test_two_that_are_equally_near_are_no_proposal() -> None:
    assert nearest("shop-c.example", ["shop-a.example", "shop-b.example"]) is None


def test_proposals_come_in_order_each_with_its_why() -> None:
    found = propose("Anna@gmial.com", ["anna@work.test", "anna@gmail.com", "anna@gmial.com"])
    assert [one.address for one in found] == ["anna@gmail.com", "anna@work.test"]
    assert found[0].why == "gmial.com looks like a slip for gmail.com"
    assert found[1].why == "another address of this contact"


def test_a_known_address_that_differs_by_a_letter_comes_before_the_contacts_others() -> None:
    found = propose("priya.nari@nair.test", ["p@work.test", "priya.nair@nair.test"])
    assert [one.address for one in found] == ["priya.nair@nair.test", "p@work.test"]


def test_nothing_is_proposed_where_nothing_is_near() -> None:
    assert propose("anna@example.org") == ()
    assert propose("no address") == ()


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80), st.text(max_size=80))
def test_distance_is_a_bounded_count(one: str, other: str) -> None:
    found = distance(one, other, 2)
    assert 0 <= found <= 3
    assert found == distance(other, one, 2)
    assert (found == 0) == (one == other and len(one) <= 64)
