"""`/v1/conversations`: what customers wrote, and answering as the desk."""

from collections.abc import Sequence

from pydantic import TypeAdapter
from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.gateway.answer import NoAnswer, answer, answer_recipients, channel_of_answer
from gatepost.gateway.budget import for_reading
from gatepost.gateway.senders import allowed
from gatepost.model import Channel, Conversation, Credential, Message, Participant
from gatepost.store import api
from gatepost.store.channels import get_channel, list_channels
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import RawLost, key_used, raw_of
from gatepost.store.showing import further_of
from gatepost.threading.answered import parent_text
from gatepost.web import api_views as views
from gatepost.web.api_call import Answer, Call, idempotency, read_json, read_query
from gatepost.web.api_errors import Problem
from gatepost.web.api_messages import taken
from gatepost.web.api_models import AttachmentOut, ConversationList, ConversationOut, ThreadList, ThreadMessage
from gatepost.web.api_requests import ConversationQuery, NoQuery, Paging, ReplyIn, read_id, read_number
from gatepost.web.bodies import LOST, PURGED, Body, read_body
from gatepost.web.thread import why_lines
from gatepost.words import Kind

REPLY: TypeAdapter[ReplyIn] = TypeAdapter(ReplyIn)


def may_answer_from(credential: Credential, channel: Channel) -> bool:
    """Whether a credential may send as the channel's address; then it also sees the channel's conversations."""
    return allowed(parse_address(channel.address), credential.senders)


def channels_of(session: Session, credential: Credential) -> dict[str, Channel]:
    """The channels whose conversations a credential sees, besides those that answer mail of its own."""
    return {row.id: row for row in list_channels(session) if may_answer_from(credential, row)}


def find(session: Session, call: Call) -> Conversation:
    """The conversation in the path, by id or number, when the key may see it; 404 alike for none and for others'."""
    found = find_named(session, call, call.path("id"))
    if found is None:
        raise Problem("not-found")
    return found


def find_named(session: Session, call: Call, named: str) -> Conversation | None:
    """The conversation with this id or number, when the key may see it."""
    seen = api.visible(call.credential.id, channels_of(session, call.credential))
    number = read_number(named)
    if number is not None:
        return api.one_conversation(session, seen, number=number)
    return api.one_conversation(session, seen, conversation_id=read_id("con", named))


def address_of(session: Session, conversation: Conversation) -> str | None:
    channel = get_channel(session, conversation.channel_id) if conversation.channel_id else None
    return channel.address if channel else None


def shown(session: Session, row: Conversation, people: Sequence[Participant]) -> ConversationOut:
    """A conversation with the addresses of its mailboxes."""
    also_in = [one.channel.address for one in further_of(session, row)]
    return views.conversation(row, people, address_of(session, row), also_in)


def list_conversations(call: Call) -> Answer:
    """Conversations that answer the key's mail, or that came to addresses it may send as; newest first."""
    query = read_query(call, ConversationQuery)
    with call.app.database.session() as session:
        seen = api.visible(call.credential.id, channels_of(session, call.credential))
        rows = api.conversations(
            session,
            seen,
            state=query.state,
            failed=query.failed,
            tag=query.tag,
            after=query.after,
            limit=query.limit + 1,
        )
        page = rows[: query.limit]
        people = api.participants_of(session, [row.id for row in page])
        data = [shown(session, row, people[row.id]) for row in page]
    return Answer(ConversationList(data=data, next=page[-1].id if len(rows) > len(page) else None))


def get_one_conversation(call: Call) -> Answer:
    """One conversation."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        row = find(session, call)
        people = api.participants_of(session, [row.id])[row.id]
        return Answer(shown(session, row, people))


def list_conversation_messages(call: Call) -> Answer:
    """A conversation's mails, oldest first, without agents' notes."""
    query = read_query(call, Paging)
    with call.app.database.session() as session:
        conversation = find(session, call)
        rows = api.mails_of(session, conversation, after=query.after, limit=query.limit + 1)
        page = rows[: query.limit]
        data = [thread_message(call, session, row) for row in page]
    return Answer(ThreadList(data=data, next=page[-1].id if len(rows) > len(page) else None))


def thread_message(call: Call, session: Session, message: Message) -> ThreadMessage:
    """One mail of a conversation, with its text and, for one of ours, its recipients."""
    try:
        with call.app.gate.budget.hold(for_reading(message.size)):
            raw = raw_of(session, message.raw_id, call.app.blobs)
            body = read_body(message, raw, parent_text(session, message, raw, call.app.blobs))
    except RawLost:
        body = Body(PURGED if message.purged_at else LOST, "", False, (), lost=True)
    deliveries = deliveries_of(session, message.id) if message.direction == "out" else []
    return ThreadMessage(
        id=message.id,
        direction="out" if message.direction == "out" else "in",
        kind=Kind(message.kind),
        message_id=message.message_id,
        from_=views.sender(message),
        to=views.people(message, "to"),
        cc=views.people(message, "cc"),
        subject=message.subject,
        at=message.at,
        verified=message.verified,
        text=body.reply,
        quoted=body.quoted,
        attachments=[
            AttachmentOut(name=file.name, content_type=file.content_type, size=file.size) for file in body.attachments
        ],
        why=list(why_lines(message.why)),
        failure=views.failure(deliveries),
        deliveries=[views.delivery(row) for row in deliveries],
    )


def reply_to_conversation(call: Call) -> Answer:
    """Answer as the desk, from the address that the conversation came to."""
    read_query(call, NoQuery)
    key, wanted = idempotency(call), read_json(call, REPLY)
    with call.app.database.session() as session:
        conversation = find(session, call)
        if conversation.merged_into:
            raise Problem("refused", "This conversation was merged into another one: answer there")
        channel = channel_of_answer(session, conversation, None, call.credential)
        if channel and not may_answer_from(call.credential, channel):
            raise Problem("sender-not-allowed", f"This key may not send as {channel.address}, which would answer")
        to, cc = wanted.to, wanted.cc or []
        if to is None:
            proposed = answer_recipients(session, conversation.id, call.app.settings)
            to = [person.address for person in proposed if person.field == "to"]
            cc = [person.address for person in proposed if person.field == "cc"]
        before = key_used(session, call.credential.id, key[0]) if key else None
    try:
        message_id = answer(
            call.app.gate,
            conversation_id=conversation.id,
            user_id=None,
            to=to,
            cc=cc,
            text=wanted.text,
            now=call.now,
            credential=call.credential,
            key=key,
        )
    except NoAnswer as error:
        raise Problem("refused", str(error)) from None
    return taken(call, message_id, replayed=before is not None and before.message_id == message_id)
