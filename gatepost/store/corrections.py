"""Moving, splitting and merging: mails go to another conversation, later mail follows, and each can be undone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.acts import Actor
from gatepost.ids import new_id
from gatepost.model import Conversation, Correction, KnownId, Message, Participant
from gatepost.store.channels import channel_by_address
from gatepost.store.conversations import add_participants, create_conversation, get_conversation
from gatepost.store.deliveries import count_failures
from gatepost.store.events import add_event
from gatepost.store.gone import why_not
from gatepost.store.handed_over import customer_of
from gatepost.store.messages import get_message
from gatepost.store.placing import show_in
from gatepost.store.rows import insert_missing, insert_row
from gatepost.store.showing import drop_unfounded, take_along
from gatepost.store.sides import belong_apart

MOST = 50
EVENTS = {"move": "message.moved", "split": "conversation.split", "merge": "conversation.merged"}


class NotPossible(ValueError):
    """Why a correction cannot be made, in words that name the fix."""


def merge(session: Session, source: Conversation, target: Conversation, actor: Actor, now: datetime) -> Correction:
    """Everything of one conversation into another; answers to it go there from now on. Raises NotPossible."""
    check_pair(session, source, target)
    mails = session.exec(select(Message).where(Message.conversation_id == source.id)).all()
    before: dict[str, Any] = {"state": source.state}
    if source.origin_id and not target.origin_id:
        before["origin"] = source.origin_id
        set_values(session, target.id, origin_id=source.origin_id)
        set_values(session, source.id, origin_id=None)
    people = session.exec(select(Participant).where(Participant.conversation_id == source.id)).all()
    named = [(one.address, one.name) for one in people]
    shift(session, source.id, target.id, mails, named, before, everything=True)
    set_values(session, source.id, merged_into=target.id, state="closed")
    take_along(session, source, target, "merge", actor, now)
    return write_down(session, "merge", source, target, before, actor, now)


def move(
    session: Session,
    source: Conversation,
    target: Conversation | None,
    message_ids: Sequence[str],
    actor: Actor,
    now: datetime,
) -> Correction:
    """Some mails of a conversation into another, or into a new one. Raises NotPossible."""
    mails = [mail for one in dict.fromkeys(message_ids) if (mail := get_message(session, one))]
    if not mails or len(mails) != len(set(message_ids)) or any(mail.conversation_id != source.id for mail in mails):
        raise NotPossible("Choose mails that are in this conversation; somebody may just have moved them")
    held = session.exec(select(func.count()).select_from(Message).where(Message.conversation_id == source.id)).one()
    if held == len(mails):
        raise NotPossible("These are all its mails: merge the whole conversation into another one instead")
    kind = "move" if target else "split"
    target = target or split_off(session, source, mails, now)
    check_pair(session, source, target)
    people = [one for mail in mails for one in people_of(session, mail)]
    before: dict[str, Any] = {}
    shift(session, source.id, target.id, mails, people, before)
    before["removed"] = leave(session, source, {address for address, _ in people})
    take_along(session, source, target, kind, actor, now)
    before["hidden"] = drop_unfounded(session, source.id)
    return write_down(session, kind, source, target, before, actor, now)


def carry_out(
    session: Session,
    source_id: str,
    target_id: str,
    message_ids: Sequence[str] | None,
    actor: Actor,
    now: datetime,
) -> Correction:
    """Merge where `message_ids` is None; else move, into a new one without `target_id`. Raises NotPossible."""
    source = get_conversation(session, source_id)
    target = get_conversation(session, target_id) if target_id else None
    if source is None or (target is None and (target_id or message_ids is None)):
        raise NotPossible("One of the conversations is not there any more")
    if message_ids is None and target:
        return merge(session, source, target, actor, now)
    return move(session, source, target, message_ids or (), actor, now)


def take_back(session: Session, correction_id: str, actor: Actor, now: datetime) -> None:
    """Undo by id. Raises NotPossible."""
    correction = get_correction(session, correction_id)
    if correction is None:
        raise NotPossible("There is no such correction")
    undo(session, correction, actor, now)


def check_pair(session: Session, source: Conversation, target: Conversation) -> None:
    if source.id == target.id:
        raise NotPossible("That is the conversation that it is in already")
    if belong_apart(session, source.id, target.id):
        raise NotPossible("One is a side conversation about the other: their people must not see each other's mail")
    for one in (source, target):
        if one.merged_into:
            raise NotPossible(
                f"#{one.number} was merged into another conversation: choose that one, or undo this first"
            )
        check_there(one)


def check_there(one: Conversation) -> None:
    if told := why_not(one):
        raise NotPossible(told)


def split_off(session: Session, source: Conversation, mails: Sequence[Message], now: datetime) -> Conversation:
    """A new conversation for some mails; who wrote the first of them asks."""
    first = min(mails, key=lambda mail: (mail.at, mail.id))
    asking = [address for mail in sorted(mails, key=lambda mail: mail.at) for address, _ in people_of(session, mail)]
    return create_conversation(
        session,
        subject=first.subject or source.subject,
        requester=asking[0] if asking else source.requester,
        channel_id=source.channel_id,
        credential_id=source.credential_id,
        now=now,
    )


def people_of(session: Session, mail: Message) -> list[tuple[str, str]]:
    """Who takes part by a mail: its sender, or the recipients of one of ours; never an address of ours."""
    named = [customer_of(mail) or (mail.from_address, mail.from_name)] if mail.direction == "in" else []
    if mail.direction == "out":
        named = [(one["address"], one.get("name", "")) for one in mail.recipients_shown]
    return [one for one in named if one[0] and channel_by_address(session, one[0]) is None]


def shift(
    session: Session,
    source_id: str,
    target_id: str,
    mails: Sequence[Message],
    people: Iterable[tuple[str, str]],
    before: dict[str, Any],
    *,
    everything: bool = False,
) -> None:
    """Move mails with the ids that lead to them; what it was is added to `before`."""
    ids = [mail.id for mail in mails]
    before["messages"] = [[mail.id, mail.channel_id] for mail in mails]
    mine = col(KnownId.message_pk).in_(ids)
    before |= lead(session, source_id, target_id, True if everything else mine)  # type: ignore[arg-type]
    there = set(session.exec(select(Participant.address).where(Participant.conversation_id == target_id)).all())
    before["added"] = sorted({address for address, _ in people} - there)
    add_participants(session, target_id, [(address, name, "participant") for address, name in people])
    target = get_conversation(session, target_id)
    channel_id = target.channel_id if target else None
    where = col(Message.id).in_(ids)
    session.execute(update(Message).where(where).values(conversation_id=target_id))
    session.execute(update(Message).where(where, col(Message.channel_id).is_not(None)).values(channel_id=channel_id))
    for one in (source_id, target_id):
        count_anew(session, one)


def lead(session: Session, source_id: str, target_id: str, which: ColumnElement[bool]) -> dict[str, Any]:
    """Lead ids that led to one conversation to another; the rows as they were."""
    where = and_(col(KnownId.conversation_id) == source_id, which)
    rows = session.exec(select(KnownId).where(where)).all()
    keys = [row.message_id for row in rows]
    found = and_(col(KnownId.conversation_id) == target_id, col(KnownId.message_id).in_(keys))
    there = {row.message_id: row.message_pk for row in session.exec(select(KnownId).where(found)).all()}
    led = [KnownId(message_id=row.message_id, conversation_id=target_id, message_pk=row.message_pk) for row in rows]
    was = [[row.message_id, row.message_pk] for row in rows]
    session.execute(delete(KnownId).where(where))
    insert_missing(session, led)
    for row in led:
        if row.message_pk and there.get(row.message_id, row.message_pk) is None:
            own = and_(col(KnownId.conversation_id) == target_id, col(KnownId.message_id) == row.message_id)
            session.execute(update(KnownId).where(own).values(message_pk=row.message_pk))
    return {"ids": was, "ids_there": [[key, pk] for key, pk in there.items()]}


def leave(session: Session, source: Conversation, people: set[str]) -> list[list[str]]:
    """Take those out of a conversation who have no mail left in it; their rows as they were."""
    shown = or_(Message.conversation_id == source.id, Message.id == source.origin_id)
    left = session.exec(select(Message).where(shown, col(Message.direction).in_(("in", "out")))).all()
    staying = {address for mail in left for address, _ in people_of(session, mail)} | {source.requester}
    going = sorted(people - staying)
    where = and_(col(Participant.conversation_id) == source.id, col(Participant.address).in_(going))
    rows = [[row.address, row.name, row.role] for row in session.exec(select(Participant).where(where)).all()]
    session.execute(delete(Participant).where(where))
    return rows


def set_values(session: Session, conversation_id: str, **values: Any) -> None:
    session.execute(update(Conversation).where(col(Conversation.id) == conversation_id).values(**values))


def count_anew(session: Session, conversation_id: str) -> None:
    """Bring a conversation's counts, its beginning in the list and its time up to what it holds."""
    conversation = get_conversation(session, conversation_id)
    if conversation is None:
        return
    here = or_(Message.conversation_id == conversation.id, Message.id == conversation.origin_id)
    number, newest = session.exec(select(func.count(), func.max(Message.at)).where(here)).one()
    last = session.exec(
        select(Message.snippet).where(here, Message.snippet != "").order_by(col(Message.at).desc()).limit(1)
    ).first()
    set_values(session, conversation_id, messages=number, snippet=last or "")
    if newest:
        set_values(session, conversation_id, updated_at=max(newest, conversation.created_at))
    count_failures(session, conversation)


def write_down(
    session: Session,
    kind: str,
    source: Conversation,
    target: Conversation,
    before: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> Correction:
    """Keep a correction, and tell it in the history of both conversations."""
    correction = Correction(
        id=new_id("cor"),
        kind=kind,
        source_id=source.id,
        target_id=target.id,
        before=before,
        user_id=actor.user_id,
        actor=actor.name,
        at=now,
    )
    insert_row(session, correction)
    tell(session, EVENTS[kind], correction, source, target, actor, now)
    return correction


def tell(
    session: Session,
    kind: str,
    correction: Correction,
    source: Conversation,
    target: Conversation,
    actor: Actor,
    now: datetime,
) -> None:
    mails = len(correction.before.get("messages", ()))
    data = {"from": source.number, "to": target.number, "messages": mails, "correction": correction.id}
    for one in (source, target):
        add_event(
            session,
            kind,
            now=now,
            conversation_id=one.id,
            channel_id=one.channel_id,
            user_id=actor.user_id,
            data={**data, "actor": actor.name},
        )


def get_correction(session: Session, correction_id: str) -> Correction | None:
    """A correction by its id."""
    return session.get(Correction, correction_id, populate_existing=True)


def corrections_of(session: Session, conversation_id: str) -> Sequence[Correction]:
    """What was corrected in a conversation, the newest first; at most 50."""
    touching = or_(Correction.source_id == conversation_id, Correction.target_id == conversation_id)
    return session.exec(select(Correction).where(touching).order_by(col(Correction.id).desc()).limit(MOST)).all()


def undo(session: Session, correction: Correction, actor: Actor, now: datetime) -> None:
    """Bring the mails back to where they were. Raises NotPossible.

    What came since stays where it is, but for the mail of those who were let in by this alone: it goes with them. A
    conversation that was made by a split is merged back whole.
    """
    if correction.undone_at:
        raise NotPossible("This was undone already")
    later = later_than(session, correction)
    if later:
        raise NotPossible(f"Undo what was done after it first: the {later.kind} of {later.at:%Y-%m-%d %H:%M} UTC")
    source, target = (get_conversation(session, one) for one in (correction.source_id, correction.target_id))
    if source is None or target is None:
        raise NotPossible("One of the conversations is not there any more")
    for one in (source, target):
        check_there(one)
    put_back(session, correction, source, target)
    for channel_id in correction.before.get("hidden", ()):
        show_in(session, source.id, channel_id, now)
    drop_unfounded(session, target.id)
    session.execute(update(Correction).where(col(Correction.id) == correction.id).values(undone_at=now))
    tell(session, "correction.undone", correction, source, target, actor, now)


def later_than(session: Session, correction: Correction) -> Correction | None:
    """A later correction of the same conversations that still holds."""
    both = (correction.source_id, correction.target_id)
    touching = or_(col(Correction.source_id).in_(both), col(Correction.target_id).in_(both))
    later = (col(Correction.id) > correction.id, col(Correction.undone_at).is_(None))
    return session.exec(select(Correction).where(touching, *later).order_by(col(Correction.id).desc())).first()


def put_back(session: Session, correction: Correction, source: Conversation, target: Conversation) -> None:
    """The rows as they were."""
    before = correction.before
    if correction.kind == "merge":
        set_values(session, source.id, merged_into=None, state=before["state"])
    if before.get("origin"):
        set_values(session, target.id, origin_id=None)
        set_values(session, source.id, origin_id=before["origin"])
    removed = before.get("removed", [])
    add_participants(session, source.id, [(address, name, role) for address, name, role in removed])
    for message_id, channel_id in before["messages"]:
        still = (col(Message.id) == message_id, col(Message.conversation_id) == target.id)
        session.execute(update(Message).where(*still).values(conversation_id=source.id, channel_id=channel_id))
    ids_back(session, before, source.id, target.id)
    rest = session.exec(select(Message).where(Message.conversation_id == target.id)).all()
    split = correction.kind == "split"
    added = set(before["added"])
    going = [mail for mail in rest if split or only_of(session, mail, added)]
    people = [one for mail in going for one in people_of(session, mail)]
    shift(session, target.id, source.id, going, people, {}, everything=split)
    if split:
        set_values(session, target.id, merged_into=source.id, state="closed")
    else:
        leave(session, target, added)
    for one in (source.id, target.id):
        count_anew(session, one)


def only_of(session: Session, mail: Message, people: set[str]) -> bool:
    """Whether nobody but these took part in a mail."""
    named = {address for address, _ in people_of(session, mail)}
    return bool(named) and named <= people


def ids_back(session: Session, before: dict[str, Any], source_id: str, target_id: str) -> None:
    there = dict(before["ids_there"])
    for key, pk in before["ids"]:
        own = and_(col(KnownId.conversation_id) == target_id, col(KnownId.message_id) == key)
        if key in there:
            session.execute(update(KnownId).where(own).values(message_pk=there[key]))
        else:
            session.execute(delete(KnownId).where(own))
        insert_missing(session, [KnownId(message_id=key, conversation_id=source_id, message_pk=pk)])
