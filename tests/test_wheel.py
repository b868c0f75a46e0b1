"""A wheel built without the links is complete, and starts in a fresh environment."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("gateway", "connectors", "threading", "notifications", "web")
SOURCES = ("gatepost", *FOLDERS)
NOT_COPIED = ("node_modules", "__pycache__", "*.pyc")
DATA = {".html", ".txt", ".xml", ".json", ".toml", ".csv", ".mako", ".mo", ".typed", ".svg"}


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints; it starts without PYTHONPATH, so nothing is found by accident. Fails with its errors."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def copy_without_links(target: Path) -> Path:
    """The tree as setuptools needs it, with no link inside gatepost/."""
    for folder in (name for name in SOURCES if (ROOT / name).is_dir()):
        shutil.copytree(ROOT / folder, target / folder, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for folder in FOLDERS:
        (target / "gatepost" / folder).unlink(missing_ok=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    return target


def belongs(path: Path) -> bool:
    """Whether a file of the tree has to be in the wheel: all Python, templates, what the build made, and data."""
    if path.suffix == ".py" or (path.parts[0] == "web" and path.parts[1] in ("templates", "static")):
        return not path.name.startswith(".")
    return path.suffix in DATA and path.parts[0] != "web"


def expected(tree: Path) -> set[str]:
    """The names that the wheel must hold, as they are after installation."""
    files = [path.relative_to(tree) for folder in SOURCES for path in (tree / folder).rglob("*") if path.is_file()]
    mapped = (Path("gatepost", path) if path.parts[0] in FOLDERS else path for path in files if belongs(path))
    return {path.as_posix() for path in mapped}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources without the links."""
    return copy_without_links(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from that copy, with the locked build tools and no network."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check", "-o", out, cwd=tree)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel installed; the dependencies come from this one's."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def missing(names: Iterable[str], wheel: Path) -> list[str]:
    """Which of these names the wheel lacks."""
    return sorted(set(names) - set(zipfile.ZipFile(wheel).namelist()))


def test_wheel_is_complete(wheel: Path, tree: Path) -> None:
    names = expected(tree)
    assert {"gatepost/migrations/env.py", "gatepost/model.py", "gatepost/py.typed"} <= names
    assert missing(names, wheel) == [], "add its folder to packages, or its suffix to package-data, in pyproject.toml"


def test_wheel_holds_nothing_else(wheel: Path, tree: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names - expected(tree) == set()


def test_every_module_of_the_wheel_can_be_imported(python: Path, wheel: Path, tmp_path: Path) -> None:
    files = [path for path in map(Path, zipfile.ZipFile(wheel).namelist()) if path.suffix == ".py"]
    tried = [path for path in files if path.parts[1] != "migrations" and path.name != "__main__.py"]
    modules = sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in tried)
    lines = (
        "import importlib, sys",
        "for name in sys.argv[1:]: importlib.import_module(name)",
        "print(sys.modules['gatepost'].__file__)",
    )
    found = run(python, "-c", "\n".join(lines), *modules, cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(python.parents[1])


def test_the_wheel_makes_a_database(python: Path, tmp_path: Path) -> None:
    program = f"from gatepost.database import migrate; migrate('sqlite:///{tmp_path}/gatepost.db')"
    run(python, "-c", program, cwd=tmp_path)
    assert (tmp_path / "gatepost.db").stat().st_size > 0
