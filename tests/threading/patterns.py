"""Every regular expression of the packages that read mail, found by looking, and texts on which each may be slow."""

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

Pattern = re.Pattern[Any]

PACKAGES = ("gatepost", "gatepost.threading", "gatepost.gateway", "gatepost.connectors")
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
AT_ONE_PLACE = {"match", "fullmatch"}
DEEPEST = 4
LETTERS = 6
SIZE, STEP, MARGIN, LEAST = 4_000, 4, 3, 0.002
"""Characters at first, how many times as many then, how much faster the time may grow, seconds that count as none."""


@cache
def modules() -> dict[str, ast.Module]:
    """The source of every module, by its name."""
    found = {}
    for package in PACKAGES:
        folder = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(folder):
            if not module.ispkg and module.name != "__main__":
                path = Path(folder[0], f"{module.name}.py")
                found[f"{package}.{module.name}"] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def patterns() -> dict[str, Pattern]:
    """All of them, each once, by the name of one that holds it: those that modules keep, and those in calls of `re`."""
    found: dict[tuple[str | bytes, int], tuple[str, Pattern]] = {}
    for name, tree in modules().items():
        for variable, value in vars(importlib.import_module(name)).items():
            for number, pattern in enumerate(held(value, DEEPEST)):
                shown = f"{name}.{variable}" + (f"[{number}]" if pattern is not value else "")
                found.setdefault((pattern.pattern, pattern.flags), (shown, pattern))
        texts = {pattern for pattern, _ in found}
        for call in calls(tree):
            if isinstance(call.args[0], ast.Constant) and call.args[0].value not in texts:
                pattern = re.compile(call.args[0].value)
                found[pattern.pattern, pattern.flags] = (f"{name}:{call.lineno}", pattern)
    return dict(sorted(found.values(), key=lambda one: one[0]))


def held(value: object, depth: int) -> Iterator[Pattern]:
    """The patterns in a value: itself, or what a container or a dataclass of them holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for inner in (*value.keys(), *value.values()):
            yield from held(inner, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from held(inner, depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from held(getattr(value, one.name, None), depth - 1)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls of `re` that take a pattern."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            module, _, name = ast.unparse(node.func).rpartition(".")
            if module == "re" and name in FUNCTIONS:
                yield node


def made_in_functions(tree: ast.Module) -> list[str]:
    """Patterns that are put together while the product runs, but of a text that stands for itself."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for call in calls(function):
                made = ast.unparse(call.args[0])
                if not isinstance(call.args[0], ast.Constant) and not made.startswith("re.escape("):
                    found.append(made)
    return found


def methods(name: str) -> set[str]:
    """What is called on the pattern of this name (`package.module.NAME`), in its module and where it is imported."""
    module, _, variable = name.rpartition(".")
    return {
        node.attr
        for at, tree in modules().items()
        if at == module or imports(tree, module, variable)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable
    } & FUNCTIONS


def imports(tree: ast.Module, module: str, variable: str) -> bool:
    """Whether a module takes this name from that module."""
    return any(
        isinstance(node, ast.ImportFrom) and node.module == module and variable in [one.name for one in node.names]
        for node in tree.body
    )


def steps(items: Any) -> float:
    """The most characters that a parsed pattern can look at from one place; infinite for `*` and `+`."""
    total: float = 0
    for kind, value in items:
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            _, most, inside = value
            total += float("inf") if most == constants.MAXREPEAT else most * max(1, steps(inside))
        elif kind is constants.SUBPATTERN:
            total += steps(value[3])
        elif kind is constants.ATOMIC_GROUP:
            total += steps(value)
        elif kind is constants.BRANCH:
            total += sum(steps(branch) for branch in value[1])
        elif kind in (constants.ASSERT, constants.ASSERT_NOT):
            total += steps(value[1])
        elif kind is not constants.AT:
            total += 1
    return total


def parsed(pattern: Pattern) -> Any:
    return parser.parse(pattern.pattern, pattern.flags)


def letters(items: Any) -> Iterator[str]:
    """Characters that a parsed pattern names, and one that it does not."""
    for kind, value in items:
        if kind in (constants.LITERAL, constants.NOT_LITERAL):
            yield chr(value)
        elif kind is constants.IN:
            yield from letters(value)
        elif kind is constants.RANGE:
            yield chr(value[0])
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            yield from letters(value[2])
        elif kind is constants.SUBPATTERN:
            yield from letters(value[3])
        elif kind is constants.ATOMIC_GROUP:
            yield from letters(value)
        elif kind is constants.BRANCH:
            for branch in value[1]:
                yield from letters(branch)


def units(pattern: Pattern) -> list[str]:
    """Pieces to repeat: characters that the pattern names, a blank, a letter, a backslash; and every two of them."""
    named = [*dict.fromkeys(letters(parsed(pattern)))][:LETTERS]
    chosen = dict.fromkeys([*named, " ", "a", "\\"])
    return [*chosen, *("".join(two) for two in itertools.permutations(chosen, 2))]


def slow_units(name: str, pattern: Pattern) -> list[str]:
    """The pieces of which four times as many cost more than twelve times as much, after each beginning or none."""
    only_here = bool(used := methods(name)) and used <= AT_ONE_PLACE
    tried = units(pattern)
    tried += [opening + unit for opening in tried[:2] for unit in tried[:LETTERS]]
    return [unit for unit in tried if is_slow(pattern, unit[:-2], unit[-2:], only_here=only_here)]


def is_slow(pattern: Pattern, opening: str, unit: str, *, only_here: bool) -> bool:
    """Whether the time grows faster than the text; asked three times, for others use the machine, too."""
    short, long = (opening + unit * (size // len(unit)) for size in (SIZE, SIZE * STEP))
    for _ in range(3):
        once, more = min(cost(pattern, short, only_here) for _ in range(3)), cost(pattern, long, only_here)
        if more <= max(once, LEAST) * STEP * MARGIN:
            return False
    return True


def cost(pattern: Pattern, text: str, only_here: bool) -> float:
    """Processor seconds of looking at one place, or everywhere."""
    given = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    before = time.process_time()
    if only_here:
        pattern.match(given), pattern.fullmatch(given)
    else:
        for _ in pattern.finditer(given):
            pass
    return time.process_time() - before
