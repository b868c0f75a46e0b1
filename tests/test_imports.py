"""Imports point one way, SQL stays in the store, and sockets, the environment and the clock stay at the rims.

The rules are design sections 2 and 3; `violations` reads the sources with `ast`, so that a late import counts too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WIRING = (  # above all others; nothing below imports them
    *("gatepost/__main__.py", "gatepost/cli/", "gatepost/serve"),
    *("gatepost/doors.py", "gatepost/parts.py", "gatepost/syncing.py", "gatepost/website.py", "gatepost/watching.py"),
    *("gatepost/filing.py", "gatepost/mailbox_access.py", "gatepost/trial.py", "gatepost/asking.py"),
    *("gatepost/purging.py",),
)
MAY_IMPORT = {
    "core": {"core"},
    "threading": {"core", "threading"},
    "gateway": {"core", "threading", "gateway"},
    "connectors": {"core", "threading", "connectors"},
    "notifications": {"core", "threading", "gateway", "notifications"},
    "web": {"core", "threading", "gateway", "connectors", "notifications", "web"},
    "wiring": {"core", "threading", "gateway", "connectors", "notifications", "web", "wiring"},
}
FOLDERS = ("gateway", "connectors", "threading", "notifications", "web")

SQL_PLACES = ("gatepost/store/", "gatepost/ledger.py", "gatepost/database.py", "gatepost/migrations/")
SQL_LIBRARIES = {"sqlalchemy", "sqlmodel", "sqlite3", "psycopg", "alembic"}
SQL_VERBS = {"select", "insert", "update", "delete", "text", "func", "or_", "and_", "exists", "union", "create_engine"}
SESSION_CALLS = {"exec", "execute", "scalar", "scalars"}

SOCKET_PLACES = (
    *("gateway/listener", "gateway/connection", "gateway/commands", "gateway/data", "gateway/submission", "gateway/mx"),
    *("gateway/tls", "gateway/send", "connectors/imap", "connectors/oauth", "connectors/wire", "connectors/idle"),
    *("connectors/trouble", "connectors/sent", "gatepost/resolver.py", "gatepost/http"),
    *("gatepost/child", "gatepost/ledger_apart.py"),  # socket pairs with processes of our own
)
SOCKET_MODULES = {
    *("socket", "socketserver", "smtplib", "imaplib", "poplib", "ftplib", "http.client", "urllib.request"),
    *("aiosmtplib", "aiosmtpd", "imapclient", "httpx2", "httpx", "requests", "dns.resolver", "dns.query"),
    *("msal", "google_auth_oauthlib"),
}
SOCKET_CALLS = {"open_connection", "start_server", "create_connection", "create_server"}

ENVIRONMENT = {"environ", "environb", "getenv", "putenv"}
ENVIRONMENT_PLACES = ("gatepost/settings.py",)

CLOCK_CALLS = {"now", "utcnow", "today"}
CLOCK_PLACES = (  # the rims: what runs by itself or answers a request; all below is told the time
    *("web/", "gateway/listener", "gateway/connection", "gateway/submission", "gateway/mx", "gateway/outbox"),
    *("connectors/poll", "connectors/idle", "connectors/oauth", "gatepost/http", "gatepost/certificate"),
)


def layer(path: str) -> str:
    """The layer of a source file, by its path from the root."""
    if path.startswith(WIRING):
        return "wiring"
    top = path.split("/", 1)[0]
    return top if top in FOLDERS else "core"


def target(module: str) -> str | None:
    """The layer of an imported module's dotted name; None when it is not ours."""
    parts = module.split(".")
    if parts[0] != "gatepost":
        return None
    if len(parts) > 1 and parts[1] in FOLDERS:
        return parts[1]
    return layer("/".join(parts) + ("/" if parts[-1] == "cli" else ".py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """(line, module, name) of every import, also of those inside functions; a relative one has a leading dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def dotted(module: str, name: str) -> str:
    """What an import really loads: `from gatepost import web` loads gatepost.web."""
    return f"{module}.{name}" if name and module == "gatepost" else module


def within(module: str, modules: set[str]) -> bool:
    """Whether a module is one of these, or inside one."""
    return any(module == other or module.startswith(f"{other}.") for other in modules)


def import_problems(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Imports against the direction, relative ones, and top-level folders imported by their bare name."""
    here = layer(path)
    for line, module, name in imported(tree):
        if module.startswith("."):
            yield line, "relative import"
        elif module.split(".")[0] in set(FOLDERS) - {"threading"} or module.startswith("threading."):
            yield line, f"import gatepost.{module}: the bare name loads a second copy"
        elif (there := target(dotted(module, name))) and there not in MAY_IMPORT[here]:
            yield line, f"{here} imports {there} ({dotted(module, name)})"


def sql_problems(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """SQL outside the store. Rows may be defined in the model; a Session may be passed through anywhere."""
    if path.startswith(SQL_PLACES):
        return
    for line, module, name in imported(tree):
        if module.split(".")[0] not in SQL_LIBRARIES or module == "sqlalchemy.exc" or name == "Session":
            continue
        if not path.startswith("gatepost/model") or name in SQL_VERBS:
            yield line, f"SQL outside the store: {module} {name}".rstrip()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="session"), attr=verb)) if verb in SESSION_CALLS:
                yield node.lineno, f"SQL outside the store: session.{verb}"


def rim_problems(path: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Sockets, the environment and the clock where they do not belong."""
    wiring = layer(path) == "wiring"
    if not wiring and not path.startswith(SOCKET_PLACES):
        for line, module, name in imported(tree):
            if within(module, SOCKET_MODULES) or within(f"{module}.{name}", SOCKET_MODULES):
                yield line, f"socket library outside the rims: {module}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "time"):
            yield from (
                (node.lineno, problem) for alias in node.names if (problem := rim_use(path, node.module, alias.name))
            )
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            if problem := rim_use(path, owner, node.attr):
                yield node.lineno, problem


def rim_use(path: str, owner: str, name: str) -> str | None:
    """The problem with using `owner.name` in this file, if there is one."""
    wiring = layer(path) == "wiring"
    if owner == "os" and name in ENVIRONMENT and not path.startswith(ENVIRONMENT_PLACES):
        return f"the environment outside settings: os.{name}"
    clock = (owner in ("datetime", "date") and name in CLOCK_CALLS) or (owner == "time" and name in ("time", "time_ns"))
    if clock and not wiring and not path.startswith(CLOCK_PLACES):
        return f"the clock below the rims: {owner}.{name}; take `now` as an argument"
    if owner == "asyncio" and name in SOCKET_CALLS and not wiring and not path.startswith(SOCKET_PLACES):
        return f"sockets outside the rims: asyncio.{name}"
    return None


def sources(root: Path) -> Iterator[Path]:
    """Every Python file of the code folders once, not through the links inside gatepost/."""
    for folder in ("gatepost", *FOLDERS):
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).parts
            linked = parts[0] == "gatepost" and parts[1] in FOLDERS
            if not linked and "node_modules" not in parts:
                yield path


def violations(root: Path) -> list[str]:
    """`file:line: problem` for everything under root that breaks a rule."""
    found = []
    for path in sources(root):
        name, tree = path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
        for check in (import_problems, sql_problems, rim_problems):
            found += [f"{name}:{line}: {problem}" for line, problem in check(name, tree)]
    return list(dict.fromkeys(found))


def test_the_tree_keeps_the_rules() -> None:
    assert violations(ROOT) == []


def test_every_folder_is_read() -> None:
    read = {path.relative_to(ROOT).parts[0] for path in sources(ROOT)}
    assert read >= {"gatepost", *(folder for folder in FOLDERS if any((ROOT / folder).glob("*.py")))}


@pytest.mark.parametrize(
    ("path", "source", "problem"),
    [
        ("gatepost/mail.py", "import gatepost.gateway.send", "core imports gateway"),
        ("gatepost/mail.py", "from gatepost import web", "core imports web"),
        ("gatepost/store/pages.py", "from gatepost.threading.place import place", "core imports threading"),
        ("gatepost/mail.py", "from gatepost.cli import main", "core imports wiring"),
        ("gatepost/mail.py", "import gatepost.__main__", "core imports wiring"),
        ("web/app.py", "from gatepost.serve import serve", "web imports wiring"),
        ("threading/place.py", "from gatepost.gateway.accept import accept", "threading imports gateway"),
        ("gateway/send.py", "from gatepost.connectors import imap", "gateway imports connectors"),
        ("connectors/poll.py", "def f():\n    from gatepost.gateway import send", "connectors imports gateway"),
        ("gateway/send.py", "from gatepost.web.pages import page", "gateway imports web"),
        ("notifications/digest.py", "import gatepost.web", "notifications imports web"),
        ("gateway/send.py", "from . import route", "relative import"),
        ("gateway/send.py", "import gateway.route", "second copy"),
        ("web/pages.py", "from sqlmodel import select", "SQL outside the store"),
        ("gatepost/model.py", "from sqlalchemy import text", "SQL outside the store"),
        ("threading/intake.py", "def f(session):\n    session.exec('...')", "session.exec"),
        ("gateway/accept.py", "import sqlite3", "SQL outside the store"),
        ("threading/report.py", "import socket", "socket library outside the rims"),
        ("web/api.py", "from urllib import request", "socket library outside the rims"),
        ("gatepost/mail.py", "import asyncio\nasyncio.open_connection()", "sockets outside the rims"),
        ("web/app.py", "import os\nos.environ['HOME']", "the environment outside settings"),
        ("gatepost/cli/main.py", "from os import getenv", "the environment outside settings"),
        ("threading/place.py", "from datetime import datetime\ndatetime.now()", "the clock below the rims"),
        ("gateway/retry.py", "import datetime\ndatetime.datetime.now()", "the clock below the rims"),
        ("gatepost/tokens.py", "import time\ntime.time()", "the clock below the rims"),
        ("gatepost/tokens.py", "from time import time", "the clock below the rims"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, path: str, source: str, problem: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    (found,) = violations(tmp_path)
    assert found.startswith(f"{path}:")
    assert problem in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "gatepost/serve.py",
            "import gatepost.web.app, gatepost.cli, socket\nfrom datetime import datetime\ndatetime.now()",
        ),
        ("web/pages.py", "import threading\nfrom gatepost.connectors import imap\nfrom gatepost.gateway import accept"),
        ("gateway/send.py", "import aiosmtplib, time\nfrom gatepost import codes\ntime.monotonic()"),
        ("threading/intake.py", "from sqlmodel import Session\nfrom gatepost.store import messages"),
        ("gatepost/store/pages.py", "from sqlmodel import select\ndef f(session):\n    session.exec(select())"),
        ("gatepost/settings.py", "import os\nos.environ"),
    ],
)
def test_what_is_allowed_is_not_found(tmp_path: Path, path: str, source: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    assert violations(tmp_path) == []
