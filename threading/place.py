"""Where an inbound mail belongs, and why: one pure function for every inlet (the table of design section 4).

References are hints, not proof: who joins is decided by what the mail carries together with who it is from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gatepost.model import Why
from gatepost.words import Strength

Carries = Literal["token", "minted", "known", "subject"]

WORDS: dict[Carries, str] = {
    "token": "the signed reply address",
    "minted": "a Message-ID that we signed",
    "known": "a Message-ID that we know",
    "subject": "the conversation number in the subject",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation that a mail points at: by what (`carries`), where it was found, and what that matched.

    `people` are the address keys of its participants and of the recipients of the message that was matched. Without a
    `conversation_id` it is a relayed message, `origin_id`, that nobody who may see this answer has answered yet.
    `shared` is set where the token or minted id went to several recipients: each knows it, and could write as another.
    """

    conversation_id: str | None
    number: int | None
    carries: Carries
    found_in: str
    matched: str
    requester: str
    people: frozenset[str]
    origin_id: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, as far as it is proven: the From address key (empty if there is none), its domain, the strength."""

    key: str
    domain: str
    strength: Strength

    @property
    def aligned(self) -> bool:
        """DMARC-aligned, or signed by DKIM that we verified ourselves."""
        return self.strength in (Strength.ALIGNED, Strength.BOTH)


@dataclass(frozen=True, slots=True)
class Placement:
    """The conversation a mail joins, or None for a new one, which may claim to belong to another; and why.

    With `origin_id` the new conversation begins with that relayed message, which this mail answers.
    `verified` is False where it joins unproven: it is marked, carries no commands and gets no automatic mail.
    """

    conversation_id: str | None
    claims_id: str | None
    verified: bool
    why: Why = field(default_factory=list)
    origin_id: str | None = None


def place(sender: Sender, candidates: Sequence[Candidate]) -> Placement:
    """Decide by the candidates in their order (strongest signal first); every one leaves its reason."""
    why: Why = []
    for candidate in candidates:
        joins, reason = judge(sender, candidate)
        why.append(signal(candidate, joins, reason))
        if joins:
            why += [signal(later, False, "an earlier signal had decided") for later in remaining(candidates, candidate)]
            return Placement(candidate.conversation_id, None, proven(sender, candidate), why, candidate.origin_id)
    claimed = next((candidate for candidate in candidates if candidate.conversation_id), None)
    if claimed:
        text = f"A new conversation, linked: it claims to belong to #{claimed.number}"
        return Placement(None, claimed.conversation_id, sender.aligned, [*why, {"result": "new", "text": text}])
    if candidates:
        text = "A new conversation: what it refers to was not sent to this address"
        return Placement(None, None, sender.aligned, [*why, {"result": "new", "text": text}])
    text = "A new conversation: the mail refers to none that we know"
    return Placement(None, None, sender.aligned, [{"result": "new", "text": text}])


def judge(sender: Sender, candidate: Candidate) -> tuple[bool, str]:
    """Whether this sender joins by this candidate, and the reason in words."""
    what = WORDS[candidate.carries]
    if not sender.key:
        return False, "the mail has no single From address"
    if sender.strength == Strength.FAILING:
        return False, f"it carries {what}, but the authentication of {sender.key} failed"
    if candidate.carries == "subject":
        if sender.key == candidate.requester:
            return True, f"it carries {what}, and {sender.key} is the requester"
        return False, f"{what} can be guessed, and {sender.key} is not the requester"
    if sender.key in candidate.people:
        return True, f"{sender.key} takes part"
    if candidate.carries in ("token", "minted") and sender.aligned and same_organisation(sender, candidate):
        return True, f"{sender.key} is of a participant's organisation and authenticated"
    return False, f"it carries {what}, but {sender.key} does not take part"


def same_organisation(sender: Sender, candidate: Candidate) -> bool:
    """Whether a participant has the sender's domain. Mail providers with many customers are nobody's organisation."""
    return sender.domain not in SHARED_DOMAINS and any(key.endswith("@" + sender.domain) for key in candidate.people)


def proven(sender: Sender, candidate: Candidate) -> bool:
    """A token or minted id that one recipient got is known to nobody else; the rest needs an authenticated sender."""
    return sender.aligned or (candidate.carries in ("token", "minted") and not candidate.shared)


def remaining(candidates: Sequence[Candidate], winner: Candidate) -> Sequence[Candidate]:
    return [later for later in candidates[candidates.index(winner) + 1 :] if later != winner]


def signal(candidate: Candidate, joins: bool, reason: str) -> dict[str, object]:
    """One reason as it is stored and shown."""
    outcome = "joined" if joins else "did not join"
    return {
        "signal": candidate.found_in,
        "carries": candidate.carries,
        "matched": candidate.matched,
        "conversation": candidate.number,
        "result": "joined" if joins else "passed over",
        "text": f"{candidate.found_in} matched {candidate.matched}: {outcome}, {reason}",
    }


SHARED_DOMAINS = frozenset(
    [
        *("aol.com", "fastmail.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.com"),
        *("icloud.com", "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me"),
        *("protonmail.com", "qq.com", "163.com", "126.com", "t-online.de", "web.de", "yahoo.com", "yahoo.co.jp"),
        *("yandex.ru", "ymail.com", "zoho.com"),
    ]
)
"""Domains of mail providers: sharing one makes two people no organisation."""
