"""The commands of routes; `gatepost route ADDRESS` without a further command explains."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson


class Explaining(TyperGroup):
    """A group whose first argument may be an address: then it is explained."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `explain` before what is no command."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["explain", *args]
        return super().parse_args(ctx, args)


route = typer.Typer(
    name="route",
    cls=Explaining,
    help="The ways out: `gatepost route ADDRESS` tells which one mail to an address takes, and why.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The route.")]
Url = Annotated[str, typer.Option(metavar="URL", help="The server: smtp://user@host:port, or smtps://...")]
Tls = Annotated[str, typer.Option(metavar="POLICY", help="required (default), opportunistic or none.")]
Auth = Annotated[str, typer.Option(metavar="HOW", help="password (default), xoauth2 or oauthbearer.")]
Ca = Annotated[str, typer.Option("--ca", metavar="FILE", help="Trust these certificates (PEM), not the system's.")]
PasswordFile = Annotated[Path | None, typer.Option(help="A file with the password.")]
TokenFile = Annotated[str, typer.Option(metavar="FILE", help="A file that always holds a valid access token.")]
TokenCommand = Annotated[str, typer.Option(metavar="COMMAND", help="A command that prints an access token.")]
TokenUrl = Annotated[str, typer.Option(metavar="URL", help="The OAuth token address of the provider.")]
ClientId = Annotated[str, typer.Option(metavar="ID", help="The OAuth client.")]
ClientSecretFile = Annotated[Path | None, typer.Option(help="A file with the OAuth client's secret.")]
RefreshTokenFile = Annotated[Path | None, typer.Option(help="A file with a refresh token; it is sealed and renewed.")]
Scope = Annotated[str, typer.Option(metavar="SCOPE", help="The OAuth scope, where the provider wants one.")]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="RULE", help="sender:, credential: or recipient: and its value; repeatable."),
]
Account = Annotated[str, typer.Option(metavar="ADDRESS", help="The connected mailbox of a route of kind account.")]


@route.command("explain")
def route_explain(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A recipient.")],
    sender: Annotated[str, typer.Option(metavar="ADDRESS", help="Whose mail: the address in From.")] = "",
    credential: Annotated[str, typer.Option(metavar="NAME", help="Whose mail: the credential's name.")] = "",
    require_tls: Annotated[
        bool | None,
        typer.Option(
            "--require-tls/--no-require-tls", help="Send to its domain only over TLS that is checked, or not."
        ),
    ] = None,
    forget_tls: Annotated[
        bool, typer.Option("--forget-tls", help="Forget that its domain had TLS, where it really gave it up.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell which way mail to an address takes, and why; nothing is sent."""
    from gatepost.cli.route import Asked
    from gatepost.cli.route import route as run

    with ending():
        run(context.obj.settings(), address, Asked(sender, credential, require_tls, forget_tls), as_json)


@route.command("list")
def route_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the routes; the first is that of the settings, which takes what no rule fits."""
    from gatepost.cli.route import list_all

    with ending():
        list_all(context.obj.settings(), as_json)


@route.command("add")
def route_add(
    context: typer.Context,
    name: Name,
    kind: Annotated[str, typer.Option(metavar="KIND", help="relay, account, direct or sandbox.")] = "relay",
    url: Url = "",
    rules: Rules = None,
    account: Account = "",
    tls: Tls = "",
    auth: Auth = "",
    ca: Ca = "",
    password_file: PasswordFile = None,
    token_file: TokenFile = "",
    token_command: TokenCommand = "",
    token_url: TokenUrl = "",
    client_id: ClientId = "",
    client_secret_file: ClientSecretFile = None,
    refresh_token_file: RefreshTokenFile = None,
    scope: Scope = "",
    as_json: AsJson = False,
) -> None:
    """Make a route, and say with --rule which mail takes it."""
    from gatepost.cli.route import add

    given = given_of(url, tls, auth, ca, token_file, token_command, token_url, client_id, scope)
    files = {"password": password_file, "client_secret": client_secret_file, "refresh_token": refresh_token_file}
    with ending():
        add(context.obj.settings(), name, kind, given, files, rules or [], account, as_json)


@route.command("set")
def route_set(
    context: typer.Context,
    name: Name,
    url: Url = "",
    rules: Rules = None,
    no_rules: Annotated[bool, typer.Option("--no-rules", help="Take all its rules away.")] = False,
    account: Account = "",
    tls: Tls = "",
    auth: Auth = "",
    ca: Ca = "",
    password_file: PasswordFile = None,
    token_file: TokenFile = "",
    token_command: TokenCommand = "",
    token_url: TokenUrl = "",
    client_id: ClientId = "",
    client_secret_file: ClientSecretFile = None,
    refresh_token_file: RefreshTokenFile = None,
    scope: Scope = "",
    as_json: AsJson = False,
) -> None:
    """Change a route: what is not named stays; --rule replaces all of its rules."""
    from gatepost.cli.route import change

    given = given_of(url, tls, auth, ca, token_file, token_command, token_url, client_id, scope)
    files = {"password": password_file, "client_secret": client_secret_file, "refresh_token": refresh_token_file}
    with ending():
        change(context.obj.settings(), name, given, files, [] if no_rules else rules or None, account, as_json)


def given_of(*values: str) -> dict[str, str]:
    names = ("url", "tls", "auth", "ca", "token_file", "token_command", "token_url", "client_id", "scope")
    return dict(zip(names, values, strict=True))


@route.command("remove")
def route_remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Delete a route."""
    from gatepost.cli.route import remove

    with ending():
        remove(context.obj.settings(), name, as_json)


@route.command("test")
def route_test(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Connect, encrypt and log in as a mail would; nothing is sent."""
    from gatepost.cli.route import test

    with ending():
        test(context.obj.settings(), name, as_json)
