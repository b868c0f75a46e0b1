"""Addresses are strict, mailboxes tolerant, and nothing but AddressError ever leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.address import (
    Address,
    AddressError,
    format_mailbox,
    parse_address,
    parse_domain,
    parse_mailboxes,
)

SOUP = st.text(alphabet='ab@.<>"\\(),:;[] é\u202e=?+', max_size=60)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ada@example.com", "ada", "example.com"),
        ("Ada.L+x@Example.COM", "Ada.L+x", "example.com"),
        ("root@localhost", "root", "localhost"),
        ("ada@example.com.", "ada", "example.com"),
        ('"ada lovelace"@example.com', "ada lovelace", "example.com"),
        (r'"a\"b\\"@example.com', 'a"b\\', "example.com"),
        ('"plain"@example.com', "plain", "example.com"),
        ("jörg@bücher.example", "jörg", "xn--bcher-kva.example"),
        ("x@XN--BCHER-KVA.example", "x", "xn--bcher-kva.example"),
        ("!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-", "example.com"),
        ("a" * 64 + "@example.com", "a" * 64, "example.com"),
    ],
)
def test_good_addresses(text: str, local: str, domain: str) -> None:
    address = parse_address(text)
    assert address == Address(local, domain)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ada",
        "@example.com",
        "ada@",
        "a b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@-x.example",
        "a@x-.example",
        "a@x..example",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@under_score.example",
        "a@@example.com",
        '""@example.com',
        '"a"b@example.com',
        'a"b@example.com',
        '"a\\"@example.com',
        "a(comment)@example.com",
        "<a@example.com>",
        "@relay:a@example.com",
        "a@example.com\r\nBcc: x@example.com",
        "a\n@example.com",
        "a\0@example.com",
        "a\u202e@example.com",
        "a\u200b@example.com",
        "é" * 33 + "@example.com",
        "a" * 65 + "@example.com",
        "a@" + "x" * 64 + ".example",
        "a@" + "x." * 130 + "example",
        "a@" + "é" * 5000,
        "a@\ud800.example",
    ],
)
def test_bad_addresses_have_a_sentence(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert str(caught.value).endswith((".", "?"))


def test_keys_and_bases() -> None:
    assert parse_address("Ada+News@Example.com").key == "ada+news@example.com"
    assert str(parse_address("ada+news+more@example.com").base) == "ada@example.com"
    assert str(parse_address("+news@example.com").base) == "+news@example.com"


def test_domains() -> None:
    assert parse_domain("BÜCHER.example.") == "xn--bcher-kva.example"
    assert parse_domain("localhost") == "localhost"
    with pytest.raises(AddressError):
        parse_domain("exa mple.com")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada <ada@a.example>", [("Ada", "ada@a.example")]),
        ('"Lovelace, Ada" <ada@a.example>, b@b.example', [("Lovelace, Ada", "ada@a.example"), ("", "b@b.example")]),
        ("=?utf-8?q?J=C3=B6rg=2C?= <j@j.example>", [("Jörg,", "j@j.example")]),
        ('"=?iso-8859-1?q?J=F6rg?=" <j@j.example>', [("Jörg", "j@j.example")]),
        ("ada@a.example (Ada (the) Countess)", [("Ada (the) Countess", "ada@a.example")]),
        ("undisclosed-recipients:;", []),
        (
            "Team: a@a.example, B <b@b.example>; c@c.example",
            [("", "a@a.example"), ("B", "b@b.example"), ("", "c@c.example")],
        ),
        ("Ada ada@a.example", [("Ada", "ada@a.example")]),
        ("<@one,@two:ada@a.example>", [("", "ada@a.example")]),
        ("ada . l @ a . example", [("", "ada.l@a.example")]),
        ("<ada@a.example", [("", "ada@a.example")]),
        ('"Ada <ada@a.example>', [("Ada", "ada@a.example")]),
        ("a..b@docomo.example", [("", '"a..b"@docomo.example')]),
        ('"boss@bank.example" <evil@e.example>', [("boss@bank.example", "evil@e.example")]),
        ("Evil\u202ekram <e@e.example>", [("Evilkram", "e@e.example")]),
        ("A <a@", [("A", None)]),
        ("a@[1.2.3.4]", [("", None)]),
        (",,;;", []),
    ],
)
def test_mailboxes(value: str, expected: list[tuple[str, str | None]]) -> None:
    found = [(box.name, str(box.address) if box.address else None) for box in parse_mailboxes(value)]
    if expected and expected[0][1] is None:
        assert found[0][1] is None
    else:
        assert found == expected


@given(SOUP)
@settings(max_examples=400, deadline=None)
def test_any_address_comes_back_or_is_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert parse_address(str(address)) == address
    assert address.base.domain == address.domain


@given(st.one_of(st.text(max_size=200), SOUP))
@settings(max_examples=400, deadline=None)
def test_mailboxes_are_total(value: str) -> None:
    for box in parse_mailboxes(value):
        assert "\n" not in box.name
        if box.address:
            assert parse_address(str(box.address)) == box.address


@given(st.text(max_size=120))
@settings(max_examples=300, deadline=None)
def test_a_formatted_mailbox_is_one_mailbox(name: str) -> None:
    written = format_mailbox(name, "ada@a.example")
    assert written.isascii()
    assert "\n" not in written
    assert "\r" not in written
    boxes = parse_mailboxes(written)
    assert [str(box.address) for box in boxes] == ["ada@a.example"]


@pytest.mark.parametrize(
    "name", ["Jörg Müller", 'Lovelace, "Ada"', "=?utf-8?q?x?=", "Ada (x) <y@z>", "日本" * 40, "A\\B"]
)
def test_names_survive(name: str) -> None:
    assert parse_mailboxes(format_mailbox(name, "ada@a.example"))[0].name == name


def test_a_name_cannot_add_a_line() -> None:
    written = format_mailbox("Ada\r\nBcc: victim@v.example", "ada@a.example")
    assert written == '"Ada Bcc: victim@v.example" <ada@a.example>'
    with pytest.raises(AddressError):
        format_mailbox("Ada", "ada@a.example>, <b@b.example")
