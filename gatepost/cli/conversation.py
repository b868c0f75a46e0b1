"""`gatepost conversation merge, move, undo`: putting mails where they belong, and taking it back."""

from gatepost.acts import Actor
from gatepost.amount import amount
from gatepost.cli.frame import BadInput, opened, print_object, say
from gatepost.model import Conversation
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import corrections
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.messages import get_message

ACTOR = Actor("the command line")


def merge(settings: Settings, number: str, into: str, as_json: bool) -> None:
    """Put a whole conversation into another one."""
    with opened(settings) as parts:
        source, target = named(parts, "NUMBER", number), named(parts, "--into", into)
        carry_out(parts, source, target.id, None, as_json)


def move(settings: Settings, messages: list[str], to: str, as_json: bool) -> None:
    """Move mails of one conversation into another one, or into a new one."""
    with opened(settings) as parts:
        source = home_of(parts, messages)
        target_id = "" if to == "new" else named(parts, "--to", to).id
        carry_out(parts, source, target_id, messages, as_json)


def undo(settings: Settings, correction_id: str, as_json: bool) -> None:
    """Take a move, split or merge back."""
    with opened(settings) as parts:
        try:
            parts.ledger.write(lambda session: corrections.take_back(session, correction_id, ACTOR, clock()))
        except NotPossible as error:
            raise BadInput(f"ID {correction_id}: {error}") from None
    if as_json:
        print_object({"id": correction_id, "undone": True})
    else:
        say(f"{correction_id} is undone: the mails are back where they were.")


def carry_out(parts: Parts, source: Conversation, target_id: str, messages: list[str] | None, as_json: bool) -> None:
    try:
        done = parts.ledger.write(
            lambda session: corrections.carry_out(session, source.id, target_id, messages, ACTOR, clock())
        )
    except NotPossible as error:
        raise BadInput(f"#{source.number}: {error}") from None
    with parts.database.session() as session:
        target = get_conversation(session, done.target_id)
    number, mails = target.number if target else 0, len(done.before["messages"])
    if as_json:
        told = {"id": done.id, "kind": done.kind, "source": source.number, "target": number, "messages": mails}
        print_object(told)
        return
    moved = f"{amount(mails, 'mail')} of #{source.number} went to #{number}"
    say(f"{moved}; `gatepost conversation undo {done.id}` takes it back.")


def named(parts: Parts, option: str, text: str) -> Conversation:
    """The conversation with this number. Raises BadInput."""
    number = text.removeprefix("#")
    with parts.database.session() as session:
        found = by_number(session, int(number)) if number.isdecimal() and len(number) < 10 else None
    if found is None:
        raise BadInput(f"{option} {text}: there is no such conversation; name it by its number")
    return found


def home_of(parts: Parts, messages: list[str]) -> Conversation:
    """The conversation that the first of these mails is in. Raises BadInput."""
    with parts.database.session() as session:
        message = get_message(session, messages[0])
        found = get_conversation(session, message.conversation_id) if message and message.conversation_id else None
    if found is None:
        raise BadInput(f"MESSAGE {messages[0]}: no conversation holds it; `gatepost trace '#NUMBER'` shows the ids")
    return found
