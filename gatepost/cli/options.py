"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
States = Annotated[list[str] | None, typer.Option("--state", help="Only in this state; may be repeated.")]
Recipient = Annotated[str, typer.Option(metavar="ADDRESS", help="Only to this recipient.")]
DomainOf = Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Only to recipients of this domain.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Deliveries or messages.")]
Code = Annotated[str, typer.Option(metavar="CODE", help="Only with this last answer, such as 550 or 5.1.1.")]
ConversationOf = Annotated[
    str, typer.Option("--conversation", metavar="NUMBER", help="Only mail of this conversation.")
]
CredentialOf = Annotated[str, typer.Option("--credential", metavar="NAME", help="Only mail of this credential.")]
