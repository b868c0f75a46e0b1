"""The commands about who we send as: domains and sender addresses; what they do is imported when they run."""

from typing import Annotated

import typer

from gatepost.cli.frame import ending, finish
from gatepost.cli.options import AsJson

domain = typer.Typer(name="domain", help="Domains that Gatepost signs for.", no_args_is_help=True)
sender = typer.Typer(name="sender", help="Addresses that may stand in From.", no_args_is_help=True)

DomainName = Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain such as example.com.")]
SenderAddress = Annotated[str, typer.Argument(metavar="ADDRESS", help="An address such as sales@example.com.")]


@domain.command("add")
def domain_add(context: typer.Context, name: DomainName, as_json: AsJson = False) -> None:
    """Make DKIM keys for a domain, and show the DNS records to publish."""
    from gatepost.cli.domain import add_domain

    with ending():
        add_domain(context.obj.settings(), name, as_json)


@domain.command("list")
def domain_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the domains that Gatepost signs for, and whether they are proven."""
    from gatepost.cli.domain import list_domains

    with ending():
        list_domains(context.obj.settings(), as_json)


@domain.command("show")
def domain_show(context: typer.Context, name: DomainName, as_json: AsJson = False) -> None:
    """Show the DNS records to publish for a domain."""
    from gatepost.cli.domain import show_domain

    with ending():
        show_domain(context.obj.settings(), name, as_json)


@domain.command("zone")
def domain_zone(context: typer.Context, name: DomainName, as_json: AsJson = False) -> None:
    """Print the records as lines of a zone file."""
    from gatepost.cli.domain import write_zone

    with ending():
        write_zone(context.obj.settings(), name, as_json)


@domain.command("check")
def domain_check(context: typer.Context, name: DomainName, as_json: AsJson = False) -> None:
    """Ask the DNS for each record and say what is wrong; ends with 3 when a needed one is not right."""
    from gatepost.cli.domain import check

    with ending():
        finish(check(context.obj.settings(), name, as_json))


@domain.command("rotate")
def domain_rotate(
    context: typer.Context,
    name: DomainName,
    algorithm: Annotated[str, typer.Option(help="rsa-sha256 or ed25519-sha256.")] = "rsa-sha256",
    back: Annotated[bool, typer.Option("--back", help="Go one step back.")] = False,
    look: Annotated[bool, typer.Option("--look", help="Only tell where the rotation stands.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the next step of replacing a domain's DKIM key."""
    from gatepost.cli.domain import rotate

    with ending():
        rotate(context.obj.settings(), name, algorithm, back, look, as_json)


@domain.command("remove")
def domain_remove(context: typer.Context, name: DomainName, as_json: AsJson = False) -> None:
    """Forget a domain and its keys."""
    from gatepost.cli.domain import remove_domain

    with ending():
        remove_domain(context.obj.settings(), name, as_json)


@sender.command("list")
def sender_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the addresses that were confirmed, or asked to confirm."""
    from gatepost.cli.sender import list_senders

    with ending():
        list_senders(context.obj.settings(), as_json)


@sender.command("check")
def sender_check(context: typer.Context, address: SenderAddress, as_json: AsJson = False) -> None:
    """Say whether an address may stand in From, and why."""
    from gatepost.cli.sender import check_sender

    with ending():
        check_sender(context.obj.settings(), address, as_json)


@sender.command("add")
def sender_add(context: typer.Context, address: SenderAddress, as_json: AsJson = False) -> None:
    """Send a confirmation mail to an address, once more for one that waits."""
    from gatepost.cli.sender import add_sender

    with ending():
        add_sender(context.obj.settings(), address, as_json)


@sender.command("remove")
def sender_remove(context: typer.Context, address: SenderAddress, as_json: AsJson = False) -> None:
    """Forget an address."""
    from gatepost.cli.sender import remove_sender

    with ending():
        remove_sender(context.obj.settings(), address, as_json)
