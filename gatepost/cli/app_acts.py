"""The commands that act on deliveries, and the suppression list; what they do is imported when they run."""

from typing import Annotated

import typer

from gatepost.cli.app_mailboxes import queue
from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson, Code, ConversationOf, CredentialOf, DomainOf, Ids, Recipient, States, Yes

suppression = typer.Typer(name="suppression", help="Addresses that are not written to.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The recipient's address.")]


@queue.command("retry")
def queue_retry(
    context: typer.Context,
    ids: Ids = None,
    states: States = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    code: Code = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try waiting deliveries now; ended ones too, where an id or --state names them."""
    run(context, "retry", (ids, states, recipient, domain, conversation, credential, code), yes, as_json)


@queue.command("hold")
def queue_hold(
    context: typer.Context,
    ids: Ids = None,
    states: States = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    code: Code = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Keep waiting deliveries back until they are released."""
    run(context, "hold", (ids, states, recipient, domain, conversation, credential, code), yes, as_json)


@queue.command("release")
def queue_release(
    context: typer.Context,
    ids: Ids = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send what is held; without a condition all of it."""
    run(context, "release", (ids, None, recipient, domain, conversation, credential, ""), yes, as_json)


@queue.command("cancel")
def queue_cancel(
    context: typer.Context,
    ids: Ids = None,
    states: States = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    code: Code = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give up deliveries that wait or are held."""
    run(context, "cancel", (ids, states, recipient, domain, conversation, credential, code), yes, as_json)


@queue.command("reroute")
def queue_reroute(
    context: typer.Context,
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The route, or auto for what the rules choose.")],
    ids: Ids = None,
    states: States = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    code: Code = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send what waits or is held over another route; ended ones too, where an id or --state names them."""
    given = (ids, states, recipient, domain, conversation, credential, code)
    run(context, "reroute", given, yes, as_json, route)


@queue.command("resend")
def queue_resend(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery with the wrong address.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The corrected address.")],
    as_json: AsJson = False,
) -> None:
    """Send the same mail to a corrected address."""
    from gatepost.cli.acts import resend

    with ending():
        resend(context.obj.settings(), delivery, address, as_json)


@queue.command("fix")
def queue_fix(
    context: typer.Context,
    fixes: Annotated[
        list[str] | None, typer.Argument(metavar="[OLD=NEW...]", help="Failing and corrected address; none lists them.")
    ] = None,
    domain: DomainOf = "",
    conversation: ConversationOf = "",
    credential: CredentialOf = "",
    code: Code = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only tell how many mails would go where.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send all that failed at addresses to corrected ones; without any, list what failed and what may be meant."""
    from gatepost.cli.fixing import fix
    from gatepost.store.queue import Which

    with ending():
        which = Which(domain=domain, conversation=conversation, credential=credential, code=code)
        fix(context.obj.settings(), fixes or [], which, preview, yes, as_json)


Given = tuple[list[str] | None, list[str] | None, str, str, str, str, str]


def run(context: typer.Context, name: str, given: Given, yes: bool, as_json: bool, route: str = "") -> None:
    from gatepost.cli.acts import act
    from gatepost.store.queue import Which

    ids, states, recipient, domain, conversation, credential, code = given
    with ending():
        which = Which(tuple(ids or ()), tuple(states or ()), recipient, domain, conversation, credential, code)
        act(context.obj.settings(), name, which, yes, as_json, route)


@suppression.command("list")
def suppression_list(
    context: typer.Context,
    text: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only addresses with this text.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the addresses with the reason, the proof and the end."""
    from gatepost.cli.suppression import list_suppressions

    with ending():
        list_suppressions(context.obj.settings(), text, limit, as_json)


@suppression.command("add")
def suppression_add(
    context: typer.Context,
    address: Address,
    reason: Annotated[str, typer.Option(help="Why nothing is to be sent there.")] = "A person asked for it",
    days: Annotated[
        int, typer.Option(min=0, max=3650, show_default=False, help="For so many days (default: for good).")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Send nothing to an address any more."""
    from gatepost.cli.suppression import add

    with ending():
        add(context.obj.settings(), address, reason, days, as_json)


@suppression.command("remove")
def suppression_remove(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Write to an address again."""
    from gatepost.cli.suppression import remove

    with ending():
        remove(context.obj.settings(), address, as_json)


@suppression.command("stream")
def suppression_stream(
    context: typer.Context,
    credential: Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Its name, user name or id.")],
    stream: Annotated[str, typer.Argument(metavar="STREAM", help='As recipients read it; "" for none.')],
    as_json: AsJson = False,
) -> None:
    """Let recipients leave the mail of a credential, by a link of their own in each (RFC 8058)."""
    from gatepost.cli.suppression import name_stream

    with ending():
        name_stream(context.obj.settings(), credential, stream, as_json)


@suppression.command("left")
def suppression_left(
    context: typer.Context,
    text: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only addresses with this text.")] = "",
    as_json: AsJson = False,
) -> None:
    """List who has left which stream."""
    from gatepost.cli.suppression import list_left

    with ending():
        list_left(context.obj.settings(), text, as_json)


@suppression.command("back")
def suppression_back(
    context: typer.Context,
    address: Address,
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream that was left.")],
    as_json: AsJson = False,
) -> None:
    """Send a stream to an address again, where its owner asked for that."""
    from gatepost.cli.suppression import take_back

    with ending():
        take_back(context.obj.settings(), address, stream, as_json)
