"""The commands of inbound mail that was set aside; what they do is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson

inbound = typer.Typer(name="inbound", help="Inbound mail that waits for a person.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The mail as it came, `arr_...`.")]


@inbound.command("list")
def inbound_list(
    context: typer.Context,
    which: Annotated[
        str, typer.Argument(metavar="LIST", help="quarantined, review or unlinked (reports that fit no mail).")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List what waits, each with why."""
    from gatepost.cli.inbound import list_waiting

    with ending():
        list_waiting(context.obj.settings(), which, as_json)


@inbound.command("raw")
def inbound_raw(
    context: typer.Context,
    arrival_id: Id,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a mail as it came, on standard output or into a file."""
    from gatepost.cli.inbound import raw

    with ending():
        raw(context.obj.settings(), arrival_id, to, as_json)


@inbound.command("again")
def inbound_again(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Mails to read, `arr_...`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that could not be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read again what could not be read."""
    from gatepost.cli.inbound import again

    with ending():
        again(context.obj.settings(), ids or [], every, as_json)


@inbound.command("discard")
def inbound_discard(
    context: typer.Context,
    arrival_id: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    as_json: AsJson = False,
) -> None:
    """Take unreadable mail or a report off its list."""
    from gatepost.cli.inbound import discard

    with ending():
        discard(context.obj.settings(), arrival_id, reason, as_json)


@inbound.command("release")
def inbound_release(
    context: typer.Context,
    arrival_id: Id,
    into: Annotated[bool, typer.Option("--into", help="Into the conversation it claims to belong to.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let in a mail that waits in review."""
    from gatepost.cli.inbound import release

    with ending():
        release(context.obj.settings(), arrival_id, into, as_json)


@inbound.command("keep-out")
def inbound_keep_out(context: typer.Context, arrival_id: Id, as_json: AsJson = False) -> None:
    """Leave out a mail that waits in review."""
    from gatepost.cli.inbound import keep_out

    with ending():
        keep_out(context.obj.settings(), arrival_id, as_json)


@inbound.command("belongs")
def inbound_belongs(
    context: typer.Context,
    arrival_id: Id,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery, `dlv_...`.")],
    as_json: AsJson = False,
) -> None:
    """Say which delivery a report is about; it suppresses nothing."""
    from gatepost.cli.inbound import belongs

    with ending():
        belongs(context.obj.settings(), arrival_id, delivery, as_json)
