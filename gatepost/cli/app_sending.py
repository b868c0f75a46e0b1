"""The commands about how a connected mailbox sends, its copies, two ways, and trying it all."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost.cli.app_mailboxes import Address, mailbox
from gatepost.cli.frame import ending, finish
from gatepost.cli.options import AsJson


@mailbox.command("test")
def mailbox_test(
    context: typer.Context,
    address: Address,
    round_trip: Annotated[
        bool, typer.Option("--send/--no-send", help="Also send a mail to the mailbox itself and wait for it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try a connected mailbox step by step: login, folders, Sent, writing, sending; nothing stays there."""
    from gatepost.cli.sending import test_mailbox

    with ending():
        finish(test_mailbox(context.obj.settings(), address, round_trip, as_json))


@mailbox.command("sending")
def mailbox_sending(
    context: typer.Context,
    address: Address,
    host: Annotated[str | None, typer.Option(help="The server that it sends over, such as smtp.example.com.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port (default: 465 with tls, 587 with starttls).")] = None,
    security: Annotated[str | None, typer.Option(help="tls or starttls.")] = None,
    through: Annotated[
        bool | None, typer.Option("--through/--not-through", help="Whether its mail goes out over its own account.")
    ] = None,
    copies: Annotated[
        str | None, typer.Option(help="A copy in Sent: auto (where the provider keeps none), always or never.")
    ] = None,
    sent_folder: Annotated[str | None, typer.Option(help="The folder for copies; empty: the one marked Sent.")] = None,
    two_way: Annotated[
        bool | None, typer.Option("--two-way/--one-way", help="Whether what is done here is done there too.")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="The mailbox's password again, in a file: another server or security needs it."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Try once more what could not be done at the provider and was given up.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Save another server also where it does not answer now; it is tried first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show or change how a connected mailbox sends, where copies go, and whether it works two ways."""
    from gatepost.cli.sending import Wanted, change_sending

    with ending():
        wanted = Wanted(host, port, security, through, copies, sent_folder, two_way, password_file, again, anyway)
        change_sending(context.obj.settings(), address, wanted, as_json)
