"""Mutations of mails: what senders break, and what attackers write. The same number always makes the same mail."""

from collections.abc import Sequence
from random import Random

MOST = 128 * 1024
TOKENS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b";",
        b":",
        b",",
        b"<",
        b">",
        b"(",
        b")",
        b'"',
        b"\\",
        b"=",
        b"@",
        b"--",
        b"[",
        b"]",
    ),
    *(
        b"=?utf-8?q?",
        b"?=",
        b"=?x?b?AAA",
        b"\r\n\r\n",
        b"--=_b1\r\n",
        b"--=_b1--",
        b"boundary=",
        b"Content-Type: ",
        b"\xff\xfe",
        b"\x80",
    ),
    *(
        b"From: ",
        b"text/html",
        b"multipart/mixed",
        b"message/rfc822",
        b"charset=",
        b"charset=utf-7",
        b"charset=utf-16",
        b"base64",
        b"*0*=",
    ),
    *(
        b"<div>",
        b"</",
        b"<!--",
        b"<table>",
        b"<blockquote>",
        b"&#",
        b"&#x10FFFF;",
        b"<style>",
        b"style='display:none'",
        b"<a href=",
        b"<p ",
    ),
    *(
        b"On ",
        b" wrote:\n",
        b"\n> ",
        b"-- \n",
        b"Final-Recipient: rfc822;",
        b"Status: 5.",
        b"550 5.1.1 ",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
    ),
    *(
        b"Date: ",
        b"99999999999999999999",
        b"-1",
        b"Sun, 32 Nov 0000 99:99:99 +9999",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"%00",
        b"\x1b$B",
    ),
)


def mutated(number: int, seeds: Sequence[bytes]) -> bytes:
    """The mail of this number."""
    random = Random(number)
    mail = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 4, 8, 24))):
        CHANGES[random.randrange(len(CHANGES))](random, mail, seeds)
        del mail[MOST:]
    return bytes(mail)


def place(random: Random, mail: bytearray) -> int:
    """Somewhere, in headers more often than in the long rest."""
    return random.randrange(min(len(mail), random.choice((200, 1000, MOST))) + 1)


def flip(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at = place(random, mail)
    mail[at : at + 1] = bytes((random.randrange(256),))


def insert(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at = place(random, mail)
    mail[at:at] = random.choice(TOKENS)


def overwrite(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at, token = place(random, mail), random.choice(TOKENS)
    mail[at : at + len(token)] = token


def cut(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at = place(random, mail)
    del mail[at : at + random.choice((1, 2, 10, 100, 1000))]


def end(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    del mail[place(random, mail) :]


def repeat(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at = place(random, mail)
    piece = mail[at : at + random.choice((1, 2, 8, 40, 200))]
    mail[at:at] = piece * random.choice((1, 2, 10, 100, 500))


def heap(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    at = place(random, mail)
    mail[at:at] = random.choice(TOKENS) * random.choice((10, 100, 2000))


def swap(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    lines = bytes(mail).split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    mail[:] = b"\n".join(lines)


def splice(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    other = random.choice(seeds)
    at = random.randrange(len(other) + 1)
    mail[place(random, mail) :] = other[at:]


def nest(random: Random, mail: bytearray, seeds: Sequence[bytes]) -> None:
    mail[:0] = b"Content-Type: message/rfc822\r\n\r\n" * random.choice((1, 3, 30))


CHANGES = (flip, flip, insert, insert, overwrite, overwrite, cut, end, repeat, heap, swap, splice, nest)
