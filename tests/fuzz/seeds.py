"""Mails to mutate: every shape that our readers know, written for this."""

from base64 import b64encode
from pathlib import Path

from tests.core.tnef import full, simple, winmail

BODY_LIMIT = 64 * 1024
HEAD = (
    b"Received: from mx.x.example (mx.x.example [192.0.2.1])\r\n\tby mx.gatepost.test; Sun, 22 Nov 2026 09:00:00 +0000\r\n"  # noqa: E501
    b'From: "Ana =?utf-8?q?Calder=C3=B3n?=" <ana@x.example>\r\nTo: support@gatepost.test, =?utf-8?b?w6Q=?= <b@y.example>\r\n'  # noqa: E501
    b"Cc: team: c@z.example, d@z.example;\r\nSubject: =?iso-8859-1?q?Re=3A_order?= [#12]\r\n"
    b"Date: Sun, 22 Nov 2026 09:00:00 +0100 (CET)\r\nMessage-ID: <1.2@x.example>\r\n"
    b"In-Reply-To: <0@gatepost.test>\r\nReferences: <a@x.example>\r\n <b@x.example> <0@gatepost.test>\r\nMIME-Version: 1.0\r\n"  # noqa: E501
)
HTML = (
    b'<html><head><style>p{color:red}</style></head><body><div dir="ltr">Thank you &amp; best<br>Ana</div>'
    b'<div class="gmail_quote"><div class="gmail_attr">On Sun, 22 Nov 2026 Ana &lt;a@x.example&gt; wrote:</div>'
    b'<blockquote style="margin:0;display:none"><p>Old <b>text</b> <img src="cid:1@x" width=1><a href="https://x.example/?a=b">x</a>'
    b"</blockquote></div><table><tr><td>1<td>2</table></body></html>"
)
PLAIN = (
    b"Thank you, it works.\r\n\r\nOn Sun, 22 Nov 2026 at 09:00, Support <support@gatepost.test> wrote:\r\n> Does it work?\r\n"  # noqa: E501
    b"> > It did not.\r\n\r\n-- \r\nAna\r\nSent from my phone\r\n________________________________\r\nFrom: B <b@y.example>\r\n"  # noqa: E501
    b"Sent: Monday\r\nTo: C\r\nSubject: D\r\n\r\nolder\r\n"
)
STATUS = (
    b"Reporting-MTA: dns; mx.y.example\r\nArrival-Date: Sun, 22 Nov 2026 09:00:00 +0000\r\n\r\n"
    b"Original-Recipient: rfc822;b@y.example\r\nFinal-Recipient: rfc822; b@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"  # noqa: E501
    b"Diagnostic-Code: smtp; 550 5.1.1 <b@y.example>: user\r\n unknown\r\n"
)


def part(kind: bytes, content: bytes, *more: bytes) -> bytes:
    return b"\r\n".join((b"Content-Type: " + kind, *more, b"", content))


def mixed(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(b"--=_b1\r\n" + one + b"\r\n" for one in parts)
    return b"Content-Type: multipart/" + kind + b'; boundary="=_b1"\r\n\r\n' + body + b"--=_b1--\r\n"


def bounce(body: bytes) -> bytes:
    return (
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@y.example (Mail Delivery System)\r\nTo: b+abc@bounce.gatepost.test\r\n"
        b"Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\n"  # noqa: E501
    ) + body


TEXT = part(b"text/plain; charset=utf-8", PLAIN)
RICH = part(b"text/html; charset=windows-1252", HTML, b"Content-Transfer-Encoding: 7bit")
QUOTED = part(
    b"text/plain; charset=iso-2022-jp; format=flowed",
    b"=1B$B%=1B(B =3D=\r\nx",
    b"Content-Transfer-Encoding: quoted-printable",
)
PDF = part(
    b"application/pdf; name*0*=utf-8''%e2%82%ac; name*1=rest.pdf",
    b"JVBERi0xLjQKJeLjz9MK" * 20,
    b"Content-Transfer-Encoding: base64",
    b'Content-Disposition: attachment; filename="=?utf-8?q?=E2=80=AEfdp.exe?="',
)
IMAGE = part(b"image/png", b"iVBORw0KGgo=", b"Content-Transfer-Encoding: base64", b"Content-ID: <1@x>")
NESTED = part(b"message/rfc822", HEAD + TEXT)
INVITATION = part(b"text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR")
PACKED = b64encode(winmail(full("Plan.pdf", b"%PDF", kind="application/pdf"), simple(b"A.TXT", b"a")))
TNEF = part(b"application/ms-tnef; name=winmail.dat", PACKED, b"Content-Transfer-Encoding: base64")
REPORT = bounce(
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\r\nI am sorry.\r\n--r\r\n"
    + part(b"message/delivery-status", STATUS)
    + b"\r\n--r\r\n"
    + NESTED
    + b"\r\n--r--\r\n"
)
FREE_TEXT = bounce(
    b"\r\nThis is the mail system. I could not deliver your message:\r\n\r\n<b@y.example>: host mx.y.example[192.0.2.1] said:\r\n"  # noqa: E501
    b"    550 5.1.1 User unknown (in reply to RCPT TO command)\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n"  # noqa: E501
    + HEAD
    + TEXT
)
COMPLAINT = bounce(
    mixed(
        b"report; report-type=feedback-report",
        TEXT,
        part(
            b"message/feedback-report",
            b"Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\nOriginal-Rcpt-To: b@y.example",
        ),
        NESTED,
    )
)
SEEDS = (
    HEAD + TEXT,
    HEAD + RICH,
    HEAD + QUOTED,
    HEAD + mixed(b"alternative", TEXT, RICH),
    HEAD + mixed(b"mixed", TEXT, PDF, NESTED, INVITATION, TNEF),
    HEAD + mixed(b"related", RICH, IMAGE),
    HEAD + mixed(b"signed", TEXT, part(b"application/pgp-signature", b"-----BEGIN PGP SIGNATURE-----")),
    HEAD + mixed(b"digest", HEAD + PLAIN, HEAD + PLAIN),
    REPORT,
    FREE_TEXT,
    COMPLAINT,
    HEAD
    + b"Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\nPrecedence: bulk\r\nList-Id: <x.example>\r\n"
    + TEXT,
)


def seeds(folder: Path | None = None) -> tuple[bytes, ...]:
    """Ours, and every file of a folder, cut to 64 KB."""
    if folder is None:
        return SEEDS
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".json", ".md"))
    return SEEDS + tuple(path.read_bytes()[:BODY_LIMIT] for path in files)
