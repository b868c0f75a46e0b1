"""`gatepost conversation ask, take-back`: asking third people, and undoing a forward for a customer."""

from collections.abc import Sequence

from gatepost.cli.conversation import ACTOR, named
from gatepost.cli.domain import gate_of
from gatepost.cli.frame import BadInput, opened, print_object, say
from gatepost.gateway.answer import NoAnswer
from gatepost.gateway.side import ask_aside
from gatepost.parts import clock
from gatepost.reply import Refused
from gatepost.settings import Settings
from gatepost.store import handed_over
from gatepost.store.messages import get_message


def ask(settings: Settings, number: str, to: Sequence[str], subject: str, text: str, as_json: bool) -> None:
    """Write to third people about a conversation, in one of their own. Raises BadInput."""
    with opened(settings) as parts:
        about = named(parts, "NUMBER", number)
        try:
            side = ask_aside(
                gate_of(parts),
                conversation_id=about.id,
                user_id=None,
                to=to,
                subject=subject,
                text=text,
                now=clock(),
            )
        except NoAnswer as error:
            raise BadInput(f"#{about.number}: {error}") from None
        except Refused as refused:
            raise BadInput(f"#{about.number}: {refused.reply.text}") from None
    if as_json:
        print_object({"conversation": side, "about": about.number, "to": list(to)})
    else:
        say(f"Asked in #{side}, a side conversation about #{about.number}: the customer does not see it.")


def take_back(settings: Settings, message_id: str, as_json: bool) -> None:
    """A forwarded mail counts as the agent's own. Raises BadInput."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            message = get_message(session, message_id)
        if message is None or not parts.ledger.write(
            lambda session: handed_over.take_back(session, message, ACTOR, clock())
        ):
            raise BadInput(f"MESSAGE {message_id}: no agent forwarded it for a customer, or that was undone already")
    if as_json:
        print_object({"id": message_id, "undone": True})
    else:
        say(f"{message_id} counts as the agent's own mail; its customer takes part no more.")
