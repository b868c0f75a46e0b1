"""gatepost.gateway.dmarc: the tree walk and alignment of RFC 9989, with examples of our own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.dmarc import Found, Proof, Walk, aligned, find_policy, names_to_ask, read_record
from gatepost.resolver import DnsTrouble
from tests.fakes.dns import DictResolver


def zone(**records: str) -> DictResolver:
    """A resolver with a record at `_dmarc.` of each name; `__` stands for a dot."""
    return DictResolver(TXT={f"_dmarc.{name.replace('__', '.')}": [text] for name, text in records.items()})


def policy(resolver: DictResolver, domain: str) -> Found:
    return find_policy(domain, Walk(resolver))


def test_names_are_at_most_eight() -> None:
    assert names_to_ask("a.b.example.com") == ["a.b.example.com", "b.example.com", "example.com", "com"]
    deep = names_to_ask("a.b.c.d.e.f.g.h.i.j.example.com")
    assert deep[:3] == ["a.b.c.d.e.f.g.h.i.j.example.com", "f.g.h.i.j.example.com", "g.h.i.j.example.com"]
    assert len(deep) == 8
    assert len(names_to_ask("1.2.3.4.5.6.7.8")) == 8


def test_the_authors_own_record_comes_first() -> None:
    found = policy(zone(example__com="v=DMARC1; p=reject", mail__example__com="v=DMARC1; p=none"), "mail.example.com")
    assert (found.policy, found.organization) == ("none", "example.com")


def test_a_subdomain_takes_sp_then_p_of_its_organization() -> None:
    resolver = zone(example__com="v=DMARC1; p=reject; sp=quarantine", other__com="v=DMARC1; p=reject")
    assert policy(resolver, "a.b.example.com").policy == "quarantine"
    assert policy(resolver, "a.b.other.com").policy == "reject"
    assert policy(resolver, "example.com").policy == "reject"


def test_a_record_between_author_and_organization_does_not_apply() -> None:
    resolver = zone(example__com="v=DMARC1; p=reject", b__example__com="v=DMARC1; p=none")
    assert policy(resolver, "a.b.example.com").policy == "reject"


def test_np_is_for_names_that_do_not_exist() -> None:
    resolver = zone(example__com="v=DMARC1; p=none; sp=quarantine; np=reject")
    resolver.A = {"there.example.com": ["192.0.2.1"]}
    assert policy(resolver, "there.example.com").policy == "quarantine"
    assert policy(resolver, "gone.example.com").policy == "reject"


def test_psd_n_ends_the_walk() -> None:
    resolver = zone(example__com="v=DMARC1; p=reject", branch__example__com="v=DMARC1; p=none; psd=n")
    found = policy(resolver, "x.branch.example.com")
    assert (found.policy, found.organization) == ("none", "branch.example.com")
    assert ("_dmarc.example.com", "TXT") not in resolver.asked


def test_psd_y_puts_the_organization_one_label_below() -> None:
    resolver = zone(bank="v=DMARC1; p=reject; psd=y")
    found = policy(resolver, "mail.mine.bank")
    assert (found.policy, found.organization) == ("reject", "mine.bank")


def test_psd_y_at_the_author_itself_is_no_end() -> None:
    found = policy(zone(co__example="v=DMARC1; p=reject; psd=y", example="v=DMARC1; p=none; psd=y"), "co.example")
    assert (found.policy, found.organization) == ("reject", "co.example")


def test_a_test_lowers_the_policy_by_one() -> None:
    assert policy(zone(a__com="v=DMARC1; p=reject; t=y"), "a.com").policy == "quarantine"
    assert policy(zone(a__com="v=DMARC1; p=quarantine; t=y"), "a.com").policy == "none"
    assert policy(zone(a__com="v=DMARC1; p=none; t=y"), "a.com").policy == "none"


def test_pct_is_gone() -> None:
    assert policy(zone(a__com="v=DMARC1; p=reject; pct=0"), "a.com").policy == "reject"


@pytest.mark.parametrize(
    "text", ["v=DMARC1", "v=DMARC1; p=sometimes", "v=DMARC1; p=reject; sp=x", "v=DMARC1; p=reject; np="]
)
def test_a_bad_policy_counts_as_none_with_reports_and_as_nothing_without(text: str) -> None:
    assert policy(zone(a__com=text), "a.com").record is None
    found = policy(zone(a__com=text + "; rua=mailto:r@a.com"), "a.com")
    assert found.record is not None
    assert found.policy == "none"


@pytest.mark.parametrize("text", ["v=DMARC2; p=reject", "p=reject; v=DMARC1", "v=spf1 -all", "", "v=dmarc1; p=reject"])
def test_other_texts_are_no_records(text: str) -> None:
    assert read_record(text.encode(), "a.com") is None


def test_two_records_are_as_none() -> None:
    resolver = DictResolver(TXT={"_dmarc.a.com": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]})
    assert policy(resolver, "a.com").record is None


def test_trouble_is_told() -> None:
    with pytest.raises(DnsTrouble):
        policy(DictResolver(fail=["_dmarc.a.com"]), "a.com")


@pytest.mark.parametrize(
    ("author", "record", "domain", "method", "expected"),
    [
        ("example.com", "p=reject", "example.com", "dkim", True),
        ("example.com", "p=reject", "mail.example.com", "dkim", True),
        ("mail.example.com", "p=reject", "example.com", "spf", True),
        ("a.example.com", "p=reject", "b.example.com", "spf", True),
        ("example.com", "p=reject; adkim=s", "mail.example.com", "dkim", False),
        ("example.com", "p=reject; adkim=s", "example.com", "dkim", True),
        ("example.com", "p=reject; adkim=s", "mail.example.com", "spf", True),
        ("example.com", "p=reject; aspf=s", "mail.example.com", "spf", False),
        ("example.com", "p=reject", "evilexample.com", "dkim", False),
        ("example.com", "p=reject", "com", "dkim", False),
        ("example.com", "p=reject", "other.com", "dkim", False),
    ],
)
def test_alignment(author: str, record: str, domain: str, method: str, expected: bool) -> None:
    walk = Walk(zone(example__com=f"v=DMARC1; {record}"))
    assert aligned(author, find_policy(author, walk), Proof(domain, method), walk) is expected


def test_an_unrelated_domain_is_not_asked() -> None:
    """A signature of a stranger must not send us up the stranger's tree."""
    resolver = zone(example__com="v=DMARC1; p=reject")
    walk = Walk(resolver)
    found = find_policy("example.com", walk)
    assert not aligned("example.com", found, Proof("a.b.c.stranger.org", "dkim"), walk)
    assert [name for name, _ in resolver.asked] == ["_dmarc.example.com", "_dmarc.com"]


def test_a_branch_of_its_own_is_not_aligned_with_its_parent() -> None:
    walk = Walk(zone(example__com="v=DMARC1; p=reject", branch__example__com="v=DMARC1; p=none; psd=n"))
    assert not aligned("example.com", find_policy("example.com", walk), Proof("x.branch.example.com", "dkim"), walk)


def test_without_records_only_the_same_domain_is_aligned() -> None:
    walk = Walk(DictResolver())
    found = find_policy("example.com", walk)
    assert aligned("example.com", found, Proof("example.com", "dkim"), walk)
    assert not aligned("example.com", found, Proof("mail.example.com", "dkim"), walk)


def test_a_mail_asks_each_name_once() -> None:
    resolver = zone(example__com="v=DMARC1; p=reject")
    walk = Walk(resolver)
    found = find_policy("a.example.com", walk)
    for _ in range(3):
        aligned("a.example.com", found, Proof("b.example.com", "dkim"), walk)
    assert len(resolver.asked) == len(set(resolver.asked)) == 4


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80).map(lambda rest: b"v=DMARC1;" + rest))
def test_records_are_read_totally(text: bytes) -> None:
    record = read_record(text, "a.com")
    assert record is None or record.policy in (None, "none", "quarantine", "reject")
