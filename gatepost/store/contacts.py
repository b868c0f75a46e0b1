"""Contacts: who writes to us or is written to, with all addresses of each, and what became of mail to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, func, or_, select

from gatepost.model import Contact, Conversation, Delivery, Message, Participant
from gatepost.store.conversations import keep_contact
from gatepost.store.pages import Scope, is_there, like
from gatepost.store.queue import Which, where
from gatepost.store.showing import shown_to
from gatepost.words import NOT_DELIVERED, DeliveryState

PAGE = 50
SAME_NAME = 5
LOOKED_AT = 50
REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact as lists show it."""

    address: str
    name: str
    conversations: int


def contact_by_address(session: Session, address: str) -> Contact | None:
    """The contact with this address, in any writing."""
    return session.exec(select(Contact).where(Contact.address == address.lower())).first()


def addresses_of(session: Session, address: str) -> tuple[str, ...]:
    """All addresses of the contact who has this one, that one first; alone where nobody knows more."""
    return (address.lower(), *others_of(session, [address])[address.lower()])


def others_of(session: Session, addresses: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The further addresses of the contacts who have these, by address in lower case."""
    asked = sorted({address.lower() for address in addresses})
    found = session.exec(select(Contact).where(col(Contact.address).in_(asked))).all()
    heads = {row.address: row.same_as or row.id for row in found}
    chosen = sorted(set(heads.values()))
    rows = session.exec(
        select(Contact)
        .where(or_(col(Contact.id).in_(chosen), col(Contact.same_as).in_(chosen)))
        .order_by(Contact.address)
    ).all()
    return {
        address: tuple(
            row.address for row in rows if (row.same_as or row.id) == heads.get(address) and row.address != address
        )
        for address in asked
    }


def same_name(session: Session, address: str, scope: Scope) -> Sequence[Contact]:
    """Contacts that have the same full name and are not known to be the same person; at most five, no strangers."""
    contact = contact_by_address(session, address)
    if contact is None or len(contact.name.split()) < 2:
        return []
    query = (
        select(Contact)
        .where(func.lower(Contact.name) == contact.name.lower())
        .where(~col(Contact.address).in_(addresses_of(session, address)))
    )
    found = session.exec(query.order_by(Contact.address).limit(LOOKED_AT)).all()
    return [row for row in found if not is_stranger(session, row.address, scope)][:SAME_NAME]


def is_stranger(session: Session, address: str, scope: Scope) -> bool:
    """Whether an address is of somebody who takes part in conversations, none of which these channels show."""
    known = addresses_of(session, address)
    return bool(not conversations_of(session, known, scope) and conversations_of(session, known, None))


def link(session: Session, address: str, other: str, now: datetime) -> None:
    """Say that both addresses are the same person's. Whoever has `other` already joins with all his addresses."""
    first, second = keep_contact(session, address.lower(), "", now), keep_contact(session, other.lower(), "", now)
    head, joining = first.same_as or first.id, second.same_as or second.id
    if head == joining:
        return
    moved = or_(col(Contact.id) == joining, col(Contact.same_as) == joining)
    session.execute(update(Contact).where(moved).values(same_as=head))
    names = [row.name for row in (first, second) if row.name]
    session.execute(
        update(Contact).where(col(Contact.id) == head, col(Contact.name) == "").values(name=(names or [""])[0])
    )


def link_known(session: Session, address: str, other: str, now: datetime, scope: Scope) -> None:
    """As `link`, unless `other` is a stranger to these channels: whose it is, is for those to say who may see him."""
    if not is_stranger(session, other, scope):
        link(session, address, other, now)


def unlink(session: Session, address: str) -> bool:
    """Say that this address is nobody else's; False where it was alone."""
    contact = contact_by_address(session, address)
    if contact is None or not others_of(session, [address])[contact.address]:
        return False
    if contact.same_as is None:
        rest = session.exec(select(Contact).where(Contact.same_as == contact.id).order_by(Contact.id)).all()
        session.execute(update(Contact).where(col(Contact.same_as) == contact.id).values(same_as=rest[0].id))
        session.execute(update(Contact).where(col(Contact.id) == rest[0].id).values(same_as=None))
    session.execute(update(Contact).where(col(Contact.id) == contact.id).values(same_as=None))
    return True


def rename(session: Session, address: str, name: str, now: datetime) -> None:
    """Give the contact with this address a name."""
    contact = keep_contact(session, address.lower(), name, now)
    session.execute(update(Contact).where(col(Contact.id) == contact.id).values(name=name))


def contact_list(session: Session, scope: Scope, text: str = "", offset: int = 0) -> list[ContactRow]:
    """Up to 50 people of conversations in these channels, by address; `text` is looked for in address and name."""
    people = (
        select(Participant.address, func.max(Participant.name), func.count())
        .join(Conversation, col(Conversation.id) == col(Participant.conversation_id))
        .where(shown_to(scope), is_there())
        .group_by(col(Participant.address))
        .order_by(col(Participant.address))
    )
    if text:
        people = people.where(or_(like(Participant.address, text), like(Participant.name, text)))
    return [ContactRow(*row) for row in session.exec(people.offset(offset).limit(PAGE))]


def conversations_of(
    session: Session, addresses: Sequence[str], scope: Scope, *, there: bool = False
) -> Sequence[Conversation]:
    """The newest 50 conversations in which one of these addresses takes part; with `there` without deleted ones."""
    keys = [address.lower() for address in addresses]
    among = select(Participant.conversation_id).where(col(Participant.address).in_(keys))
    query = select(Conversation).where(col(Conversation.id).in_(among), shown_to(scope))
    query = query.where(is_there()) if there else query
    return session.exec(query.order_by(col(Conversation.updated_at).desc()).limit(PAGE)).all()


def failures_of(session: Session, addresses: Sequence[str], scope: Scope) -> Sequence[tuple[Delivery, Message]]:
    """The newest 50 deliveries to one of these addresses that did not reach it, with their mails."""
    keys = [address.lower() for address in addresses]
    query = (
        select(Delivery, Message)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(func.lower(col(Delivery.recipient)).in_(keys), col(Delivery.state).in_(NOT_DELIVERED))
        .where(*where(Which(channels=scope)))
    )
    return session.exec(query.order_by(col(Delivery.updated_at).desc()).limit(PAGE)).all()


def last_results(session: Session, addresses: Iterable[str]) -> dict[str, Delivery]:
    """The newest delivery to each of these addresses that has ended, by address in lower case."""
    keys = sorted({address.lower() for address in addresses})[:200]
    written = [*keys, *(address for address in set(addresses) if address.lower() != address)]
    ended = [*NOT_DELIVERED, DeliveryState.DELIVERED]
    query = select(Delivery).where(col(Delivery.recipient).in_(written), col(Delivery.state).in_(ended))
    found: dict[str, Delivery] = {}
    for row in session.exec(query.order_by(col(Delivery.updated_at).desc(), col(Delivery.id).desc()).limit(1000)):
        found.setdefault(row.recipient.lower(), row)
    return found


def reached_domains(session: Session) -> list[str]:
    """Domains that took a mail of ours lately, or whose people write to us."""
    took = select(Delivery.recipient).where(Delivery.state == DeliveryState.DELIVERED)
    recipients = session.exec(took.order_by(col(Delivery.id).desc()).limit(REMEMBERED)).all()
    writers = session.exec(select(Message.from_address).where(Message.direction == "in").limit(REMEMBERED)).all()
    return list(dict.fromkeys(address.lower().rpartition("@")[2] for address in (*recipients, *writers)))


def message_ids(session: Session, delivery_ids: Iterable[str]) -> dict[str, str]:
    """The messages of deliveries."""
    pairs = select(Delivery.id, Delivery.message_id).where(col(Delivery.id).in_(sorted(set(delivery_ids))))
    return dict(session.exec(pairs).all())
