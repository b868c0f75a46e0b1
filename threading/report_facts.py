"""One recipient's facts: out of delivery status fields, out of the text for people, or out of both together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gatepost.threading.report_codes import is_hard, is_vague, read_code, read_reason, read_status
from gatepost.threading.report_fields import ACTIONS, Fields
from gatepost.threading.report_text import Notice

RECIPIENT_LIMIT = 500
TEXT_LENGTH = 1000
EVIDENCE_LINES = 12


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of the mail that the report is about.

    `action` is failed, delayed, delivered, relayed, expanded or complained; `status` an enhanced code or None, `code` a
    reply code or None; `reason` a class such as "mailbox full"; `hard` says that the address itself is no good;
    `original` is the other name that the report gives the recipient; `remote` the server that said it, "" where nobody
    tells; `evidence` are the lines that all this was read from.
    """

    address: str
    action: str
    status: str | None
    code: int | None
    text: str
    reason: str
    hard: bool
    original: str | None = None
    remote: str = ""
    evidence: tuple[str, ...] = ()


def structured(group: Fields) -> Recipient:
    """One per-recipient group of fields (RFC 3464 section 2.3)."""
    action = group.action if group.action in ACTIONS else ("delayed" if (group.status or "")[:1] == "4" else "failed")
    status = group.status
    told = read_status(group.diagnostic)
    if told and is_vague(status):
        status = told
    code = read_code(group.diagnostic, status)
    reason = read_reason(group.diagnostic, status)
    hard = action == "failed" and is_hard(reason, status, code)
    text = group.diagnostic
    return Recipient(group.address, action, status, code, text, reason, hard, group.original, group.remote, group.lines)


def completed(fact: Recipient, notice: Notice | None, alone: bool) -> Recipient:
    """Codes that the fields lack, out of the text for people about the same recipient."""
    if notice is None or fact.action not in ("failed", "delayed"):
        return fact
    if fact.code and fact.status and fact.status[2:] != "4.7" and fact.reason != "unknown":
        return fact
    names = {fact.address.lower(), (fact.original or "").lower()} - {""}
    texts = [text for address, text in notice.recipients if names & {address.lower(), notice.other(address)}]
    if not texts and alone:
        texts = [notice.text]
    text = "\n".join(texts)
    told = read_status(text)
    unclear = is_vague(fact.status) and (fact.code is None or fact.status is None or fact.status[2:] == "4.7")
    status = told if told and unclear and not is_vague(told) else fact.status or told
    code = fact.code or read_code(text, status)
    reason = fact.reason if fact.reason != "unknown" else read_reason(text, status)
    said = fact.text or flat(text)
    hard = fact.action == "failed" and is_hard(reason, status, code)
    return replace(fact, status=status, code=code, reason=reason, text=said, hard=hard)


def told(address: str, text: str, notice: Notice) -> Recipient:
    """A recipient that only the text for people names."""
    alone = len(notice.recipients) == 1
    status = read_status(text) or (read_status(notice.text) if alone else None)
    code = read_code(text, status) or (read_code(notice.text, status) if alone else None)
    reason = read_reason(text, status)
    if reason == "unknown":
        reason = read_reason(notice.text, status)
    action = "delayed" if notice.delayed else "failed"
    hard = action == "failed" and is_hard(reason, status, code)
    original = notice.others.get(address.lower())
    return Recipient(address, action, status, code, flat(text), reason, hard, original, "", evidence(text))


def flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text[: TEXT_LENGTH * 4].split())[:TEXT_LENGTH]


def evidence(text: str) -> tuple[str, ...]:
    """The first lines of a text that say anything."""
    lines = (line.strip()[:TEXT_LENGTH] for line in text[: TEXT_LENGTH * 8].split("\n"))
    return tuple(line for line in lines if line)[:EVIDENCE_LINES]


def unique(recipients: Sequence[Recipient]) -> list[Recipient]:
    """One fact per recipient; a failure outweighs what was said before it."""
    kept: dict[str, Recipient] = {}
    for fact in recipients:
        before = kept.get(fact.address.lower())
        if before is None or (before.action != "failed" and fact.action == "failed"):
            kept[fact.address.lower()] = fact
    return list(kept.values())[:RECIPIENT_LIMIT]


def named(groups: Sequence[Fields], failed: Sequence[str]) -> Iterator[Fields]:
    """The groups with an address; a lone group without one is about the lone address of X-Failed-Recipients."""
    if len(groups) == 1 and not groups[0].address and len(failed) == 1:
        yield replace(groups[0], address=failed[0])
        return
    yield from (group for group in groups if group.address)
