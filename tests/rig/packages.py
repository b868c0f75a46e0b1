"""The Debian packages that the tests need; `python -m tests.rig.packages` installs the missing ones, carefully."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

PROGRAMS = {  # component: (Debian package, a program that it brings)
    "postgresql": ("postgresql", "initdb"),
    "postfix": ("postfix", "postfix"),
    "dovecot": ("dovecot-imapd", "dovecot"),
    "chromium": ("chromium", "chromium"),
    "swaks": ("swaks", "swaks"),
    "strace": ("strace", "strace"),
    "faketime": ("faketime", "faketime"),
}
OPTIONS = ["-y", "--no-install-recommends", "--no-remove"]
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID = "#!/bin/sh\n# Gatepost's tests start their own servers: none may start by being installed.\nexit 101\n"


def find_program(name: str) -> str | None:
    """The path of a program, also where only root's PATH and Debian's wrappers look."""
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = [*map(str, postgres), os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    return shutil.which(name, path=os.pathsep.join(places))


def missing() -> list[str]:
    """The components whose program is not there."""
    return [component for component, (_, program) in PROGRAMS.items() if not find_program(program)]


def need(component: str) -> str:
    """The path of the component's program; without it the test is skipped with the reason, and fails where CI=true."""
    package, program = PROGRAMS[component]
    return find_program(program) or unavailable(f"{component} is not installed: apt-get install {package}")


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def simulate(packages: list[str]) -> str:
    """Why these packages cannot be added, by `apt-get -s`; empty when nothing installed would be removed or changed."""
    done = subprocess.run(["apt-get", "-s", "-q", "install", *OPTIONS, *packages], capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
    removed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Remv ")]
    return f"it would remove {', '.join(removed)}" if removed else ""


@contextmanager
def no_daemons() -> Iterator[None]:
    """While this lasts, Debian starts no service on installation (by policy-rc.d); a policy that is there stays."""
    try:
        with POLICY.open("x") as file:
            file.write(FORBID)
    except FileExistsError:
        yield
        return
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()


def install(components: list[str]) -> list[str]:
    """Install each component's package if that replaces nothing; returns a sentence for each that could not be."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", "update"], stdout=subprocess.DEVNULL, env=environ)
    problems = []
    with no_daemons():
        for component in components:
            package = PROGRAMS[component][0]
            why = simulate([package])
            if not why and subprocess.run(["apt-get", "-q", "install", *OPTIONS, package], env=environ).returncode:
                why = "apt-get failed, see above"
            if why:
                problems.append(f"{package} was not installed: {why}")
    return problems


def main() -> int:
    """Install what is missing where that is allowed, otherwise say what is missing; 1 if CI=true and something is."""
    absent = missing()
    if not absent:
        return 0
    may = os.geteuid() == 0 and shutil.which("apt-get") is not None
    problems = install(absent) if may else []
    absent = missing()
    for line in problems:
        print(line, file=sys.stderr)
    if absent:
        packages = " ".join(PROGRAMS[component][0] for component in absent)
        print(f"\n*** Not here: {', '.join(absent)}. Their tests will be SKIPPED.", file=sys.stderr)
        print(f"*** To run them: apt-get install --no-install-recommends {packages}\n", file=sys.stderr)
    return 1 if absent and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
