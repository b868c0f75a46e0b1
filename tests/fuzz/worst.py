"""The worst mails that we know how to write, made here: each is read in 250 ms, or given up within 2.5 s."""

import time
from collections.abc import Callable
from functools import partial

from gatepost.child import JobFailed
from gatepost.html_clean import clean
from gatepost.threading.reading import CHILDREN, read

READ_SECONDS = 0.25
GIVEN_UP_SECONDS = 2.5
KB = 1024
HEAD = b"From: a@x.example\r\nTo: b@gatepost.test\r\nSubject: x\r\nMessage-ID: <1@x.example>\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\n"  # noqa: E501
DAEMON = (
    HEAD.replace(b"From: a@", b"From: mailer-daemon@").replace(b"Subject: x", b"Subject: Undelivered mail")
    + b"Return-Path: <>\r\n"
)
PARTS = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def heap(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


def header(field: bytes, piece: bytes, size: int = 100 * KB) -> bytes:
    return field + heap(piece, size) + b"\r\n" + HEAD + b"\r\ntext\r\n"


def html(piece: bytes, size: int = 500 * KB) -> bytes:
    return HEAD + b"Content-Type: text/html\r\n\r\n" + heap(piece, size)


def text(piece: bytes, size: int = 50 * KB, head: bytes = HEAD) -> bytes:
    return head + b"\r\n" + heap(piece, size)


def nested(kind: bytes, depth: int) -> bytes:
    lines = (b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, n, n) for n in range(depth))
    return HEAD + b"".join(lines)


WORST = {
    "; x 100 KB in a content type": header(b"Content-Type: text/plain;", b";"),
    "parameters x 100 KB": header(b"Content-Type: text/plain;", b"a=b;"),
    "continued parameters": header(b"Content-Type: text/plain;", b"a*1*=b;"),
    "unclosed quotes in a content type": header(b'Content-Type: text/plain; a="', b'\\"'),
    "commas in To": header(b"To: ", b","),
    "addresses in To": header(b"To: ", b"a@x.example,"),
    "brackets in To": header(b"To: ", b"<"),
    "parentheses in To": header(b"To: ", b"("),
    "quotes in To": header(b"To: ", b'"'),
    "backslashes in To": header(b'To: "', b"\\"),
    "groups in To": header(b"To: ", b"a:b;"),
    "at signs in From": header(b"From: ", b"@"),
    "encoded words": header(b"Subject: ", b"=?utf-8?q?x?= "),
    "openings of encoded words": header(b"Subject: ", b"=?"),
    "base64 words": header(b"Subject: ", b"=?utf-8?b?AAA?="),
    "folded lines": header(b"Subject: ", b"\r\n x"),
    "ids in References": header(b"References: ", b"<a@b>"),
    "openings in References": header(b"References: ", b"<"),
    "parentheses in References": header(b"References: ", b"("),
    "dates": header(b"Date: ", b"Sun, "),
    "10,000 fields": b"X: y\r\n" * 10_000 + HEAD + b"\r\ntext",
    "a field of 25 MB": b"X: " + b"y" * (25 * KB * KB) + b"\r\n" + HEAD + b"\r\ntext",
    "no blank line": b"X: y\r\n" * 100_000,
    "200,000 empty parts": HEAD + PARTS + b"--b\r\n" * 200_000,
    "100,000 parts with an empty header": HEAD + PARTS + b"--b\r\n\r\n" * 100_000,
    "boundaries inside lines": HEAD + PARTS + b"x--b" * 200_000,
    "parts of HTML": HEAD + PARTS + b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n" * 5000,
    "10,000 multiparts in each other": nested(b"mixed", 10_000),
    "10,000 alternatives in each other": nested(b"alternative", 10_000),
    "one boundary for all": HEAD + (PARTS + b"--b\r\n") * 5000,
    "10,000 mails in each other": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "digests": HEAD + b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\r\n\r\nA: b\r\n\r\n" * 5000,
    "wrong boundary": HEAD
    + b"Content-Type: multipart/mixed; boundary=no\r\n\r\n"
    + b"--b\r\nContent-Typ: x\r\n" * 20_000,
    "500 KB of <div>": html(b"<div>"),
    "500 KB of <p>": html(b"<p>"),
    "500 KB of <b>": html(b"<b>"),
    "500 KB of </p>": html(b"</p>"),
    "500 KB of <table>": html(b"<table>"),
    "500 KB of <td>": html(b"<td>"),
    "500 KB of <blockquote>": html(b"<blockquote>"),
    "500 KB of <": html(b"<"),
    "500 KB of <a ": html(b"<a "),
    "500 KB of an open attribute": html(b'<a b="'),
    "500 KB of attributes": HEAD + b"Content-Type: text/html\r\n\r\n<p " + heap(b"a=b ", 500 * KB) + b">",
    "1 MB of &": html(b"&", 1000 * KB),
    "1 MB of &amp;": html(b"&amp;", 1000 * KB),
    "500 KB of <!--": html(b"<!--"),
    "500 KB of <style>": html(b"<style>"),
    "500 KB of hidden parts": html(b'<p style="display:none">'),
    "500 KB of numbers": html(b"&#99999999999;"),
    "On ... wrote": text(b"On a wrote:\n"),
    "On, line by line": text(b"On\n"),
    "50 KB of blank lines": text(b"\n"),
    "50 KB of marks": text(b"> > > x\n"),
    "50 KB of signatures": text(b"-- \n"),
    "50 KB of forwarded headers": text(b"From: a\nSent: b\nTo: c\nSubject: d\n\n"),
    "50 KB of rules": text(b"_____\n"),
    "one line of 50 KB": text(b"> "),
    "50 KB of recipients in a bounce": text(b"<a@x.example>: 550 5.1.1 no\n", head=DAEMON),
    "50 KB of codes in a bounce": text(b"550 5.1.1 ", head=DAEMON),
    "10,000 recipients in a report": DAEMON
    + b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n"
    + b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    + b"Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * 10_000,
    "zero octets": b"\0" * 100_000,
    "no octets": b"",
    "base64 that is none": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 1_000_000,
    "soft line breaks": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 300_000,
    "escapes between charsets": HEAD
    + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
    + b"\x1b$B\x1b(B" * 20_000,
}


def given_up(raw: bytes) -> str:
    """Why a child gives up reading it; empty where it does not."""
    try:
        CHILDREN.call(read, raw, "")
    except JobFailed as failed:
        return str(failed)
    return ""


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds; the least of two, for others use the machine, too."""
    used: list[float] = []
    for _ in range(2):
        before = time.process_time()
        work()
        used.append(time.process_time() - before)
    return min(used)


def judge() -> bool:
    """Print what reading and showing take; whether each mail is read in time, or given up in time."""
    good = True
    for name, raw in WORST.items():
        mail = read(raw, "").mail
        reading, showing = seconds(partial(read, raw, "")), seconds(partial(clean, mail.html or ""))
        since = time.monotonic()
        why = given_up(raw)
        took = time.monotonic() - since
        fine = max(reading, showing) <= READ_SECONDS or (why != "" and took <= GIVEN_UP_SECONDS)
        good = good and fine
        print(f"{'ok ' if fine else 'BAD'} read {reading * 1000:4.0f} ms, shown {showing * 1000:4.0f} ms  {name} {why}")
    return good
