"""What is in a winmail.dat: files with names and types, whatever octets come."""

from base64 import encodebytes
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import Mail, parse, part_content
from gatepost.mail_tnef import MOST_FILES, read_tnef
from tests.core.tnef import attached_mail, full, in_property, simple, winmail

PDF, TABLE = b"%PDF-1.7 of a winmail.dat", b"a;b\r\n" * 100
WHOLE = winmail(full("Rëchnung \u4e2d 2026.pdf", PDF, kind="application/pdf", cid="one@x"), simple(b"TABLE.CSV", TABLE))


def mail_with(octets: bytes, kind: str = "application/ms-tnef", name: str = "winmail.dat") -> Mail:
    return parse(
        b"From: ana@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n"
        + f'--b\r\nContent-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
        + encodebytes(octets)
        + b"--b\r\nContent-Type: image/png; name=after.png\r\n\r\nx\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [("application/ms-tnef", "x"), ("application/vnd.ms-tnef", "x"), ("application/octet-stream", "WINMAIL.DAT")],
)
def test_its_files_are_attachments_that_can_be_downloaded(kind: str, name: str) -> None:
    mail = mail_with(WHOLE, kind, name)
    told = [(one.name, one.content_type, one.size) for one in mail.attachments]
    assert told == [
        (name, kind, mail.attachments[0].size),
        ("Rëchnung \u4e2d 2026.pdf", "application/pdf", len(PDF)),
        ("TABLE.CSV", "application/octet-stream", len(TABLE)),
        ("after.png", "image/png", 1),
    ]
    contents = [found[1] for one in mail.attachments if (found := part_content(mail, one.index))]
    assert contents == [WHOLE, PDF, TABLE, b"x"]
    assert mail.attachments[1].content_id == "one@x"
    assert mail.text == "See below."
    assert mail.defects == ()


def test_names_are_read_in_the_code_page_and_made_safe() -> None:
    files, whole = read_tnef(winmail(simple("Счёт.doc".encode("cp1251"), b"1"), code_page=1251))
    assert ([one.name for one in files], whole) == (["Счёт.doc"], True)
    mail = mail_with(winmail(full("..\\..\\evil\u202efdp.exe", b"MZ"), simple(b"", b"nameless")))
    assert [one.name for one in mail.attachments[1:3]] == ["evilfdp.exe", "part-4"]


def test_a_mail_inside_is_a_file_and_content_may_stand_in_a_property() -> None:
    octets = winmail(attached_mail("Forwarded", winmail(simple(b"in.txt", b"deep"))), in_property("p.bin", b"\0\1"))
    files, whole = read_tnef(octets)
    assert [(one.name, octets[one.start : one.end][:4]) for one in files] == [
        ("Forwarded", b"\x78\x9f\x3e\x22"),
        ("p.bin", b"\0\1"),
    ]
    assert whole


def test_no_file_pretends_to_be_a_mail_or_to_have_parts() -> None:
    mail = mail_with(winmail(*(full("x", b"From: boss@x", kind=k) for k in ("message/rfc822", "multipart/mixed", "?"))))
    assert [one.content_type for one in mail.attachments[1:4]] == ["application/octet-stream"] * 3


def test_what_is_cut_gives_what_is_whole_and_is_told() -> None:
    found = [read_tnef(WHOLE[:cut]) for cut in range(len(WHOLE))]
    assert {len(files) for files, _ in found} == {0, 1, 2}
    assert sum(whole for _, whole in found) == 3 + 3 * 8 + 2, "only a cut between attributes is not seen"
    mail = mail_with(WHOLE[: len(WHOLE) - 20])
    assert [one.name for one in mail.attachments] == ["winmail.dat", "Rëchnung \u4e2d 2026.pdf", "after.png"]
    assert mail.defects == ("winmail.dat could not be read to its end",)


def test_there_is_an_end_to_the_files() -> None:
    files, whole = read_tnef(winmail(*(simple(b"a", b"x") for _ in range(2 * MOST_FILES))))
    assert (len(files), whole) == (MOST_FILES, False)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_any_octets_give_files_that_lie_within_them(number: int, changes: int) -> None:
    random, octets = Random(number), bytearray(WHOLE + attached_mail("x", b"y" * 30) + in_property("z", b"1"))
    for _ in range(changes):
        octets[random.randrange(4, len(octets))] = random.choice((0, 1, 2, 255, random.randrange(256)))
    files, _ = read_tnef(bytes(octets))
    for one in files:
        assert 0 <= one.start <= one.end <= len(octets)
        assert isinstance(one.name + one.content_type + one.content_id, str)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_octets_raise(octets: bytes) -> None:
    read_tnef(octets)
    read_tnef(winmail() + octets)
