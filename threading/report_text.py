"""Reading the text of a bounce for people: one small engine over the phrases and marks of `report_data`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gatepost.mail import Mail
from gatepost.threading.report_data import (
    DAEMON_NAMES,
    DAEMONS,
    DELAY_PHRASES,
    FINAL_PHRASES,
    LABELS,
    NOT_RECIPIENT,
    PHRASES,
    RETURNED_MARKS,
    SUBJECTS,
)

LINE_LIMIT = 3000
LINE_LENGTH = 1000
ADDRESS = re.compile(r"(?<![\w.+-])([\w.!#$%&'*+/=?^`{|}~-]{1,100}@[A-Za-z0-9][A-Za-z0-9._-]{0,250})")
BULLET = re.compile(r"[\s*>•\-–·]{0,12}")
HEADER_LINE = re.compile(
    r"(received|return-path|message-id|date|from|to|subject|x-[\w-]{1,60}|dkim-signature|mime-version):", re.IGNORECASE
)
RESPONSE = re.compile(r"(?:<<< ?)?[45]\d\d[ \-]")
REPORTERS = ("postmaster@", "abuse@", "mailer-daemon@", "hostmaster@", "support@", "helpdesk@")
ANNOUNCEMENTS = ("recipient", "address", "following user", "users:", "user(s)", "deliver", "distribution list")
ANNOUNCED_LINES = 3
SENDER = "the sender is a mail system"
SUBJECT = "the subject is that of a bounce"
SURE = ("the sender is MAILER-DAEMON", "a delivery status part")
MAXIMUM = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """What the text says: (address, lines about it) per recipient, all text, whether it only warns, and why."""

    recipients: tuple[tuple[str, str], ...]
    text: str
    delayed: bool
    says_failure: bool
    why: tuple[str, ...]
    guessed: bool = False


def is_from_daemon(mail: Mail) -> bool:
    """Whether sender, envelope or subject look like those of a mail system; a first sign, never enough alone."""
    return bool(_signs(mail))


def _signs(mail: Mail) -> list[str]:
    signs: list[str] = []
    sender = (mail.header("from") or "").lower()[:500]
    local = sender.rpartition("<")[2].split("@")[0]
    if "mailer-daemon" in sender or "mailer_daemon" in sender:
        signs.append(SURE[0])
    if any(name in local for name in DAEMONS) or any(name in sender for name in DAEMON_NAMES):
        signs.append(SENDER)
    if (mail.header("return-path") or "x").strip() == "<>":
        signs.append("the return path is empty")
    subject = mail.subject.lower()
    if subject[:3] not in ("re:", "aw:", "fw:") and any(word in subject for word in SUBJECTS):
        signs.append(SUBJECT)
    if mail.header("x-failed-recipients"):
        signs.append("X-Failed-Recipients")
    if mail.content_type == "multipart/report":
        if any(part.content_type.endswith("delivery-status") for part in mail.parts):
            signs.append(SURE[1])
        signs.append("multipart/report")
    return signs


def split_returned(text: str) -> tuple[str, str]:
    """The text before the returned mail, and the returned mail from its first header field on ("" if there is none)."""
    lines = text.split("\n")
    for index, line in enumerate(lines[:LINE_LIMIT]):
        if _is_mark(line) or _starts_header(lines, index):
            rest = index
            while rest < min(index + 12, len(lines)) and not HEADER_LINE.match(lines[rest].lstrip("> ")):
                rest += 1
            if rest < len(lines) and HEADER_LINE.match(lines[rest].lstrip("> ")):
                return "\n".join(lines[:index]), "\n".join(lines[rest:])
            if _is_mark(line) and line.strip()[0] in "-=*_~|":
                return "\n".join(lines[:index]), ""
    return text, ""


def _is_mark(line: str) -> bool:
    lower = line[:LINE_LENGTH].strip().lower()
    if not 8 < len(lower) < 120 or " not " in lower:
        return False
    dashed = lower[0] in "-=*_~>|" or lower.endswith((":", "--", "follows", "follows.", "==", "**"))
    return dashed and any(mark in lower for mark in RETURNED_MARKS)


def _starts_header(lines: Sequence[str], index: int) -> bool:
    """Two trace or identity fields close together are a header, whatever announces it."""
    head = lines[index][:40].lower()
    if not head.startswith(
        ("received:", "return-path:", "message-id:", "x-envelope", "dkim-signature:", "delivered-to:", "from:")
    ):
        return False
    later = [line[:40].lower() for line in lines[index + 1 : index + 12]]
    if head.startswith("from:"):
        return sum(line.startswith(("to:", "subject:", "date:", "message-id:")) for line in later) >= 3
    return any(
        line.startswith(("received:", "from:", "message-id:", "to:", "subject:", "date:")) for line in later
    ) or (head.startswith(("received:", "return-path:")) and "by " in lines[index])


def read_notice(mail: Mail, texts: Sequence[str], returned: Mail | None) -> Notice:
    """The recipients that the text names, by the strongest shape that any line has; conservative."""
    parts = [split_returned(text)[0] for text in texts]
    text = "\n".join(parts)
    lower = text.lower()
    signs = _signs(mail)
    says = len(signs) > 1 or any(phrase in lower for phrase in PHRASES)
    wrong = _others(mail, returned)
    failed = _header_recipients(mail)
    lines = [line[:LINE_LENGTH] for line in text.split("\n")[:LINE_LIMIT]]
    found = _by_lines(lines, wrong) if says or failed else []
    guessed = False
    told = {address.lower(): said for address, said in found}
    if failed and (not found or any(key in told for key in [*wrong, *map(str.lower, failed)])):
        found = [(address, told.get(address.lower(), text)) for address in failed]
    elif not found and says and len(signs) > 1:
        found = _by_returned(returned, text)
        guessed = True
    machine = [sign for sign in signs if sign != SUBJECT]
    shaped = (machine and _has_report_shape(lines)) or _begins_as_bounce(mail, lines)
    strong = bool(failed) or (SENDER in signs and len(signs) > 1) or any(sign in SURE for sign in signs)
    if not strong and not (signs and says and shaped):
        found = []
    delayed = _is_delayed(mail.subject.lower(), lower)
    why = (*signs, "the text says that a mail was not delivered") if says else tuple(signs)
    return Notice(tuple(found[:MAXIMUM]), text, delayed, says and strong and len(signs) > 1, why, guessed)


def _has_report_shape(lines: Sequence[str]) -> bool:
    return any(RESPONSE.match(line.strip()) for line in lines)


def _begins_as_bounce(mail: Mail, lines: Sequence[str]) -> bool:
    """Whether a mail that answers none says in its first lines, without greeting, that it comes back from whom."""
    if mail.in_reply_to or mail.references:
        return False
    first = [line.strip() for line in lines[:40] if line.strip()][:5]
    for line, after in pairwise(first):
        if _announces(line) and "be delivered to" in line.lower():
            found = ADDRESS.search(after)
            return found is not None and not after[: found.start()].strip("<\"'")
    return False


def _is_delayed(subject: str, lower: str) -> bool:
    if not any(phrase in subject or phrase in lower for phrase in DELAY_PHRASES):
        return False
    if any(word in subject for word in ("delay", "warning", "still")):
        return True
    return not any(phrase in lower for phrase in FINAL_PHRASES)


def _header_recipients(mail: Mail) -> list[str]:
    value = " ".join(mail.all("x-failed-recipients")[:50])[:8192]
    return list(dict.fromkeys(ADDRESS.findall(value)))


def _others(mail: Mail, returned: Mail | None) -> set[str]:
    """Addresses that are the sender's or the reporter's, never a recipient's."""
    boxes = [*mail.from_, *mail.to, *(returned.from_ if returned else ()), *(returned.sender if returned else ())]
    return {box.address.key for box in boxes if box.address}


def _by_returned(returned: Mail | None, text: str) -> list[tuple[str, str]]:
    """The only recipient in the returned header, where the text names none."""
    if returned is None:
        return []
    named = list(returned.all("x-original-to") or returned.all("delivered-to"))
    keys = [ADDRESS.findall(value)[0] for value in named if ADDRESS.search(value)]
    boxes = [str(box.address) for box in (*returned.to, *returned.cc) if box.address]
    unique = list(dict.fromkeys(boxes or keys))
    return [(unique[0], text)] if len(unique) == 1 else []


def _by_lines(lines: Sequence[str], wrong: set[str]) -> list[tuple[str, str]]:
    """Recipients by the strongest shape: a line that starts with the address, then a server's answer, then a label."""
    found: list[tuple[int, int, str]] = []
    announced = 0
    for index, line in enumerate(lines):
        if "@" in line:
            hits = _in_line(line)
            found.extend((max(strength, 3 * (announced > 0)), index, address) for strength, address in hits)
        announced = ANNOUNCED_LINES if _announces(line) else announced - bool(line.strip())
    found = [hit for hit in found if hit[2].lower() not in wrong] or [hit for hit in found if hit[0] > 3]
    if not found:
        return []
    best = max(strength for strength, _, _ in found)
    starts = [(index, address) for strength, index, address in found if strength == best]
    return _with_text(lines, starts)


def _announces(line: str) -> bool:
    """A sentence after which the recipients follow."""
    lower = line.strip().lower()
    return lower.endswith(":") and " " in lower and any(word in lower for word in ANNOUNCEMENTS)


def _in_line(line: str) -> list[tuple[int, str]]:
    """(strength, address) for each address in a line that may be a recipient."""
    matches = list(ADDRESS.finditer(line))[:20]
    lower = line.lower()
    hits: list[tuple[int, str]] = []
    for match in matches:
        address = match[1].rstrip(".-_'").lstrip("'`")
        address = address[5:] if address[:5].lower() == "smtp=" else address
        strength = _strength(line, lower, match)
        if strength:
            hits.append((strength, address))
    return hits


def _strength(line: str, lower: str, match: re.Match[str]) -> int:
    before = line[: match.start()]
    start = before[BULLET.match(before).end() :] if BULLET.match(before) else before  # type: ignore[union-attr]
    if start in ("", "<", '"', "'", "(", "["):
        return 4
    said = before.lower()[-60:]
    if start.lower().startswith(("to:", "cc:")) or said.rstrip(" :<").endswith(("generated from", "expanded from")):
        return 1
    if any(word in said for word in NOT_RECIPIENT) or match[1].lower().startswith(REPORTERS):
        return 0
    if RESPONSE.match(line.strip()) or "rcpt to" in lower:
        return 2
    if said.rstrip(" <'\"[(").endswith(":") or any(label in said for label in LABELS):
        return 2
    return 1


def _with_text(lines: Sequence[str], starts: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
    """Each address with the lines from its own to the next one's; said twice, both texts count."""
    texts: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for number, (index, address) in enumerate(starts):
        end = next((later for later, _ in starts[number + 1 :][:20] if later > index), len(lines))
        names.setdefault(address.lower(), address)
        texts.setdefault(address.lower(), []).append("\n".join(lines[index : min(end, index + 40)]))
    return [(names[key], "\n".join(said)) for key, said in texts.items()]
