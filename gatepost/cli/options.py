"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
