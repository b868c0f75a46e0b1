"""Who an answer reaches besides those of the answered mail, whom it leaves out, and whether that mail came blind."""

from collections.abc import Collection, Iterable, Sequence

from gatepost.address import parse_address
from gatepost.gateway.answer import AnswerRecipient, is_internal
from gatepost.model import Message
from gatepost.settings import Settings

BLIND = (
    "The last message names no address of yours in To or Cc: it reached you by Bcc, or a server passed it on. Whoever "
    "it names learns by your answer that you got it"
)


def changes(known: Collection[str], proposed: Sequence[AnswerRecipient], chosen: Sequence[str]) -> list[str]:
    """A sentence for each chosen address that is new here, then for each proposed one that was left out.

    `known` are the address keys of those who wrote or were named in the conversation before.
    """
    keys = {parse_address(address).key: address for address in chosen}
    new = [address for key, address in keys.items() if key not in known]
    left_out = [person for person in proposed if person.address not in keys]
    told = [f"{address} is new in this conversation: no mail of it went there before your answer" for address in new]
    return [*told, *(f"{person.address} is left out, who {said(person.why)}" for person in left_out)]


def said(why: str) -> str:
    """A reason for proposing as what somebody did or was."""
    return {"the requester": "asked first", "they got this mail": "got this mail"}.get(why, why)


def people_named(messages: Iterable[Message]) -> set[str]:
    """The address keys of those who wrote mails or were named in their To and Cc."""
    mails = [one for one in messages if one.direction != "note"]
    return {one.from_address for one in mails} | {row["address"] for one in mails for row in one.recipients_shown}


def came_blind(answered: Message | None, ours: Collection[str], settings: Settings) -> bool:
    """Whether an inbound mail that names others names none of our addresses: who answers all tells that we got it."""
    if answered is None or answered.direction != "in" or not answered.recipients_shown:
        return False
    return not any(row["address"] in ours or is_internal(row["address"], settings) for row in answered.recipients_shown)
