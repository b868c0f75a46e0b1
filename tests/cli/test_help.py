"""The frame: help without the heavy libraries, versions, usage errors."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gatepost.cli.app import app
from tests.cli.conftest import Command

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
HEAVY = (
    *("starlette", "uvicorn", "jinja2", "sqlmodel", "sqlalchemy", "alembic", "cryptography", "pydantic", "rich"),
    *("aiosmtpd", "aiosmtplib", "imapclient", "dns", "structlog", "argon2", "httpx", "gatepost.settings"),
)
PROGRAM = """
import sys
from gatepost.cli.app import app
try:
    app({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
print(" ".join(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


def loaded(*arguments: str) -> tuple[str, str]:
    """What is printed, and which heavy libraries were imported for it."""
    program = PROGRAM.format(arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr.strip()


def test_help_imports_nothing_heavy() -> None:
    text, heavy = loaded("--help")
    assert "Usage:" in text
    assert heavy == ""


@pytest.mark.parametrize(
    "arguments", [("user", "--help"), ("mailbox", "connect", "--help"), ("queue", "list", "--help")]
)
def test_a_commands_help_imports_only_what_typer_reads_options_with(arguments: tuple[str, ...]) -> None:
    text, heavy = loaded(*arguments)
    assert "Usage:" in text
    assert heavy in ("", "pydantic")


def test_a_command_imports_what_it_needs() -> None:
    assert "pydantic" in loaded("config", "show")[1]


def test_help_names_every_command(gatepost: Command) -> None:
    text = gatepost.run("--help").stdout
    for name in (
        *("serve", "migrate", "init", "user", "credential", "domain", "mailbox", "queue"),
        *("import", "parse", "thread", "trace", "doctor", "demo", "config"),
    ):
        assert f"  {name} " in text


def test_usage_errors_end_with_2(gatepost: Command) -> None:
    assert "No such command" in gatepost.run("nonsense", code=2).stderr
    assert "--sender" in gatepost.run("credential", "add", "shop", code=2).stderr
    assert "is not there" in gatepost.run("--config", "/nowhere.toml", "user", "list", code=2).stderr


def test_a_missing_key_or_database_names_the_fix(gatepost: Command) -> None:
    (gatepost.var / "gatepost.db").unlink()
    assert "gatepost migrate" in gatepost.run("user", "list", code=1).stderr
    (gatepost.var / "key").unlink()
    assert "gatepost init" in gatepost.run("user", "list", code=1).stderr
    gatepost.run("migrate")


def test_init_makes_what_is_missing_and_can_be_repeated(gatepost: Command) -> None:
    (gatepost.var / "key").unlink()
    (gatepost.var / "gatepost.db").unlink()
    assert "password (shown once)" in gatepost.run("init", "--email", "boss@gatepost.test").stdout
    assert "password" not in gatepost.run("init").stdout
    assert gatepost.objects("init") == []
    assert gatepost.objects("migrate")[0]["revision"]
    assert [user["email"] for user in gatepost.objects("user", "list")] == ["boss@gatepost.test"]


def commands(group: Any, name: str = "gatepost") -> Iterator[str]:
    """Every command's full name."""
    below = getattr(group, "commands", None)
    if below is None:
        yield name
    for word, command in (below or {}).items():
        yield from commands(command, f"{name} {word}")


def test_every_command_has_an_example_and_json() -> None:
    text = DOCS.read_text(encoding="utf-8")
    found = list(commands(typer.main.get_command(app)))
    assert len(found) > 25
    for name in found:
        assert f"\n{name}" in text, f"{name} has no example in docs/cli.md"
        help_text = CliRunner().invoke(app, [*name.split()[1:], "--help"]).stdout
        assert "--json" in help_text or name == "gatepost demo"


def test_the_examples_are_commands_that_exist() -> None:
    found = set(commands(typer.main.get_command(app)))
    examples = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("gatepost ")]
    assert [line for line in examples if not {" ".join(line.split()[:n]) for n in (2, 3)} & found] == []
