"""The commands of OAuth clients."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson

oauth_client = typer.Typer(
    name="oauth-client", help="What Gatepost is registered as at Google and Microsoft.", no_args_is_help=True
)
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="google or microsoft.")]


@oauth_client.command("steps")
def oauth_client_steps(context: typer.Context, provider: Provider, as_json: AsJson = False) -> None:
    """Tell how to register, with this installation's redirect address and permissions."""
    from gatepost.cli.oauth_client import show_steps

    with ending():
        show_steps(context.obj.settings(), provider, as_json)


@oauth_client.command("set")
def oauth_client_set(
    context: typer.Context,
    provider: Provider,
    client_id: Annotated[str, typer.Option(metavar="ID", help="The client id that the provider shows.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="A file with the client secret; it is sealed.")] = None,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Microsoft's tenant; empty for any.")] = None,
    audience: Annotated[str, typer.Option(metavar="WHO", help="internal (default), external or testing.")] = "",
    secret_ends: Annotated[str | None, typer.Option(metavar="DAY", help="When the secret ends: 2027-05-31.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set or change a registration; what is not named stays."""
    from gatepost.cli.oauth_client import Given, set_client

    with ending():
        given = Given(client_id, secret_file, tenant, audience, secret_ends)
        set_client(context.obj.settings(), provider, given, as_json)


@oauth_client.command("list")
def oauth_client_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the registrations; secrets are never shown."""
    from gatepost.cli.oauth_client import list_all

    with ending():
        list_all(context.obj.settings(), as_json)


@oauth_client.command("remove")
def oauth_client_remove(
    context: typer.Context,
    provider: Provider,
    even_if_used: Annotated[bool, typer.Option("--even-if-used", help="Although mailboxes log in with it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a registration."""
    from gatepost.cli.oauth_client import remove

    with ending():
        remove(context.obj.settings(), provider, even_if_used, as_json)
