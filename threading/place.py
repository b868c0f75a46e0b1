"""Where an inbound mail belongs, and why: one pure function for every inlet (the table of design section 4).

References are hints, not proof: who joins is decided by what the mail carries together with who it is from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gatepost.model import Why
from gatepost.words import Strength

Carries = Literal["token", "minted", "known", "provider", "subject", "words"]

WORDS: dict[Carries, str] = {
    "token": "the signed reply address",
    "minted": "a Message-ID that we signed",
    "known": "a Message-ID that we know",
    "provider": "the thread id of the mailbox's provider",
    "subject": "the conversation number in the subject",
    "words": "the same words in the subject",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """How careful placing is. `unproven`: a participant whom nothing proves joins, marked; else he is only linked.

    `subjects`: where nothing else leads anywhere, the same base subject among the same people joins (`archive`).
    """

    name: str
    unproven: bool = True
    subjects: bool = False


DESK = Policy("desk")
POLICIES = {
    policy.name: policy for policy in (DESK, Policy("strict", unproven=False), Policy("archive", subjects=True))
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation that a mail points at: by what (`carries`), where it was found, and what that matched.

    `people` are the address keys of its participants and of the recipients of the message that was matched. Without a
    `conversation_id` it is a relayed message, `origin_id`, that nobody who may see this answer has answered yet.
    `holder` is the one person who knows the token or minted id; empty where several do: each could write as another.
    `elsewhere` is set where the mail went to another mailbox of ours and to nobody of this conversation: passed on.
    `gone` says who deleted it for ever, or as spam, and when: nobody joins it any more.
    """

    conversation_id: str | None
    number: int | None
    carries: Carries
    found_in: str
    matched: str
    requester: str
    people: frozenset[str]
    origin_id: str | None = None
    holder: str = ""
    elsewhere: bool = False
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, as far as it is proven: the From address key (empty if there is none), its domain, the strength.

    `own` is set for an address of ours: it takes part nowhere, and only authenticated it is one of us.
    """

    key: str
    domain: str
    strength: Strength
    own: bool = False

    @property
    def aligned(self) -> bool:
        """DMARC-aligned, or signed by DKIM that we verified ourselves."""
        return self.strength in (Strength.ALIGNED, Strength.BOTH)


@dataclass(frozen=True, slots=True)
class Placement:
    """The conversation a mail joins, or None for a new one, which may claim to belong to another; and why.

    With `origin_id` the new conversation begins with that relayed message, which this mail answers.
    `verified` is False where it joins unproven: it is marked, carries no commands and gets no automatic mail.
    `strength` is that of the sender with what his token proves; `gone_id` the conversation that it would have joined or
    been linked with, had it not been deleted for ever.
    """

    conversation_id: str | None
    claims_id: str | None
    verified: bool
    why: Why = field(default_factory=list)
    origin_id: str | None = None
    strength: Strength = Strength.NONE
    gone_id: str | None = None


def place(sender: Sender, candidates: Sequence[Candidate], policy: Policy = DESK) -> Placement:
    """Decide by the candidates in their order (strongest signal first); every one leaves its reason."""
    why: Why = []
    for at, candidate in enumerate(candidates):
        joins, reason = judge(sender, candidate, policy)
        why.append(signal(candidate, joins, reason, joins and is_third(sender, candidate)))
        if joins:
            why += [signal(later, False, "an earlier signal had decided") for later in candidates[at + 1 :]]
            strength = strength_by(sender, candidate)
            known = sender.aligned or strength == Strength.TOKEN
            return Placement(candidate.conversation_id, None, known, why, candidate.origin_id, strength)
    claimed = next((one for one in candidates if one.conversation_id and not one.gone), None)
    deleted = next((one for one in candidates if one.gone), None)
    if claimed:
        text = f"A new conversation, linked: it claims to belong to #{claimed.number}"
    elif deleted:
        text = f"A new conversation: what it refers to is not here any more, {deleted.gone}"
    elif candidates:
        text = "A new conversation: what it refers to was not sent to this address"
    else:
        text = "A new conversation: the mail refers to none that we know"
    claims_id = claimed.conversation_id if claimed else None
    why.append({"result": "new", "text": text})
    gone_id = deleted.conversation_id if deleted else None
    return Placement(None, claims_id, sender.aligned, why, strength=sender.strength, gone_id=gone_id)


def judge(sender: Sender, candidate: Candidate, policy: Policy = DESK) -> tuple[bool, str]:
    """Whether this sender joins by this candidate, and the reason in words."""
    what = WORDS[candidate.carries]
    if candidate.gone:
        return False, f"it carries {what}, but {candidate.gone}"
    if not sender.key:
        return False, "the mail has no single From address"
    if sender.strength == Strength.FAILING:
        return False, f"it carries {what}, but the authentication of {sender.key} failed"
    if candidate.elsewhere:
        return False, f"it carries {what}, but it was passed on to another mailbox, and to nobody of this conversation"
    if sender.own and not (sender.aligned and candidate.carries in ("token", "minted", "known")):
        return False, f"it carries {what}, but {sender.key} is an address of ours and does not prove it"
    if not policy.unproven and strength_by(sender, candidate) == Strength.NONE:
        return False, f"it carries {what}, but nothing proves that {sender.key} wrote it"
    if candidate.carries == "subject":
        if sender.key == candidate.requester:
            return True, f"it carries {what}, and {sender.key} is the requester"
        return False, f"{what} can be guessed, and {sender.key} is not the requester"
    if sender.own:
        return True, f"{sender.key} is an address of ours, and authenticated"
    if sender.key in candidate.people:
        return True, f"{sender.key} takes part"
    if candidate.carries in ("token", "minted") and sender.aligned and same_organisation(sender, candidate):
        return True, f"{sender.key} is of a participant's organisation and authenticated"
    return False, f"it carries {what}, but {sender.key} does not take part"


def is_third(sender: Sender, candidate: Candidate) -> bool:
    """Whether somebody joins who did not take part: he is marked, and stays what he is."""
    return sender.key not in candidate.people and not sender.own


def same_organisation(sender: Sender, candidate: Candidate) -> bool:
    """Whether a participant has the sender's domain. Mail providers with many customers are nobody's organisation."""
    return sender.domain not in SHARED_DOMAINS and any(key.endswith("@" + sender.domain) for key in candidate.people)


def strength_by(sender: Sender, candidate: Candidate) -> Strength:
    """The sender's strength with this candidate: a token that only he knows is one more proof."""
    held = candidate.carries in ("token", "minted") and sender.key == candidate.holder
    if sender.strength == Strength.FAILING or not held:
        return sender.strength
    return Strength.BOTH if sender.aligned else Strength.TOKEN


def signal(candidate: Candidate, joins: bool, reason: str, third: bool = False) -> dict[str, object]:
    """One reason as it is stored and shown."""
    outcome = "joined" if joins else "did not join"
    marked = {"third": True} if third else {}
    return marked | {
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
