"""The shape of the tree: the `threading/` trap is avoided, the links are there, and files and functions stay small."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("gateway", "connectors", "threading", "notifications", "web")
PRESENT = [folder for folder in FOLDERS if (ROOT / folder).is_dir()]
NOT_OURS = {"node_modules", "static", "var", "build", "dist", "test-artifacts"}
SUFFIXES = {".py", ".js", ".mjs", ".scss", ".css", ".html"}
FILE_LINES, FUNCTION_LINES = 400, 50


def code(root: Path) -> Iterator[Path]:
    """Every source file of ours once: `os.walk` does not follow the links."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in NOT_OURS and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if Path(name).suffix in SUFFIXES)


def too_long(root: Path) -> list[str]:
    """Files over 400 lines and functions over 50."""
    found = []
    for path in code(root):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        if (lines := text.count("\n")) > FILE_LINES:
            found.append(f"{name}: {lines} lines ({FILE_LINES} at most)")
        for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    found.append(f"{name}:{node.lineno} {node.name}: {lines} lines ({FUNCTION_LINES} at most)")
    return found


def in_root(program: str) -> str:
    """What a fresh interpreter, started in the repository root, prints for this program."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_threading_from_the_root_is_the_standard_library() -> None:
    assert Path(in_root("import threading; print(threading.__file__)")).name == "threading.py"


def test_the_folders_are_imported_from_where_they_are() -> None:
    program = "import gatepost.{0} as it; print(*it.__path__)"
    for folder in PRESENT:
        assert Path(in_root(program.format(folder))).resolve() == ROOT / folder


@pytest.mark.parametrize("folder", PRESENT)
def test_a_folder_has_its_link_and_no_init(folder: str) -> None:
    link = ROOT / "gatepost" / folder
    assert link.is_symlink()
    assert os.fspath(link.readlink()) == f"../{folder}"
    assert not (ROOT / folder / "__init__.py").exists()
    assert (ROOT / folder / "README.md").is_file()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in code(ROOT / "tests") if path.suffix == ".py"}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_files_and_functions_stay_small() -> None:
    assert too_long(ROOT) == []


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "deep.py").write_text("def f():\n" + "    x = 1\n" * 50)
    (tmp_path / "fine.py").write_text("def f():\n" + "    x = 1\n" * 49)
    assert [line.split(" ")[0] for line in too_long(tmp_path)] == ["deep.py:1", "long.py:"]
