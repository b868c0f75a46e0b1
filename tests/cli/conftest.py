"""The command run in this process on an installation of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gatepost.cli.app import app
from gatepost.parts import Parts, clock, open_parts
from gatepost.seal import make_keys
from gatepost.settings import Settings
from gatepost.store.channels import create_channel

SUPPORT = "support@gatepost.test"


@dataclass(frozen=True, slots=True)
class Command:
    """`gatepost` with the environment of one installation."""

    var: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, code: int = 0, typed: str = "") -> Result:
        """Run it and hold it to its exit code; an exception of ours is none."""
        result = CliRunner().invoke(app, list(arguments), env=self.environment, input=typed)
        assert result.exit_code == code, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def objects(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """What it prints with --json, which is nothing but objects."""
        return [json.loads(line) for line in self.run(*arguments, "--json", code=code).stdout.splitlines()]

    def refused(self, *arguments: str) -> str:
        """The one sentence that bad input is answered with."""
        result = self.run(*arguments, code=2)
        assert result.stdout == ""
        assert result.stderr.startswith("gatepost: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        """The installation's parts, to prepare and to look."""
        with open_parts(Settings(home=self.var, var=self.var, key_file=self.var / "key")) as parts:
            yield parts


@pytest.fixture
def gatepost(tmp_path: Path, empty_sqlite: bytes) -> Command:
    """An installation with a key file, a migrated database and one mailbox."""
    var = tmp_path / "var"
    var.mkdir()
    make_keys(var / "key")
    (var / "gatepost.db").write_bytes(empty_sqlite)
    listeners = {f"GATEPOST_{name}": "127.0.0.1:0" for name in ("SUBMISSION", "SUBMISSIONS", "MX", "WEB")}
    environment = {
        "GATEPOST_VAR": str(var),
        "GATEPOST_KEY_FILE": str(var / "key"),
        "GATEPOST_PRIVATE_HOSTS": "true",
        **listeners,
    }
    command = Command(var, environment)
    with command.parts() as parts:
        parts.ledger.write(lambda session: create_channel(session, name="Support", address=SUPPORT, now=clock()))
    return command
