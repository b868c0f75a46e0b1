"""Mail that we write to people by ourselves: copies for agents, what was done for them, acknowledgements.

All of it says that it is automatic (RFC 3834 section 5), and is asked not to be answered by machines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gatepost.compose import Named, compose
from gatepost.envelope import Asked, Envelope
from gatepost.gateway.accept import Gate, prepare
from gatepost.gateway.put import Prepared, Submission
from gatepost.ids import new_id
from gatepost.tokens import mint_message_id

HEADERS = {"X-Auto-Response-Suppress": "All"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail of ours says; `kind` is `auto-generated`, or `auto-replied` for the answer to a mail.

    With `null_path` it goes out with the null reverse-path (RFC 3834 section 3.3), so that no bounce comes back.
    """

    to: Named
    subject: str
    text: str
    trigger: str
    kind: str = "auto-generated"
    from_: Named | None = None
    reply_to: str = ""
    in_reply_to: str = ""
    references: Sequence[str] = ()
    channel_id: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    row_id: str = ""
    null_path: bool = False
    snippet: str = ""


def prepare_letter(gate: Gate, letter: Letter, now: datetime) -> Prepared:
    """Compose, check, stamp and sign. Raises Refused."""
    row_id = letter.row_id or new_id("msg")
    author = letter.from_ or ("Gatepost", f"no-reply@{gate.settings.domain}")
    extra = {"Auto-Submitted": letter.kind, **HEADERS}
    if letter.reply_to:
        extra["Reply-To"] = letter.reply_to
    content = compose(
        from_=author,
        to=[letter.to],
        subject=letter.subject,
        text=letter.text,
        message_id=mint_message_id(gate.keys, row_id, gate.settings.domain),
        date=now,
        in_reply_to=[letter.in_reply_to] if letter.in_reply_to else [],
        references=letter.references,
        extra_headers=extra,
    )
    submission = Submission(
        Envelope("", (letter.to[1],), content, asked={letter.to[1]: Asked("NEVER")} if letter.null_path else {}),
        senders=(author[1],),
        trigger=letter.trigger,
        conversation_id=letter.conversation_id,
        channel_id=letter.channel_id,
        user_id=letter.user_id,
        row_id=row_id,
        snippet=letter.snippet,
    )
    return prepare(gate, submission, now)
