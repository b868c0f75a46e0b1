"""Mails made up for benchmarks: threads with answers, HTML and attachments; the same ones for the same seed."""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from bench.filler import header_id
from bench.filler import writer as writer_of

START = datetime(2020, 1, 1, tzinfo=UTC)
PEOPLE = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SENTENCES = (
    "Thank you for your message about the order.",
    "The delivery came on Monday, and two of the boxes were open.",
    "Please find the invoice below; it is the same as last month.",
    "I could not log in this morning, the page says that my account is closed.",
    "We will look into it and come back to you as soon as we can.",
    "Could you tell me when the next appointment is free?",
    "My colleague has the details, and I have put her in copy.",
    "With kind regards from all of us here",
)


@dataclass(slots=True)
class Thread:
    """A conversation in the making: what an answer needs to know of it."""

    subject: str
    people: list[str]
    ids: list[str] = field(default_factory=list)
    last: str = ""


@dataclass(slots=True)
class Maker:
    """Mails one after the other: a third begins a thread, the others answer one of the last 50.

    With `answers` those that would begin one answer one of so many mails that `bench.filler` has stored. Each has 3 to
    11 lines of its own, 12 to 29 where they are `long`, and those of the mail that it answers.
    """

    repetitive: bool
    seed: int = 1
    answers: int = 0
    long: bool = False
    open_threads: list[Thread] = field(default_factory=list)

    def mails(self, count: int) -> Iterator[bytes]:
        """So many mails, oldest first."""
        chance = random.Random(f"{self.seed} {self.repetitive}")
        for number in range(count):
            yield self.mail(chance, number)

    def mail(self, chance: random.Random, number: int) -> bytes:
        if not self.open_threads or chance.random() < 1 / 3:
            pair = [f"person{chance.randrange(PEOPLE)}@example{n}.test" for n in (1, 2)]
            thread = Thread(self.words(chance, 5).rstrip("."), pair)
            if self.answers:
                answered = chance.randrange(self.answers)
                thread.ids.append(header_id(answered))
                thread.people = [writer_of(answered), pair[1]]
            self.open_threads = [*self.open_threads[-49:], thread]
        thread = chance.choice(self.open_threads) if chance.random() < 0.7 else self.open_threads[-1]
        lines = chance.randrange(12, 30) if self.long else chance.randrange(3, 12)
        text = "\n".join(self.words(chance, 12) for _ in range(lines))
        quoted = "\n".join(f"> {line}" for line in thread.last.splitlines())
        body = f"{text}\n\nOn Monday, {thread.people[0]} wrote:\n{quoted}\n" if quoted else f"{text}\n"
        writer = thread.people[0]
        identity = f"{number}.{chance.getrandbits(64):x}@{writer.partition('@')[2]}"
        header = [
            f"Received: from mail.{writer.partition('@')[2]} by mx.example.test; {date_of(number)}",
            f"From: Person <{writer}>",
            f"To: <{thread.people[1]}>",
            f"Subject: {'Re: ' if thread.ids else ''}{thread.subject}",
            f"Date: {date_of(number)}",
            f"Message-ID: <{identity}>",
            "MIME-Version: 1.0",
        ]
        if thread.ids:
            header.append(f"In-Reply-To: <{thread.ids[-1]}>")
            header.append("References: " + "\n ".join(f"<{one}>" for one in thread.ids[-10:]))
        thread.ids.append(identity)
        thread.last = text
        return ("\n".join(header) + "\n" + content(chance, body)).encode()

    def words(self, chance: random.Random, count: int) -> str:
        """A line: a sentence that comes again and again, or words that never do."""
        if self.repetitive:
            return chance.choice(SENTENCES)
        return " ".join("".join(chance.choices(LETTERS, k=chance.randrange(3, 10))) for _ in range(count))


def date_of(number: int) -> str:
    return format_datetime(START + timedelta(minutes=number))


def content(chance: random.Random, text: str) -> str:
    """The text alone (half of them), with HTML (four in ten), or with an attachment too."""
    kind = chance.random()
    if kind < 0.5:
        return f"Content-Type: text/plain; charset=utf-8\n\n{text}"
    plain = f"--b1\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    lines = "".join(f"<p>{line.replace('>', '&gt;')}</p>\n" for line in text.splitlines())
    html = f"--b1\nContent-Type: text/html; charset=utf-8\n\n<html><body>\n{lines}</body></html>\n--b1--\n"
    if kind < 0.9:
        return f'Content-Type: multipart/alternative; boundary="b1"\n\n{plain}{html}'
    octets = base64.encodebytes(chance.randbytes(4000)).decode()
    file = f'--b2\nContent-Type: application/pdf; name="a.pdf"\nContent-Transfer-Encoding: base64\n\n{octets}\n--b2--\n'
    inner = f'--b2\nContent-Type: multipart/alternative; boundary="b1"\n\n{plain}{html}'
    return f'Content-Type: multipart/mixed; boundary="b2"\n\n{inner}{file}'
