"""The commands about mailboxes and the queue; what they do is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost.cli.frame import ending, finish
from gatepost.cli.options import AsJson, DomainOf, Recipient, States

mailbox = typer.Typer(name="mailbox", help="Addresses that people write to.", no_args_is_help=True)
queue = typer.Typer(name="queue", help="What waits to be delivered.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mailbox's address.")]


@mailbox.command("add")
def mailbox_add(
    context: typer.Context,
    address: Address,
    name: Annotated[str, typer.Option(help="What agents call it (default: the address).")] = "",
    sender_name: Annotated[str, typer.Option(help="The name that answers come from (default: its name).")] = "",
    aliases: Annotated[
        list[str] | None, typer.Option("--alias", metavar="ADDRESS", help="A further address; may be repeated.")
    ] = None,
    by_mx: Annotated[bool, typer.Option("--mx/--no-mx", help="Whether mail comes by the MX listener.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make a mailbox."""
    from gatepost.cli.mailbox import add_mailbox

    with ending():
        add_mailbox(context.obj.settings(), address, name, sender_name, aliases or [], by_mx, as_json)


@mailbox.command("list")
def mailbox_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List all mailboxes with their state."""
    from gatepost.cli.mailbox import list_mailboxes

    with ending():
        list_mailboxes(context.obj.settings(), as_json)


@mailbox.command("connect")
def mailbox_connect(
    context: typer.Context,
    address: Address,
    host: Annotated[str, typer.Option(help="The IMAP server, such as imap.example.com.")],
    port: Annotated[
        int, typer.Option(show_default=False, help="Its port (default: 993 with tls, 143 with starttls).")
    ] = 0,
    security: Annotated[str, typer.Option(help="tls, starttls or none.")] = "tls",
    username: Annotated[str, typer.Option(help="The login (default: the mailbox's address).")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="The file with the password in its first line (default: ask).")
    ] = None,
    folder: Annotated[str, typer.Option(help="The folder to fetch.")] = "INBOX",
    authserv_id: Annotated[
        str, typer.Option(help="The provider's name in Authentication-Results that may be trusted.")
    ] = "",
    old: Annotated[
        str,
        typer.Option(
            "--import",
            metavar="WHAT",
            help="What of the mail that is there is fetched: all, new (none of it), a number of days, or ask: nothing "
            "at all before it is chosen.",
        ),
    ] = "all",
    tried: Annotated[bool, typer.Option("--check/--no-check", help="Log in for real before saving.")] = True,
    as_json: AsJson = False,
) -> None:
    """Fetch an IMAP account into a mailbox; it is only read, unless `mailbox sending` says otherwise."""
    from gatepost.cli.connect import Login, connect

    with ending():
        login = Login(host, port, security, username, password_file, folder, authserv_id, old.strip().lower())
        connect(context.obj.settings(), address, login, tried, as_json)


@mailbox.command("check")
def mailbox_check(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Try a mailbox's stored login."""
    from gatepost.cli.connect import check_mailbox

    with ending():
        finish(check_mailbox(context.obj.settings(), address, as_json))


@mailbox.command("explain")
def mailbox_explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the provider said: an error, a code, a sentence.")],
    provider: Annotated[str, typer.Option(help="google or microsoft (default: both).")] = "",
    as_json: AsJson = False,
) -> None:
    """Explain why a mailbox cannot be connected: what happened, who must act, the next step."""
    from gatepost.cli.consent import explain_refusal

    with ending():
        explain_refusal(text, provider, as_json)


@mailbox.command("poll")
def mailbox_poll(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Have the running server fetch a mailbox now, or again after a disconnect."""
    from gatepost.cli.mailbox import poll

    with ending():
        poll(context.obj.settings(), address, as_json)


@mailbox.command("disconnect")
def mailbox_disconnect(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Stop fetching a mailbox, and give its permission back to the provider; what was fetched stays."""
    from gatepost.cli.connect import disconnect

    with ending():
        disconnect(context.obj.settings(), address, as_json)


@mailbox.command("remove")
def mailbox_remove(context: typer.Context, address: Address, as_json: AsJson = False) -> None:
    """Delete a mailbox; one with history is switched off instead."""
    from gatepost.cli.mailbox import remove

    with ending():
        remove(context.obj.settings(), address, as_json)


@queue.command("list")
def queue_list(
    context: typer.Context,
    states: States = None,
    recipient: Recipient = "",
    domain: DomainOf = "",
    tag: Annotated[str, typer.Option(metavar="NAME", help="Only mail of conversations with this tag.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List deliveries; without a condition those that wait."""
    from gatepost.cli.queue import list_queue
    from gatepost.store.queue import Which

    with ending():
        which = Which((), tuple(states or ()), recipient, domain, tag=tag)
        list_queue(context.obj.settings(), which, limit, as_json)


@queue.command("show")
def queue_show(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="A delivery's id.")],
    as_json: AsJson = False,
) -> None:
    """Show a delivery with all its attempts."""
    from gatepost.cli.queue import show

    with ending():
        show(context.obj.settings(), delivery, as_json)


@queue.command("counts")
def queue_counts(context: typer.Context, as_json: AsJson = False) -> None:
    """Count the deliveries in each state."""
    from gatepost.cli.queue import counts

    with ending():
        counts(context.obj.settings(), as_json)
