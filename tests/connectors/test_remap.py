from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.connectors.remap import FIELDS, HEADER_LIMIT, Place, fingerprint, remap

MAIL = (
    b"Received: from a by b;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Subject: Re: a\r\n long  one\r\nFROM: Ana <a@x.test>\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nTo: b@x.test\r\nMessage-Id: <1@x.test>\r\n\r\nSubject: in the text\r\n"
)


def test_the_fields_alone_recognise_the_whole_mail() -> None:
    fields = (
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nFROM: Ana <a@x.test>\r\nMessage-Id: <1@x.test>\r\n"
        b"Subject: Re: a\r\n\tlong one\r\n\r\n"
    )
    assert fingerprint(MAIL) == fingerprint(fields)
    assert fingerprint(MAIL) != fingerprint(MAIL.replace(b"<1@x.test>", b"<2@x.test>"))


def test_without_any_of_them_nothing_recognises_it() -> None:
    assert fingerprint(b"To: x@x.test\r\n\r\nDate: 1") == ""
    assert fingerprint(b"") == ""


def test_gmail_has_an_id_of_its_own() -> None:
    assert fingerprint(b"", "1278455344230334865") == "gm:1278455344230334865"


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_any_octets_have_a_fingerprint(raw: bytes) -> None:
    assert len(fingerprint(raw)) in (0, 32)


def test_only_the_header_is_read() -> None:
    assert fingerprint(b"X: " + b"y" * HEADER_LIMIT + b"\r\nSubject: late\r\n\r\n") == ""
    assert len(FIELDS) == 4


def test_mails_keep_their_places_in_order() -> None:
    old = [Place(1, "a", 10), Place(2, "b", 20), Place(5, "c", 30)]
    new = [Place(11, "b", 20), Place(10, "a", 10), Place(12, "d", 40)]
    found = remap(old, new)
    assert (found.moved, found.unknown, found.gone) == ({10: 1, 11: 2}, (12,), (5,))


def test_a_mail_that_is_there_twice_stays_there_twice() -> None:
    old = [Place(1, "a", 10), Place(2, "a", 10), Place(3, "a", 11)]
    new = [Place(7, "a", 11), Place(8, "a", 10), Place(9, "a", 10)]
    assert remap(old, new).moved == {8: 1, 9: 2, 7: 3}


def test_another_size_is_believed_to_be_an_estimate() -> None:
    found = remap([Place(1, "a", 10)], [Place(7, "a", 12), Place(8, "a", 10)])
    assert (found.moved, found.unknown) == ({8: 1}, (7,))
    assert remap([Place(1, "a", 10)], [Place(7, "a", 12)]).moved == {7: 1}


def test_what_nothing_recognises_is_fetched_again() -> None:
    found = remap([Place(1, "", 10)], [Place(7, "", 10)])
    assert (found.moved, found.unknown, found.gone) == ({}, (7,), (1,))


PLACES = st.lists(
    st.builds(Place, st.integers(1, 50), st.sampled_from(["", "a", "b", "c"]), st.integers(0, 3)),
    unique_by=lambda p: p.uid,
)


@given(PLACES, PLACES)
@settings(max_examples=200, deadline=None)
def test_every_place_ends_once(old: list[Place], new: list[Place]) -> None:
    found = remap(old, new)
    assert sorted([*found.moved, *found.unknown]) == sorted(place.uid for place in new)
    assert sorted([*found.moved.values(), *found.gone]) == sorted(place.uid for place in old)
