"""Reading the text of a bounce for people: one small engine over the phrases and marks of `report_data`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gatepost.mail import Mail
from gatepost.threading.report_data import (
    DAEMON_NAMES,
    DAEMONS,
    DELAY_PHRASES,
    FINAL_PHRASES,
    MACHINE_HEADERS,
    PHRASES,
    RETURNED_MARKS,
    SUBJECTS,
)
from gatepost.threading.report_lines import RESPONSE, Named, addresses, announces, bare_names, find_recipients

LINE_LIMIT = 3000
LINE_LENGTH = 1000
HEADER_LINE = re.compile(
    r"(received|return-path|message-id|date|from|to|subject|x-[\w-]{1,60}|dkim-signature|mime-version):", re.IGNORECASE
)
SENDER = "the sender is a mail system"
SUBJECT = "the subject is that of a bounce"
SURE = ("the sender is MAILER-DAEMON", "a delivery status part", "the return path is MAILER-DAEMON")
MAXIMUM = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """What the text says: (address, lines about it) per recipient, all text, whether it only warns, and why.

    `others` are further names by lower-case address; `guessed`: only the returned header names the recipient.
    """

    recipients: tuple[tuple[str, str], ...]
    text: str
    delayed: bool
    says_failure: bool
    why: tuple[str, ...]
    guessed: bool = False
    others: dict[str, str] = field(default_factory=dict)

    def other(self, address: str) -> str:
        """The other name of an address in lower case, "" if there is none."""
        return self.others.get(address.lower(), "").lower()


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
    return_path = (mail.header("return-path") or "x").strip().lower()
    if return_path == "<>":
        signs.append("the return path is empty")
    elif return_path.strip("<> ").startswith("mailer-daemon"):
        signs.append("the return path is MAILER-DAEMON")
    subject = mail.subject.lower()
    answers = subject[:3] in ("re:", "aw:", "fw:") and bool(mail.in_reply_to or mail.references)
    if not answers and any(word in subject for word in SUBJECTS):
        signs.append(SUBJECT)
    if mail.header("x-failed-recipients"):
        signs.append("X-Failed-Recipients")
    signs.extend(f"{name.title()} is set" for name in MACHINE_HEADERS if mail.header(name))
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


FOLLOWS = ("follows", "follows.")


def _is_mark(line: str) -> bool:
    bare = line[:LINE_LENGTH].strip()
    if not 8 < len(bare) < 120:
        return False
    dashed = bare[0] in "-=*_~>|" or bare.endswith((":", "--", "==", "**")) or bare[-8:].lower().endswith(FOLLOWS)
    if not dashed:  # as most lines
        return False
    lower = bare.lower()
    return " not " not in lower and any(mark in lower for mark in RETURNED_MARKS)


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
    failed = failed_recipients(mail)
    lines = [line[:LINE_LENGTH] for line in text.split("\n")[:LINE_LIMIT]]
    found = find_recipients(lines, _others(mail, returned)) if says or failed else []
    guessed = False
    if failed:
        found = _with_header(found, failed, _others(mail, returned), text)
    elif not found and says and len(signs) > 1:
        found = _by_bare_names(mail, returned, lines, signs) or _by_returned(returned, text)
        guessed = True
    machine = SENDER in signs or any(mail.header(name) for name in MACHINE_HEADERS)
    strong = bool(failed) or (machine and len(signs) > 1) or any(sign in SURE for sign in signs)
    if not strong and not (signs and says and _has_shape(mail, signs, lines)):
        found = []
    found = found[:MAXIMUM]
    why = (*signs, "the text says that a mail was not delivered") if says else tuple(signs)
    others = {named.address.lower(): named.other for named in found if named.other}
    told = tuple((named.address, named.text) for named in found)
    delayed = _is_delayed(mail.subject.lower(), lower)
    return Notice(told, text, delayed, says and strong and len(signs) > 1, why, guessed, others)


def _with_header(found: list[Named], failed: Sequence[str], wrong: set[str], text: str) -> list[Named]:
    """What the text names, unless X-Failed-Recipients shows that it is the same or that the text names others."""
    said = {name.lower(): named for named in found for name in (named.address, named.other) if name}
    if found and not any(key in said for key in [*wrong, *map(str.lower, failed)]):
        return found
    return [said.get(address.lower(), Named(address, text)) for address in failed]


def _has_shape(mail: Mail, signs: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether a mail with weak signs has a server's answer on a line, or begins as only a bounce does."""
    machine = any(sign != SUBJECT for sign in signs)
    return (machine and any(RESPONSE.match(line.strip()) for line in lines)) or _begins_as_bounce(mail, lines)


def _begins_as_bounce(mail: Mail, lines: Sequence[str]) -> bool:
    """Whether a mail that answers none says in its first lines, without greeting, that it comes back from whom."""
    if mail.in_reply_to or mail.references:
        return False
    first = [line.strip() for line in lines[:40] if line.strip("*-=_# \t")][:5]
    for line, after in pairwise(first):
        if "be delivered to" in line.lower() and (announces(line) or line.lower().endswith(" to")):
            found = addresses(after)
            return bool(found) and not after[: found[0][0]].strip("<\"'")
    return False


def _is_delayed(subject: str, lower: str) -> bool:
    if not any(phrase in subject or phrase in lower for phrase in DELAY_PHRASES):
        return False
    if any(word in subject for word in ("delay", "warning", "still")):
        return True
    return not any(phrase in lower for phrase in FINAL_PHRASES)


def failed_recipients(mail: Mail) -> list[str]:
    """The addresses of X-Failed-Recipients."""
    value = " ".join(mail.all("x-failed-recipients")[:50])[:8192]
    return list(dict.fromkeys(address for _, _, address in addresses(value)))


def _others(mail: Mail, returned: Mail | None) -> set[str]:
    """Addresses that are the sender's or the reporter's, never a recipient's."""
    boxes = [*mail.from_, *mail.to, *(returned.from_ if returned else ()), *(returned.sender if returned else ())]
    return {box.address.key for box in boxes if box.address}


def _by_returned(returned: Mail | None, text: str) -> list[Named]:
    """The only recipient in the returned header, or those whose names stand in the text, where it has no address."""
    if returned is None:
        return []
    kept = list(returned.all("x-original-to") or returned.all("delivered-to"))
    keys = [found[0][2] for value in kept if (found := addresses(value[:LINE_LENGTH]))]
    boxes = [box for box in (*returned.to, *returned.cc) if box.address][:MAXIMUM]
    unique = list(dict.fromkeys([str(box.address) for box in boxes] or keys))
    if len(unique) > 1:
        lower = text.lower()
        unique = [str(box.address) for box in boxes if len(box.name or "") > 4 and (box.name or "").lower() in lower]
        return [Named(address, text) for address in dict.fromkeys(unique)]
    return [Named(address, text) for address in unique]


def _by_bare_names(mail: Mail, returned: Mail | None, lines: Sequence[str], signs: Sequence[str]) -> list[Named]:
    """Local parts after an announcement: with the domain of the returned header, or of the daemon that says so."""
    names = bare_names(lines)
    shown = [str(box.address) for box in (returned.to if returned else ()) if box.address]
    by_local = {address.partition("@")[0].lower(): address for address in shown}
    if any(name.lower() in by_local for name in names):
        return [Named(by_local[name.lower()], "\n".join(lines)) for name in names if name.lower() in by_local]
    domain = mail.from_[0].address.domain if mail.from_ and mail.from_[0].address else ""
    if not names or not domain or SURE[0] not in signs or shown:
        return []
    return [Named(f"{name}@{domain}", "\n".join(lines)) for name in names]
