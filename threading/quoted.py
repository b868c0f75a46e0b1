"""What the person wrote, without the mail that was answered, its announcement and signatures."""

from dataclasses import dataclass

from gatepost.mail import Mail
from gatepost.threading.quoted_html import own_text
from gatepost.threading.quoted_parent import mark_parent
from gatepost.threading.quoted_text import NOTHING_LEFT, Cut, cut_text, split_lines, unquoted_head


@dataclass(frozen=True, slots=True)
class Quoted:
    """The answer alone, what was cut off it, and what showed the cut; `reply` is empty only for an empty mail."""

    reply: str
    quoted: str
    why: tuple[str, ...]


def reply_text(mail: Mail, parent_text: str | None = None) -> Quoted:
    """Cut by comparison with the answered mail, by HTML structure where there is only HTML, and by the text.

    `parent_text` is the text of the mail that this one answers, where it is known.
    """
    text, why = mail.text, tuple[str, ...]()
    if mail.html and not _has_plain(mail):
        text, why = own_text(mail.html)
    cut, compared = _compared(text, parent_text) if parent_text else (cut_text(text), ())
    reply = trim(cut.kept)
    if not reply:
        return Quoted(mail.text.strip(), "", (NOTHING_LEFT,))
    return Quoted(reply, trim(cut.cut), (*compared, *why, *cut.why))


def reply_head(mail: Mail, most: int) -> str:
    """So many characters of `reply_text`'s reply, without looking at what comes later where that cannot matter."""
    lines = None if mail.html and not _has_plain(mail) else unquoted_head(mail.text, most)
    return (trim(lines) if lines else reply_text(mail).reply)[:most]


def _compared(text: str, parent_text: str) -> tuple[Cut, tuple[str, ...]]:
    """The text cut with the lines of the answered mail taken as quoted; as it is where those are all there is."""
    marked, count = mark_parent(split_lines(text), parent_text)
    if not count:
        return cut_text(text), ()
    cut = cut_text("\n".join(marked))
    if NOTHING_LEFT in cut.why:
        return cut_text(text), ()
    return cut, ("lines of the answered mail",)


def _has_plain(mail: Mail) -> bool:
    return any(part.content_type == "text/plain" and part.disposition != "attachment" for part in mail.parts)


def trim(lines: list[str]) -> str:
    """Lines as text without blank lines around it and without blanks at line ends."""
    return "\n".join(line.rstrip() for line in lines).strip("\n")
