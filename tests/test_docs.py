"""The documents keep up with the project: tests, links, commands, settings and codes that they name are there."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from typer.main import get_command

from gatepost.cli.app import app
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.connectors.registering import steps
from gatepost.settings import Settings
from scripts.consent import page as consent_page
from scripts.delivery_codes import page

ROOT = Path(__file__).resolve().parents[1]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:|#")
COMMAND = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?gatepost((?: [a-z][a-z-]*)+)")
SETTING = re.compile(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\|", re.MULTILINE)
FOREIGN = (  # written so that they are not found here
    re.compile(rb"pypi[.]org|files[.]pythonhosted|registry[.]npmjs|registry[.]yarnpkg"),
    re.compile(rb"(?<![\w./~$*)}\]-])/(?:root|home|work)/\w"),
)


@lru_cache
def tracked() -> tuple[Path, ...]:
    """The files that are in git and in the tree, but for links."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this tree is not a git checkout")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def guides() -> list[Path]:
    """What people read to use the product."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def functions(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def missing_tests(text: str) -> list[str]:
    """Tests that a text names and that are not there."""
    return [f"{path}::{name}" for path, name in TEST.findall(text) if name not in functions(ROOT / path)]


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links of a document in `folder` that lead nowhere."""
    paths = [link.partition("#")[0] for link in LINK.findall(text) if not ELSEWHERE.match(link)]
    return [path for path in paths if not (folder / PurePosixPath(path)).exists()]


def foreign(content: bytes) -> list[str]:
    """Addresses of registries and absolute paths of a machine."""
    return [found[0].decode() for pattern in FOREIGN for found in pattern.finditer(content)]


def unknown_commands(text: str) -> Iterator[str]:
    """Commands that a text shows and the command line does not know, by their first words."""
    for words in COMMAND.findall(text):
        command: Any = get_command(app)
        for word in words.split():
            if not hasattr(command, "commands"):
                break
            if word not in command.commands:
                yield f"gatepost{words}"
                break
            command = command.commands[word]


def written(value: object) -> str:
    """A default as docs/settings.md writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value == [] else str(value)


def test_the_tests_that_are_named_exist() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    assert len(TEST.findall(text)) > 50
    assert missing_tests(text) == []
    assert missing_tests("`tests/test_docs.py::test_nothing_of_the_kind` `tests/no.py::test_x`") != []


def test_every_item_is_placed_once() -> None:
    """Each item of the checklist and each complaint stands in one table: with its test, or as not built."""
    first = re.findall(r"^\| ([^|]*) \|", (ROOT / "docs" / "features.md").read_text(encoding="utf-8"), re.MULTILINE)
    found = [item for cell in first for item in items(cell)]
    parts = {"A": 34, "B": 60, "C": 22, "D": 28, "E": 43, "": 45}
    assert sorted(found) == sorted(f"{part}{number}" for part, most in parts.items() for number in range(1, most + 1))


def items(cell: str) -> Iterator[str]:
    for part, first, last in re.findall(r"\b([A-E]?)(\d+)(?:-[A-E]?(\d+))?", cell):
        yield from (f"{part}{number}" for number in range(int(first), int(last or first) + 1))


def test_relative_links_lead_somewhere() -> None:
    for path in documents():
        assert broken_links(path.read_text(encoding="utf-8"), path.parent) == [], path
    assert broken_links("[a](test_docs.py) [b](no.md#x) [c](https://x.example)", ROOT / "tests") == ["no.md"]


def test_no_registry_and_no_path_of_a_machine_is_named() -> None:
    found = {str(path): foreign(path.read_bytes()) for path in tracked() if foreign(path.read_bytes())}
    assert found == {}
    assert len(foreign(b"see /" + b"home/ann and https://files." + b"pythonhosted.org")) == 2


def test_commands_that_are_shown_are_known() -> None:
    for path in guides():
        assert list(unknown_commands(path.read_text(encoding="utf-8"))) == [], path
    assert list(unknown_commands("`gatepost queue list` `.venv/bin/gatepost queue dance now`")) == [
        "gatepost queue dance now"
    ]


def test_every_setting_is_described_with_its_default() -> None:
    described = dict(SETTING.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
    fields = {
        name: written(field.get_default(call_default_factory=True)) for name, field in Settings.model_fields.items()
    }
    assert {name: described.get(name) for name in fields} == fields


def test_the_code_reference_is_up_to_date() -> None:
    """`.venv/bin/python scripts/delivery_codes.py` writes it anew."""
    assert (ROOT / "docs" / "delivery-codes.md").read_text(encoding="utf-8") == page()


def test_the_help_with_permissions_is_up_to_date() -> None:
    """`.venv/bin/python scripts/consent.py` writes it anew."""
    assert (ROOT / "docs" / "consent.md").read_text(encoding="utf-8") == consent_page()


@pytest.mark.parametrize("key", ["google", "microsoft"])
def test_connecting_is_described_as_the_page_says_it(key: str) -> None:
    """The steps of the page *OAuth clients*, for one redirect address, and every permission that is asked for."""
    text = (ROOT / "docs" / f"connect-{key}.md").read_text(encoding="utf-8")
    scopes = [scope.name for scope in PROVIDERS[key].scopes]
    mail = [name for name in scopes if "://" in name or key == "google"]
    said = steps(key, "https://mail.example.com/connect/callback", mail)
    assert "".join(f"{number}. {step}\n" for number, step in enumerate(said, 1)) in text
    assert [name for name in scopes if f"`{name}`" not in text] == []
