"""The commands of webhooks; what they do is imported when they run."""

from typing import Annotated

import typer

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson

webhook = typer.Typer(name="webhook", help="Where systems are told of events.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook, `whk_...`.")]


@webhook.command("add")
def webhook_add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to call, https://...")],
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only such events, as delivery.failed or delivery.*; repeatable."),
    ] = None,
    credential: Annotated[str, typer.Option(metavar="NAME", help="Only about mail of this credential.")] = "",
    as_json: AsJson = False,
) -> None:
    """Call an address whenever something happens; shows the secret once."""
    from gatepost.cli.webhook import add

    with ending():
        add(context.obj.settings(), url, kinds or [], credential, as_json)


@webhook.command("list")
def webhook_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the webhooks."""
    from gatepost.cli.webhook import list_all

    with ending():
        list_all(context.obj.settings(), as_json)


@webhook.command("remove")
def webhook_remove(context: typer.Context, webhook_id: Id, as_json: AsJson = False) -> None:
    """Delete a webhook with its log."""
    from gatepost.cli.webhook import remove

    with ending():
        remove(context.obj.settings(), webhook_id, as_json)


@webhook.command("test")
def webhook_test(context: typer.Context, webhook_id: Id, as_json: AsJson = False) -> None:
    """Send a webhook a test event."""
    from gatepost.cli.webhook import send_test

    with ending():
        send_test(context.obj.settings(), webhook_id, as_json)


@webhook.command("enable")
def webhook_enable(context: typer.Context, webhook_id: Id, as_json: AsJson = False) -> None:
    """Switch a webhook on again."""
    from gatepost.cli.webhook import enable

    with ending():
        enable(context.obj.settings(), webhook_id, as_json)


@webhook.command("rotate")
def webhook_rotate(
    context: typer.Context,
    webhook_id: Id,
    finish: Annotated[bool, typer.Option("--finish", help="Forget the old secret.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new secret; both sign until --finish."""
    from gatepost.cli.webhook import rotate

    with ending():
        rotate(context.obj.settings(), webhook_id, finish, as_json)


@webhook.command("log")
def webhook_log(
    context: typer.Context,
    webhook_id: Id,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the calls of a webhook; with --json also what was sent."""
    from gatepost.cli.webhook import show_log

    with ending():
        show_log(context.obj.settings(), webhook_id, limit, as_json)


@webhook.command("replay")
def webhook_replay(
    context: typer.Context,
    webhook_id: Id,
    call_id: Annotated[str, typer.Argument(metavar="CALL", help="The call, `whc_...`.")],
    as_json: AsJson = False,
) -> None:
    """Make one call once more, with the same event id."""
    from gatepost.cli.webhook import replay

    with ending():
        replay(context.obj.settings(), webhook_id, call_id, as_json)
