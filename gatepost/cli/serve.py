"""`gatepost serve`: check that all is there, drop root where it can, serve, and say where to click."""

import errno
import fcntl
import os
import pwd
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from gatepost.cli.frame import BadInput, Failed, opened, print_object, say, warn
from gatepost.logs import set_up_logs
from gatepost.serve import DutyEnded, Ports, Role
from gatepost.serve import serve as run
from gatepost.settings import Settings

UNPRIVILEGED = ("gatepost", "nobody")
LISTENERS = ("submission", "submissions", "mx", "web")
UNBOUND = {
    errno.EADDRINUSE: "stop what listens there, or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; choose one of its own, or 0.0.0.0,",
    errno.EACCES: "a port under 1024 needs root or CAP_NET_BIND_SERVICE; or choose another",
}
PORT = re.compile(r"\('[^']{1,200}', (\d{1,5})")


def serve(settings: Settings, as_json: bool = False, roles: Sequence[str] = ()) -> None:
    """Serve until a signal comes, in these roles or all; where it listens is told as an object with `as_json`."""
    chosen = roles_of(roles)
    set_up_logs(settings)

    def ready(ports: Ports) -> None:
        if os.geteuid() == 0:
            drop_root(settings)
        tell(settings, ports, as_json)

    with opened(settings) as parts:
        if parts.database.sqlite and len(chosen) < len(Role):
            raise Failed("on SQLite one server does everything: use PostgreSQL for processes with a --role each")
        with alone(settings, parts.database.sqlite), binding(settings):
            try:
                run(parts, ready, chosen)
            except DutyEnded as error:
                raise Failed(str(error)) from None


def roles_of(names: Sequence[str]) -> tuple[Role, ...]:
    """The roles of these names; all without one. Raises BadInput."""
    wrong = next((name for name in names if name not in tuple(Role)), None)
    if wrong is not None:
        raise BadInput(f"there is no role {wrong!r}: it is one of {', '.join(Role)}")
    return tuple(Role(name) for name in names) or tuple(Role)


@contextmanager
def binding(settings: Settings) -> Iterator[None]:
    """Name the setting and the fix where a listener cannot have its port. Raises Failed."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNBOUND:
            raise
        said = error.strerror or str(error)
        raise Failed(f"{said}: {UNBOUND[error.errno]} with {settings_of(settings, said)} in gatepost.toml") from None


def settings_of(settings: Settings, said: str) -> str:
    """Which listener's setting an error is about, by the port that it names; all of them where it names none."""
    found = PORT.search(said)
    fitting = [name for name in LISTENERS if found and getattr(settings, name).endswith(f":{found[1]}")]
    return " or ".join(f"`{name}` (GATEPOST_{name.upper()})" for name in fitting or LISTENERS)


@contextmanager
def alone(settings: Settings, needed: bool) -> Iterator[None]:
    """Hold the lock that only one server has: on SQLite a second one would take what the first is sending.

    Raises Failed where another one serves this data.
    """
    if not needed:
        yield
        return
    with (settings.path(settings.var) / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = settings.path(settings.var)
            raise Failed(f"another gatepost serves {where}: stop it, or use PostgreSQL for several") from None
        yield


def drop_root(settings: Settings) -> None:
    """Give up root, once the ports are bound, where an unprivileged user can read the program and reach the data."""
    user = next((found for name in UNPRIVILEGED if (found := find_user(name))), None)
    programs = (Path(__file__), Path(sys.executable), Path(os.__file__))
    reachable = passable(settings.path(settings.var)) and all(readable_by_others(program) for program in programs)
    if user is None or not reachable:
        warn(
            "gatepost: running as root, good enough for a trial; for real make a user `gatepost`, and put the program "
            f"and {settings.path(settings.var)} where it can read them"
        )
        return
    for path in [settings.path(settings.var), *settings.path(settings.var).rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    key_file = settings.key_path
    if key_file.exists():
        os.chown(key_file, user.pw_uid, user.pw_gid)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    warn(f"gatepost: started as root, now running as {user.pw_name}")


def find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def readable_by_others(path: Path) -> bool:
    """Whether everybody may read a file."""
    return passable(path) and bool(path.stat().st_mode & 0o004)


def passable(path: Path) -> bool:
    """Whether every folder above a path is open to pass."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def tell(settings: Settings, ports: Ports, as_json: bool) -> None:
    """Say at once that it serves, also where the output is a pipe."""
    if as_json:
        print_object(asdict(ports))
    else:
        announce(settings, ports)
    sys.stdout.flush()


def announce(settings: Settings, ports: Ports) -> None:
    """Where to click, and one command to try."""
    web = f"{'https' if settings.web_tls else 'http'}://{ports.web}" if ports.web else "off"
    say(f"Gatepost is serving ({settings.route} route).")
    say(f"  Pages and API  {settings.web_url or web}")
    say(f"  Submission     {ports.submission or 'off'} (STARTTLS), {ports.submissions or 'off'} (TLS)")
    say(f"  MX             {ports.mx or 'off'}")
    if ports.mx:
        say(f"Try it: swaks --server {ports.mx} --from you@example.com --to support@{settings.domain}")
    say("Stop with Ctrl+C.")
