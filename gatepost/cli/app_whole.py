"""The commands about a mailbox's completeness, folders, old mail, state and what ends; the work is imported late."""

from typing import Annotated

import typer

from gatepost.cli.app_mailboxes import Address
from gatepost.cli.app_mailboxes import mailbox as mailbox
from gatepost.cli.frame import BadInput, ending, finish
from gatepost.cli.options import AsJson


@mailbox.command("show")
def mailbox_show(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Show a mailbox: its state since when and why, the next step, its import and whether all mail is here."""
    from gatepost.cli.mailbox_state import show_mailbox

    with ending():
        show_mailbox(context.obj.settings(), address, as_json)


@mailbox.command("verify")
def mailbox_verify(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="[ADDRESS]", help="The mailbox's address (default: all).")] = "",
    days: Annotated[bool, typer.Option("--days", help="A line for each folder and day.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare every mail on the server with what is here; ends with 3 when one is missing."""
    from gatepost.cli.completeness import verify_mailboxes

    with ending():
        finish(verify_mailboxes(context.obj.settings(), address, days, as_json))


@mailbox.command("import")
def mailbox_import(
    context: typer.Context,
    address: Address,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all mail that was there before.")] = False,
    days: Annotated[int, typer.Option("--days", show_default=False, help="Fetch that of the last so many days.")] = 0,
    new: Annotated[bool, typer.Option("--new", help="Fetch none of it.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Fetch no more of it for now.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was paused.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Look anew for what is wanted and not here.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show how far it is until it is done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what of a mailbox's old mail is fetched, pause or resume that, or show how far it is."""
    from gatepost.cli.mailbox_state import import_old

    with ending():
        chosen = [word for word, on in (("all", everything), ("days", bool(days)), ("new", new)) if on]
        acts = [word for word, on in (("pause", pause), ("resume", resume), ("again", again)) if on]
        if len(chosen) + len(acts) > 1:
            raise BadInput("--all, --days, --new, --pause, --resume, --again: give one of them")
        choice, act = "".join(chosen), "".join(acts)
        import_old(context.obj.settings(), address, choice, days, act, watch, as_json)


@mailbox.command("folders")
def mailbox_folders(
    context: typer.Context,
    address: Address,
    read: Annotated[list[str] | None, typer.Option("--read", metavar="FOLDER", help="Read this folder.")] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option("--leave", metavar="FOLDER", help="Read this folder no more; what is here stays."),
    ] = None,
    by_role: Annotated[
        list[str] | None, typer.Option("--by-role", metavar="FOLDER", help="Read this folder if its role says so.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the server first which folders there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the folders of a mailbox, which of them are read and why; or choose others."""
    from gatepost.cli.folders import mailbox_folders

    with ending():
        said = ((True, read), (False, leave), (None, by_role))
        wanted = {name: word for word, names in said for name in names or ()}
        if len(wanted) < sum(len(names or ()) for _, names in said):
            raise BadInput("--read, --leave, --by-role: name each folder once")
        mailbox_folders(context.obj.settings(), address, wanted, ask, as_json)


@mailbox.command("expiries")
def mailbox_expiries(context: typer.Context, as_json: AsJson = False) -> None:
    """List what ends some day: secrets, logins, the certificate, keys; ends with 3 when one does within 30 days."""
    from gatepost.cli.mailbox_state import expiries

    with ending():
        finish(expiries(context.obj.settings(), as_json))
