"""The command line: what each command does is imported when it runs, so that `--help` is there at once."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost import __version__
from gatepost.cli.frame import Frame, ending

app = typer.Typer(
    name="gatepost",
    help="Gatepost: a mail gateway with conversation threading that explains every decision.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def show_version(value: bool) -> None:
    if value:
        typer.echo(f"gatepost {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file (default: gatepost.toml, see the docs).")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    context.obj = Frame(config)


@app.command()
def serve(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it listens as one JSON object.")] = False,
) -> None:
    """Run everything: submission, MX, the pages and the API, the outbox and the mailbox poller."""
    from gatepost.cli.serve import serve as run

    with ending():
        run(context.obj.settings(), as_json)


@app.command()
def init(
    context: typer.Context,
    email: Annotated[str, typer.Option(help="The first admin's address (default: admin@ your domain).")] = "",
) -> None:
    """Make the key file, the database, the certificate and the first admin; safe to run again."""
    from gatepost.cli.init import init as run

    with ending():
        run(context.obj.settings(), email)


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to the version of this program."""
    from gatepost.cli.init import migrate as run

    with ending():
        run(context.obj.settings())


def main() -> None:
    """The command."""
    app()
