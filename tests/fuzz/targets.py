"""What the coverage-guided fuzzer feeds: a function of octets for each reader, and what must hold of its result."""

from collections.abc import Callable
from contextlib import suppress

from gatepost.address import AddressError, format_mailbox, parse_address, parse_domain, parse_mailboxes
from gatepost.html_clean import clean
from gatepost.html_text import attributes, is_hidden, visible_text
from gatepost.mail import headers_of, parse, part_content
from gatepost.mail_date import read_date
from gatepost.mail_params import file_name, read_structured
from gatepost.mail_tnef import read_tnef
from gatepost.mail_words import clean_name, decode_words, encode_words
from gatepost.message_ids import extract_ids
from gatepost.reply import is_shown
from gatepost.threading.archive import thread_archive
from gatepost.threading.archive_record import record_of
from gatepost.threading.automatic import classify
from gatepost.threading.forwarded import is_forward, original_author
from gatepost.threading.quoted import reply_head, reply_text
from gatepost.threading.quoted_html import own_text
from gatepost.threading.report import read_report
from gatepost.threading.subject import base_subject

HEAD = b"From: ana@x.example\r\nTo: support@gatepost.test\r\nSubject: Re: x\r\nMessage-ID: <1@x.example>\r\n"
DAEMON = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
PARENT = "Does it work?\nIt did not.\n\nPlease tell us the number on the back of the lamp."
TEXT_LIMIT = 1024 * 1024
ADDRESS_LIMIT = 254


def whole_mail(octets: bytes) -> None:
    """Any octets are a mail, whose parts can be opened and whose names show what they are."""
    mail = parse(octets)
    headers_of(octets)
    assert len(mail.text) <= TEXT_LIMIT
    for attachment in mail.attachments[:5]:
        assert part_content(mail, attachment.index) is not None
        assert is_plain(attachment.name)
    for box in (*mail.from_, *mail.to, *mail.cc):
        assert is_plain(box.name)
    classify(mail, "")
    is_forward(mail)
    original_author(mail)


def answers(octets: bytes) -> None:
    """An answer with text is never cut to nothing, whatever it is compared with."""
    mail = parse(octets)
    text = mail.text
    for parent in (None, PARENT, text[len(text) // 2 :]):
        cut = reply_text(mail, parent)
        assert bool(cut.reply.strip()) == bool(text.strip()) or mail.html
    assert len(reply_head(mail, 800)) <= 800


def texts(octets: bytes) -> None:
    """Octets as the plain text of an answer."""
    answers(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + octets)


def reports(octets: bytes) -> None:
    """A report names addresses that can be written to, and answers nothing else."""
    for raw in (octets, DAEMON + octets, DAEMON + b"\r\n" + octets):
        report = read_report(parse(raw))
        for recipient in report.recipients if report else ():
            assert recipient.address.count("@") or not recipient.address
            assert recipient.action
            assert recipient.reason


def html(octets: bytes) -> None:
    """HTML gives text, and clean HTML that runs nothing and stays the same when it is cleaned again."""
    source = octets.decode("utf-8", "replace")
    text = visible_text(source)
    assert len(text) <= 12 * len(source) + 100
    own_text(source)
    is_hidden(source)
    attributes(source)
    shown = clean(source).html
    lower = shown.lower()
    assert not any(
        bad in lower for bad in ("<script", "<style", "<iframe", "<object", "<form", "<svg", "<base", "<meta")
    )
    assert clean(shown).html.lower().count("<script") == 0
    answers(HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + octets)


def fields(octets: bytes) -> None:
    """The values of header fields: what is read can be written and is read again as the same."""
    value = octets.decode("utf-8", "replace")
    for box in parse_mailboxes(value):
        assert is_plain(box.name)
        if box.address:
            again = parse_mailboxes(format_mailbox(box.name, str(box.address)))
            assert [one.address for one in again] == [box.address]
    addresses(value)
    ids = extract_ids(value)
    assert extract_ids(" ".join(f"<{one}>" for one in ids)) == ids
    assert is_plain(clean_name(decode_words(value)))
    assert decode_words(encode_words(clean_name(value))) == clean_name(value)
    structured = read_structured(value)
    assert is_plain(file_name(structured, structured) or "")
    date = read_date(value)
    assert date is None or date.utcoffset() is not None
    base_subject(value)


def addresses(value: str) -> None:
    """An address or domain is refused by its own error; what is read is read again as the same."""
    address = domain = None
    with suppress(AddressError):
        address = parse_address(value)
    with suppress(AddressError):
        domain = parse_domain(value)
    if address:
        assert parse_address(str(address)) == address
        assert len(str(address).encode()) <= ADDRESS_LIMIT
    if domain:
        assert parse_domain(domain) == domain


def archives(octets: bytes) -> None:
    """Some mails, put together again: each is in one thread, and none is its own ancestor."""
    mails = [parse(one) for one in octets.split(b"\n--\n", 20)]
    placed = thread_archive([record_of(mail) for mail in mails])
    assert len(placed) == len(mails)
    for number, thread in enumerate(placed):
        seen, above = {number}, thread.parent
        while above is not None:
            assert above not in seen
            assert placed[above].group == thread.group
            seen.add(above)
            above = placed[above].parent


def tnef(octets: bytes) -> None:
    """What a winmail.dat holds."""
    files, _ = read_tnef(octets)
    assert all(file.start <= file.end <= len(octets) for file in files)


def is_plain(name: str) -> bool:
    """Whether nothing in a name hides or turns what stands beside it."""
    return all(is_shown(char) for char in name)


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (whole_mail, texts, reports, html, fields, archives, tnef)
}
