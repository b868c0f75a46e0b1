"""The commands about people and credentials; what they do is imported when they run."""

from typing import Annotated

import typer

from gatepost.cli.frame import ending
from gatepost.cli.options import AsJson

user = typer.Typer(name="user", help="People who log in to the pages.", no_args_is_help=True)
credential = typer.Typer(name="credential", help="What systems submit mail with.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address that the user logs in with.")]
Name = Annotated[str, typer.Option(help="The name that others see (default: the address).")]
Role = Annotated[str, typer.Option(help="admin or agent.")]
Mailboxes = Annotated[
    list[str] | None, typer.Option("--mailbox", metavar="ADDRESS", help="A mailbox to work in; may be repeated.")
]
Which = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Its id, user name or name.")]


@user.command("add")
def user_add(
    context: typer.Context,
    email: Email,
    name: Name = "",
    role: Role = "agent",
    mailboxes: Mailboxes = None,
    as_json: AsJson = False,
) -> None:
    """Make a user with a one-time password, which is printed once."""
    from gatepost.cli.user import add_user

    with ending():
        add_user(context.obj.settings(), email, name, role, mailboxes or [], as_json)


@user.command("invite")
def user_invite(
    context: typer.Context,
    email: Email,
    name: Name = "",
    role: Role = "agent",
    mailboxes: Mailboxes = None,
    as_json: AsJson = False,
) -> None:
    """Print a link to set a password with, once; makes the user where there is none."""
    from gatepost.cli.user import invite_user

    with ending():
        invite_user(context.obj.settings(), email, name, role, mailboxes or [], as_json)


@user.command("list")
def user_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List all users."""
    from gatepost.cli.user import list_users

    with ending():
        list_users(context.obj.settings(), as_json)


@user.command("password")
def user_password(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Give a user a new one-time password, printed once; all sessions end."""
    from gatepost.cli.user import set_password

    with ending():
        set_password(context.obj.settings(), email, as_json)


@user.command("disable")
def user_disable(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Log a user out for good."""
    from gatepost.cli.user import switch

    with ending():
        switch(context.obj.settings(), email, False, as_json)


@user.command("enable")
def user_enable(context: typer.Context, email: Email, as_json: AsJson = False) -> None:
    """Let a disabled user log in again."""
    from gatepost.cli.user import switch

    with ending():
        switch(context.obj.settings(), email, True, as_json)


@credential.command("add")
def credential_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The system that uses it, such as shop.")],
    senders: Annotated[
        list[str], typer.Option("--sender", metavar="ADDRESS|DOMAIN", help="What it may send as; may be repeated.")
    ],
    kind: Annotated[str, typer.Option(help="smtp or api.")] = "smtp",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="What an API key may do (default: all); may be repeated.")
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="May submit from there without a password; may be repeated."),
    ] = None,
    conversations: Annotated[
        str, typer.Option(help="When its mail becomes a conversation: always, answer or never.")
    ] = "answer",
    held: Annotated[bool, typer.Option("--held", help="Its mail is accepted and waits for a person.")] = False,
    tag: Annotated[str, typer.Option(help="A word that the events of its mail carry.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a credential; its secret is printed once."""
    from gatepost.cli.credential import Others, add_credential

    with ending():
        others = Others(conversations, held, tag)
        add_credential(context.obj.settings(), name, kind, senders, scopes or [], networks or [], others, as_json)


@credential.command("list")
def credential_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List all credentials."""
    from gatepost.cli.credential import list_credentials

    with ending():
        list_credentials(context.obj.settings(), as_json)


@credential.command("disable")
def credential_disable(context: typer.Context, which: Which, as_json: AsJson = False) -> None:
    """Refuse a credential from now on."""
    from gatepost.cli.credential import switch_credential

    with ending():
        switch_credential(context.obj.settings(), which, False, as_json)


@credential.command("enable")
def credential_enable(context: typer.Context, which: Which, as_json: AsJson = False) -> None:
    """Take a disabled credential again."""
    from gatepost.cli.credential import switch_credential

    with ending():
        switch_credential(context.obj.settings(), which, True, as_json)
