"""The command line: what each command does is imported when it runs, so that `--help` is there at once."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import gatepost.cli.app_sending  # noqa: F401 - its commands belong to `mailbox`
from gatepost import __version__
from gatepost.cli.app_acts import suppression
from gatepost.cli.app_conversation import conversation
from gatepost.cli.app_identity import domain, sender
from gatepost.cli.app_inbound import inbound
from gatepost.cli.app_mailboxes import queue
from gatepost.cli.app_oauth import oauth_client
from gatepost.cli.app_route import route
from gatepost.cli.app_senders import credential, user
from gatepost.cli.app_webhooks import webhook
from gatepost.cli.app_whole import mailbox
from gatepost.cli.frame import Frame, ending, finish
from gatepost.cli.options import AsJson

app = typer.Typer(
    name="gatepost",
    help="Gatepost: a mail gateway with conversation threading that explains every decision.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_group = typer.Typer(name="config", help="The settings in force.", no_args_is_help=True)
for group in (
    user,
    conversation,
    credential,
    sender,
    domain,
    inbound,
    mailbox,
    oauth_client,
    queue,
    route,
    suppression,
    webhook,
    config_group,
):
    app.add_typer(group)


def show_version(value: bool) -> None:
    if value:
        typer.echo(f"gatepost {__version__}")
        raise typer.Exit


@contextmanager
def loading() -> Iterator[None]:
    """Load what handles many mails, and look for garbage seldom from then on."""
    gc.disable()  # loading the program makes many objects and no garbage: looking for it takes a fifth of the start
    yield
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 10, 20)  # a mail makes thousands of objects and no cycles; a page's are some MB of cycles


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
    first: Annotated[
        bool, typer.Option("--init", help="Make what is missing before, as `gatepost init` does.")
    ] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Do only this: gateway, web, sync, deliver or notify; may be repeated, needs PostgreSQL."),
    ] = None,
) -> None:
    """Run everything: submission, MX, the pages and the API, the outbox and the mailbox poller."""
    with loading():
        from gatepost.cli.init import init as make
        from gatepost.cli.serve import serve as run

    with ending():
        settings = context.obj.settings()
        if first:
            make(settings, "", as_json)
        run(settings, as_json, role or ())


@app.command()
def init(
    context: typer.Context,
    email: Annotated[str, typer.Option(help="The first admin's address (default: admin@ your domain).")] = "",
    as_json: AsJson = False,
) -> None:
    """Make the key file, the database, the certificate and the first admin; safe to run again."""
    from gatepost.cli.init import init as run

    with ending():
        run(context.obj.settings(), email, as_json)


@app.command()
def migrate(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring the database to the version of this program."""
    from gatepost.cli.init import migrate as run

    with ending():
        run(context.obj.settings(), as_json)


@app.command("import")
def import_mail(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Mail files, folders and mbox files.")],
    mailbox: Annotated[
        str, typer.Option("--mailbox", "--channel", metavar="ADDRESS", help="The mailbox that the mail belongs to.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read everything, say what is new, store nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Store mail from files; nobody is told of it, and a second run adds nothing."""
    with loading():
        from gatepost.cli.importing import import_paths

    with ending():
        finish(import_paths(context.obj.settings(), paths, mailbox, as_json, dry_run))


@app.command()
def parse(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Mail files, folders and mbox files.")],
    as_json: AsJson = False,
) -> None:
    """Show what Gatepost reads in mail files; needs no configuration."""
    from gatepost.cli.parse import parse_files

    with ending():
        finish(parse_files(paths, as_json, sys.stdout))


@app.command()
def thread(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Mail files, folders and mbox files.")
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            help="desk: as live mail is placed; archive: as history is threaded, by subjects too; "
            "strict, for a dry run: who proves nothing joins nothing."
        ),
    ] = "desk",
    dry: Annotated[bool, typer.Option("--dry-run", help="Stored mail: which would land elsewhere?")] = False,
    put: Annotated[bool, typer.Option("--put", help="Stored mail: put what would land elsewhere there.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days back the dry run looks.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show which mails of files belong together, and why; or which stored ones another policy would put elsewhere."""
    if dry or put:
        from gatepost.cli.replay import dry_run

        with ending():
            finish(dry_run(context.obj.settings(), days, policy, put, as_json))
        return
    from gatepost.cli.thread import thread_paths

    with ending():
        finish(thread_paths(paths or [], policy, as_json, sys.stdout))


@app.command()
def replay(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID", help="An id, #number, an address or a Message-ID.")],
    policy: Annotated[str, typer.Option(help="desk, strict or archive.")] = "desk",
    put: Annotated[bool, typer.Option("--put", help="Put what would be elsewhere there; it can be undone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide about stored inbound mail anew, by today's code, and show what would be different."""
    from gatepost.cli.replay import replay as run

    with ending():
        finish(run(context.obj.settings(), what, policy, put, as_json))


@app.command()
def trace(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID", help="An id, #number, an address or a Message-ID.")],
    as_json: AsJson = False,
) -> None:
    """Tell what happened to a message or delivery, or why an inbound mail is where it is."""
    from gatepost.cli.trace import trace as run

    with ending():
        run(context.obj.settings(), what, as_json)


@app.command()
def code(
    words: Annotated[list[str], typer.Argument(metavar="CODE", help="A code such as 5.7.1 or 550, or words.")],
    as_json: AsJson = False,
) -> None:
    """Tell what a delivery code means, what to do, who can fix it, and whether later may work."""
    from gatepost.cli.code import explain

    with ending():
        explain(words, as_json)


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check everything that serving needs, and say how to fix what is wrong."""
    from gatepost.cli.doctor import doctor as run

    with ending():
        finish(run(context.obj.config, as_json))


@app.command()
def fsck(
    context: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Make wrong counts anew, remove files left behind.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that everything that was accepted is there, each recipient in one state."""
    from gatepost.cli.fsck import fsck as run

    with ending():
        finish(run(context.obj.settings(), fix, as_json))


@app.command()
def demo(context: typer.Context) -> None:
    """Play a scene through the running server that shows every state within a minute."""
    from gatepost.cli.demo import run

    with ending():
        run(context.obj.settings())


@config_group.command("show")
def config_show(
    context: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Show where each value comes from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force, passwords masked."""
    from gatepost.cli.config import show

    with ending():
        show(context.obj.config, origin, as_json)


def show_whole(group: typer.Typer) -> None:
    """Have each command's sentence shown whole in the list of its group; it would be cut off at the line's end."""
    for command in group.registered_commands:
        text = command.help or (command.callback and command.callback.__doc__) or ""
        command.short_help = " ".join(text.partition("\n\n")[0].split())
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            inner.short_help = str(inner.typer_instance.info.help)
            show_whole(inner.typer_instance)


def main() -> None:
    """The command; files that it makes, such as the database with all mail, are its user's alone."""
    os.umask(0o077)
    show_whole(app)
    app()
