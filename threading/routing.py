"""Which of our signs answers still carry when they come in: Message-IDs that we signed, and our reply addresses."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.mail import Mail
from gatepost.model import Message
from gatepost.seal import Keys
from gatepost.store.placing import of_person
from gatepost.threading.candidates import MOST_ADDRESSES, MOST_IDS, PASSED_ON_FIELDS
from gatepost.threading.subject import base_subject
from gatepost.tokens import read_message_id, read_reply_address

ENVELOPE = "the envelope"


@dataclass(slots=True)
class Tally:
    """Of one mailbox: how many answers were seen, how many carried a sign in each field, which lost all of them."""

    answers: int = 0
    carried: Counter[str] = field(default_factory=Counter)
    lost: list[Message] = field(default_factory=list)


def signs_of(keys: Keys, replies: str, mail: Mail, recipient: str) -> tuple[str, ...]:
    """The header fields in which a sign of ours stands; `recipient` is that of the envelope, where there was one."""
    found = [
        name
        for name, ids in (("References", mail.references[-MOST_IDS:]), ("In-Reply-To", mail.in_reply_to[:MOST_IDS]))
        if any(read_message_id(keys, one) for one in ids)
    ]
    boxes = {"To": mail.to, "Cc": mail.cc}
    written = {name: [str(box.address) for box in some[:MOST_ADDRESSES] if box.address] for name, some in boxes.items()}
    written |= {name: [one.strip().strip("<>") for one in mail.all(name)[:MOST_IDS]] for name in PASSED_ON_FIELDS}
    written[ENVELOPE] = [recipient]
    return (*found, *(name for name, some in written.items() if any(is_reply_address(keys, replies, a) for a in some)))


def is_reply_address(keys: Keys, replies: str, written: str) -> bool:
    """Whether an address is a reply address that we signed."""
    try:
        address = parse_address(written)
    except AddressError:
        return False
    return address.domain == replies and read_reply_address(keys, address.local) is not None


def lost_its_signs(session: Session, message: Message) -> bool:
    """Whether a mail began a conversation although it looks like an answer: the same person and subject, and `Re:`."""
    subject = base_subject(message.subject)
    if not subject.is_reply or not subject.text or not any(reason.get("result") == "new" for reason in message.why):
        return False
    words = subject.text.casefold()
    return any(
        one.id < (message.conversation_id or "") and base_subject(one.subject).text.casefold() == words
        for one in of_person(session, message.from_address, message.channel_id)
    )


def count(tally: Tally, message: Message, signs: Iterable[str], lost: bool) -> None:
    """Add a mail; one that is no answer changes nothing."""
    found = tuple(signs)
    if found:
        tally.answers += 1
        tally.carried.update(found)
    elif lost:
        tally.lost.append(message)
