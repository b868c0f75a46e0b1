"""One SMTP reply (RFC 5321 section 4.2, RFC 3463): what a remote says, what we answer, what a bounce reports."""

import re
from dataclasses import dataclass

HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""A control, half of a character, bidi formatting, or something of zero width."""
BLANKS = dict.fromkeys(map(ord, "\t\r\n"), " ")
LEADING_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
TEXT_LIMIT = 2048


def capital(text: str) -> str:
    """A sentence with its first letter capital; a name such as `example.com` or `gp2026` at its beginning stays."""
    first = text.partition(" ")[0].rstrip(",.:;")
    return (
        text if any(not letter.isalpha() and letter not in "'’-" for letter in first) else text[:1].upper() + text[1:]
    )


def clean_text(text: str) -> str:
    """Remote text made safe to store and show: no control or bidi characters, one line, at most 2,048 characters."""
    return " ".join(shown(text[: TEXT_LIMIT * 4].translate(BLANKS)).split())[:TEXT_LIMIT]


def shown(text: str) -> str:
    """A text without what is not shown."""
    return HIDDEN.sub("", text)


def is_shown(char: str) -> bool:
    """Whether a character is neither a control, nor bidi formatting, nor of zero width."""
    return not HIDDEN.match(char)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply code (None where no server spoke), an enhanced status code as `5.1.1` or None, the text without both."""

    code: int | None
    status: str | None = None
    text: str = ""

    @property
    def digit(self) -> int:
        """The class: 2, 4 or 5, from the code, else from the status (RFC 3463 section 2); 4 if unknown."""
        if self.code is not None and 200 <= self.code < 600:
            return {2: 2, 3: 2, 4: 4, 5: 5}[self.code // 100]
        if self.status:
            return int(self.status[0])
        return 4

    @property
    def positive(self) -> bool:
        """Accepted (2xx) or to be continued (3xx)."""
        return self.digit == 2

    @property
    def temporary(self) -> bool:
        """Worth another try (4xx); also what nobody understands."""
        return self.digit == 4

    @property
    def permanent(self) -> bool:
        """Final (5xx)."""
        return self.digit == 5

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.code, self.status, self.text) if part)


def read_reply(code: int, text: str) -> Reply:
    """The reply of a remote server: its code and its text, of which a leading enhanced status code is split off.

    Several lines may be joined by line feeds; each line's repeated status is dropped.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    status: str | None = None
    kept: list[str] = []
    for line in lines[:100]:
        found = LEADING_STATUS.match(line)
        if found:
            status = status or found[1]
            line = line[found.end() :]
        kept.append(line)
    return Reply(code, status, clean_text("\n".join(kept)))


class Refused(Exception):
    """A request that is answered with this reply; what we say to an SMTP client, an API caller and a page alike."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(f"{code} {status} {text}")
        self.reply = Reply(code, status, text)


TROUBLE = Reply(451, "4.3.0", "Internal trouble, nothing was accepted; please try again later")
"""What every exception of ours is answered with: temporary, and it tells nothing."""
