"""The commands that put mails into the right conversation."""

from typing import Annotated

import typer

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson

conversation = typer.Typer(
    name="conversation",
    help="Move, split, merge and delete conversations, and take it back; ask somebody else.",
    no_args_is_help=True,
)


@conversation.command("merge")
def conversation_merge(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The conversation that goes.")],
    into: Annotated[str, typer.Option(metavar="NUMBER", help="The conversation that stays.")],
    as_json: AsJson = False,
) -> None:
    """Put a whole conversation into another one; answers to it go there from now on."""
    from gatepost.cli.conversation import merge

    with ending():
        merge(context.obj.settings(), number, into, as_json)


@conversation.command("move")
def conversation_move(
    context: typer.Context,
    messages: Annotated[list[str], typer.Argument(metavar="MESSAGE...", help="Ids of mails of one conversation.")],
    to: Annotated[str, typer.Option(metavar="NUMBER", help="The conversation they go to, or new.")],
    as_json: AsJson = False,
) -> None:
    """Move mails into another conversation, or split them off into a new one; what answers them follows."""
    from gatepost.cli.conversation import move

    with ending():
        move(context.obj.settings(), messages, to, as_json)


@conversation.command("undo")
def conversation_undo(
    context: typer.Context,
    correction: Annotated[str, typer.Argument(metavar="ID", help="What move or merge printed.")],
    as_json: AsJson = False,
) -> None:
    """Take a move, split or merge back; the latest first."""
    from gatepost.cli.conversation import undo

    with ending():
        undo(context.obj.settings(), correction, as_json)


@conversation.command("ask")
def conversation_ask(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The conversation that it is about.")],
    to: Annotated[list[str], typer.Option(metavar="ADDRESS", help="Whom to ask; may be given several times.")],
    subject: Annotated[str, typer.Option(help="What they see as the subject.")],
    text: Annotated[str, typer.Option(help="What they see; nothing of the conversation goes along.")],
    as_json: AsJson = False,
) -> None:
    """Ask somebody who takes no part, in a side conversation that the customer never sees."""
    from gatepost.cli.aside import ask

    with ending():
        ask(context.obj.settings(), number, to, subject, text, as_json)


@conversation.command("take-back")
def conversation_take_back(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="A mail that an agent forwarded for a customer.")],
    as_json: AsJson = False,
) -> None:
    """Undo that a forwarded mail counts as its customer's: it is the agent's own."""
    from gatepost.cli.aside import take_back

    with ending():
        take_back(context.obj.settings(), message, as_json)


Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Numbers of conversations.")]


@conversation.command("delete")
def conversation_delete(
    context: typer.Context,
    numbers: Numbers,
    spam: Annotated[bool, typer.Option("--spam", help="Because it is spam.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put conversations into Deleted, from where they can be restored."""
    from gatepost.cli.deleted import delete

    with ending():
        delete(context.obj.settings(), numbers, spam, as_json)


@conversation.command("restore")
def conversation_restore(context: typer.Context, numbers: Numbers, as_json: AsJson = False) -> None:
    """Bring deleted conversations back."""
    from gatepost.cli.deleted import restore

    with ending():
        restore(context.obj.settings(), numbers, as_json)


@conversation.command("purge")
def conversation_purge(
    context: typer.Context,
    numbers: Numbers,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete for ever what conversations in Deleted say, after showing how much that is."""
    from gatepost.cli.deleted import purge

    with ending():
        purge(context.obj.settings(), numbers, yes, as_json)
