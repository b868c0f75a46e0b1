"""What was said in one attempt to send, both ways: for people to read, so secrets are masked and content is a number.

Lines begin with `C: ` (we), `S: ` (the server) or `* ` (a remark). Whatever a server says is cleaned and cut.
"""

import base64
from collections.abc import Iterable, Sequence

from aiosmtplib.response import SMTPResponse

from gatepost.gateway.route import Hop
from gatepost.reply import Reply, shown

LIMIT = 16 * 1024
LINE_LIMIT = 512
ANSWER_LINES = 40
LINES_LIMIT = 400
MASK = "***"
SHORTEST_SECRET = 4


class Dialogue:
    """The lines of one attempt, in order."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.lines: list[str] = []
        self.secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def client(self, line: str) -> None:
        """A command of ours; AUTH with its argument masked."""
        self.add("C: ", line)

    def server(self, code: int, text: str) -> None:
        """An answer, a line for each of its lines."""
        rows = text.split("\n", ANSWER_LINES)
        for row in rows[:ANSWER_LINES]:
            self.add("S: ", f"{code}{' ' if row is rows[-1] else '-'}{self.masked(row)}")
        if len(rows) > ANSWER_LINES:
            self.note("more lines of this answer are left out")

    def response(self, response: SMTPResponse) -> None:
        """An answer as aiosmtplib has it."""
        self.server(response.code, response.message)

    def note(self, text: str) -> None:
        """A remark of ours about what happened."""
        self.add("* ", self.masked(text))

    def add(self, who: str, text: str) -> None:
        if len(self.lines) < LINES_LIMIT:
            self.lines.append(who + clean(text))

    def masked(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text

    def text(self) -> str:
        """All of it, at most 16 KB: of what is longer, the beginning and the end."""
        whole = "\n".join(self.lines)
        if len(whole.encode("utf-8", "replace")) <= LIMIT:
            return whole
        half = LIMIT // 2 - 100
        head = whole.encode("utf-8", "replace")[:half].decode("utf-8", "ignore")
        tail = whole.encode("utf-8", "replace")[-half:].decode("utf-8", "ignore")
        return f"{head.rpartition(chr(10))[0]}\n* lines in between are left out\n{tail.partition(chr(10))[2]}"


def clean(text: str) -> str:
    """One line that can be shown, at most 512 characters."""
    text = text[:LINE_LIMIT]
    return text if text.isascii() and text.isprintable() else shown(text)


def secrets_of(hop: Hop) -> Sequence[str]:
    """The password of a hop as a server could repeat it: plain, and as AUTH PLAIN and LOGIN carry it."""
    if not hop.password:
        return ()
    plain = f"\0{hop.username}\0{hop.password}"
    return (hop.password, *(base64.b64encode(text.encode()).decode() for text in (plain, hop.password)))


def pretended(host: str, helo: str, mail_from: str, recipient: str, size: int, reply: Reply, after_data: bool) -> str:
    """The dialogue that a server which is only played would have had; without a code there was no connection."""
    said = Dialogue()
    if reply.code is None:
        said.note(f"no connection was made: {reply}")
        return said.text()
    said.server(220, f"mx.{host} ESMTP Sandbox, nothing leaves Gatepost")
    said.client(f"EHLO {helo}")
    said.server(250, f"mx.{host}\nPIPELINING\nSIZE 26214400\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES")
    said.client(f"MAIL FROM:<{mail_from}> SIZE={size}")
    said.server(250, "2.1.0 Sender ok")
    said.client(f"RCPT TO:<{recipient}>")
    if after_data:
        said.server(250, "2.1.5 Recipient ok")
        said.client("DATA")
        said.server(354, "End data with <CR><LF>.<CR><LF>")
        said.client(f"({size} bytes)")
    said.server(reply.code, " ".join(part for part in (reply.status, reply.text) if part))
    return said.text()
