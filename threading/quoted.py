"""What the person wrote, without the mail that was answered, its announcement and signatures."""

from dataclasses import dataclass

from gatepost.mail import Mail
from gatepost.threading.quoted_html import own_text
from gatepost.threading.quoted_text import cut_text

PARENT_LINES = 20_000
PARENT_WORDS = 12


@dataclass(frozen=True, slots=True)
class Quoted:
    """The answer alone, what was cut off it, and what showed the cut; `reply` is empty only for an empty mail."""

    reply: str
    quoted: str
    why: tuple[str, ...]


def reply_text(mail: Mail, parent_text: str | None = None) -> Quoted:
    """Cut by HTML structure where there is only HTML, then by the text, then by comparison with the answered mail."""
    text, why = mail.text, tuple[str, ...]()
    if mail.html and not _has_plain(mail):
        text, why = own_text(mail.html)
    cut = cut_text(text)
    reply = trim(cut.kept)
    whys = [*why, *cut.why]
    if parent_text:
        shorter = without_parent(cut.kept, parent_text)
        if len(shorter) < len(cut.kept) and any(line.strip() for line in shorter):
            reply = trim(shorter)
            whys.append("lines of the answered mail")
    if not reply:
        return Quoted(mail.text.strip(), "", ("nothing would remain",))
    return Quoted(reply, trim(cut.cut), tuple(whys))


def _has_plain(mail: Mail) -> bool:
    return any(part.content_type == "text/plain" and part.disposition != "attachment" for part in mail.parts)


def trim(lines: list[str]) -> str:
    """Lines as text without blank lines around it and without blanks at line ends."""
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def without_parent(lines: list[str], parent_text: str) -> list[str]:
    """The lines without the run at the end that stands, mark and blanks aside, in the answered mail."""
    known = {_plain(line) for line in parent_text.split("\n")[:PARENT_LINES]} - {""}
    end = len(lines)
    matched = 0
    for index in range(len(lines) - 1, -1, -1):
        plain = _plain(lines[index])
        if not plain:
            continue
        if plain not in known:
            break
        matched += len(plain)
        end = index
    return lines[:end] if matched >= PARENT_WORDS else lines


def _plain(line: str) -> str:
    return " ".join(line.lstrip("> \t").split()).lower()
