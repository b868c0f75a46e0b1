"""`/v1/messages`: send, and see what became of it for every recipient."""

from gatepost.address import format_mailbox
from gatepost.blobs import ContentFile
from gatepost.compose import compose
from gatepost.envelope import Envelope
from gatepost.gateway.accept import keep, prepare
from gatepost.gateway.put import Prepared, Submission
from gatepost.gateway.senders import allowed
from gatepost.html_text import visible_text
from gatepost.ids import new_id
from gatepost.reply import clean_text
from gatepost.store import api
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import get_message
from gatepost.store.transcripts import transcripts_of_message
from gatepost.tokens import mint_message_id
from gatepost.web import api_views as views
from gatepost.web.api_body import RAW_TYPE
from gatepost.web.api_call import Answer, Call, idempotency, parse_json, read_query
from gatepost.web.api_errors import Problem, wrong_field
from gatepost.web.api_models import EventList, MessageList
from gatepost.web.api_requests import (
    FORMS,
    SEND,
    EnvelopeQuery,
    MessageQuery,
    NoQuery,
    Paging,
    SendMessage,
    SendRaw,
    read_id,
)


def send_message(call: Call) -> Answer:
    """Take a mail, in parts or whole, and answer once it is durably stored."""
    prepared: Prepared = call.built or prepared_mail(call)
    message_id = keep(call.app.gate, prepared, call.now).result()
    return taken(call, message_id, replayed=message_id != prepared.message.id)


def prepared_mail(call: Call) -> Prepared:
    """The mail that the body holds or describes, checked, stamped and signed. Raises Problem and Refused."""
    key, row_id = idempotency(call), new_id("msg")
    envelope, snippet = raw_envelope(call) if call.content_type == RAW_TYPE else json_envelope(call, row_id)
    check_limits(call, envelope)
    submission = Submission(
        envelope=envelope,
        senders=tuple(call.credential.senders),
        trigger="api",
        credential=call.credential,
        row_id=row_id,
        snippet=snippet,
        key=key,
    )
    return prepare(call.app.gate, submission, call.now)


def taken(call: Call, message_id: str, *, replayed: bool) -> Answer:
    """The answer to a mail that is stored; the same for a repeated request."""
    with call.app.database.session() as session:
        message = get_message(session, message_id)
        if message is None:
            raise Problem("not-found", "The mail that this Idempotency-Key made is not there any more")
        body = views.accepted(message, deliveries_of(session, message_id))
    headers = {"Location": f"/v1/messages/{message_id}"}
    return Answer(body, headers | ({"Idempotent-Replayed": "true"} if replayed else {}))


def raw_envelope(call: Call) -> tuple[Envelope, str]:
    """The mail in the body and its envelope in the query."""
    query = read_query(call, EnvelopeQuery)
    file = call.body if isinstance(call.body, ContentFile) else None
    content = call.body if isinstance(call.body, bytes) else b""
    return Envelope(query.from_, tuple(query.to), content, remote_ip=remote_ip(call), spool=file), ""


def json_envelope(call: Call, row_id: str) -> tuple[Envelope, str]:
    """The mail that JSON describes or holds, and the beginning of its text. Raises Problem."""
    if call.content_type != "application/json":
        raise Problem("unsupported-media-type", f"Send application/json, or a whole mail as {RAW_TYPE}")
    read_query(call, NoQuery)
    sent = parse_json(call, SEND, FORMS)
    if isinstance(sent, SendRaw):
        return Envelope(sent.from_, tuple(sent.to), sent.raw, remote_ip=remote_ip(call)), ""
    check_mail(call, sent)
    text = sent.text if sent.text is not None else visible_text(sent.html or "")
    content = composed(call, sent, text, row_id)
    envelope = Envelope(str(sent.from_.address), tuple(sent.recipients), content, remote_ip=remote_ip(call))
    return envelope, clean_text(text[:1000])[:200]


def check_mail(call: Call, sent: SendMessage) -> None:
    """What belongs together, and the From. Raises Problem."""
    if not sent.recipients:
        raise wrong_field("#/to", "Name at least one recipient in to, cc or bcc")
    if sent.text is None and sent.html is None:
        raise wrong_field("#/text", "Give text, html or both")
    senders = call.credential.senders
    if not allowed(sent.from_.parsed, senders):
        detail = f"You may not send as {sent.from_.address}; allowed: {', '.join(senders) or 'nothing yet'}"
        fault = wrong_field("#/from", detail).faults
        raise Problem("sender-not-allowed", detail, fault)


def composed(call: Call, sent: SendMessage, text: str, row_id: str) -> bytes:
    """The mail as octets. Raises Problem."""
    extra = dict(sent.headers)
    if sent.reply_to:
        extra["Reply-To"] = ", ".join(format_mailbox(person.name, person.address) for person in sent.reply_to)
    return compose(
        from_=(sent.from_.name, sent.from_.address),
        to=[(person.name, person.address) for person in sent.to],
        cc=[(person.name, person.address) for person in sent.cc],
        subject=sent.subject,
        text=text,
        html=sent.html,
        message_id=mint_message_id(call.app.keys, row_id, call.app.settings.domain),
        date=call.now,
        in_reply_to=[sent.in_reply_to] if sent.in_reply_to else [],
        references=sent.references or ([sent.in_reply_to] if sent.in_reply_to else []),
        extra_headers=extra,
        attachments=[(file.name, file.content_type, file.content) for file in sent.attachments],
    )


def check_limits(call: Call, envelope: Envelope) -> None:
    """The same limits as for SMTP. Raises Problem."""
    settings = call.app.settings
    if envelope.size > settings.message_size:
        size = f"{envelope.size:,} octets; at most {settings.message_size:,}"
        raise Problem("too-large", f"The mail would have {size}")
    if len(envelope.recipients) > settings.recipients_submission:
        raise wrong_field("#/to", f"A mail may have at most {settings.recipients_submission} recipients")


def remote_ip(call: Call) -> str:
    return call.request.client.host if call.request.client else ""


def get_one_message(call: Call) -> Answer:
    """A mail with every recipient's state, last answer and what it means."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        message = api.own_message(session, call.credential.id, read_id("msg", call.path("id")))
        if message is None:
            raise Problem("not-found")
        return Answer(views.message_out(message, deliveries_of(session, message.id)))


def list_messages(call: Call) -> Answer:
    """The key's own mails, newest first."""
    query = read_query(call, MessageQuery)
    with call.app.database.session() as session:
        rows = api.own_messages(
            session, call.credential.id, state=query.state, after=query.after, limit=query.limit + 1
        )
        page = rows[: query.limit]
        states = api.state_counts(session, [row.id for row in page])
        data = [views.message_row(row, states[row.id]) for row in page]
    return Answer(MessageList(data=data, next=page[-1].id if len(rows) > len(page) else None))


def list_message_events(call: Call) -> Answer:
    """What happened to a mail and to each recipient, oldest first."""
    query = read_query(call, Paging)
    with call.app.database.session() as session:
        message = api.own_message(session, call.credential.id, read_id("msg", call.path("id")))
        if message is None:
            raise Problem("not-found")
        recipients = {row.id: row.recipient for row in deliveries_of(session, message.id)}
        said = transcripts_of_message(session, message.id)
        lines = views.history(*api.message_history(session, message.id), recipients, said)
    ids = [line.id for line in lines]
    if query.after and query.after not in ids:
        raise Problem("invalid-fields", "after: this event is not one of this mail")
    start = ids.index(query.after) + 1 if query.after else 0
    page = lines[start : start + query.limit]
    more = start + query.limit < len(lines)
    return Answer(EventList(data=page, next=page[-1].id if more else None))
