"""What the pages stand on: one value, made by the wiring, reachable from every request."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request

from gatepost.bell import Bell
from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.gateway.spooling_behind import writers
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.web.clock import clock
from gatepost.web.live import Live

if TYPE_CHECKING:
    from gatepost.connectors.probe import Probe
    from gatepost.gateway.accept import Gate
    from gatepost.gateway.account_login import NotTaken, Server
    from gatepost.model import Account

BUILDERS = 2


@dataclass(frozen=True, slots=True)
class TypedLogin:
    """A mailbox login as somebody typed it; where a server for sending is named, it takes the same login."""

    host: str
    port: int
    security: str
    username: str
    folder: str
    password: str = field(repr=False)
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_security: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """Everything that pages use.

    `check_account` tries a mailbox login without changing anything there; it returns the field and what is wrong with
    it, or None. Where there is none, nothing is tried before a login is saved.
    `preview_account` counts what lies in the mailbox of an account (its id), `list_folders` asks its server which
    folders there are and notes them; both raise ValueError with a sentence.
    `bell` wakes those who read mailboxes. `try_account` tries an account (its id) step by step, with a mail to itself
    too where that is asked, `try_server` another server for sending (with the password as typed) before it is saved.
    `writers` are the threads that write large requests to files,
    `builders` those that make mails of them: who has a share of the memory must not wait for who waits for one.
    """

    settings: Settings
    database: Database
    ledger: Ledger
    keys: Keys
    gate: "Gate"
    live: Live
    check_account: Callable[[TypedLogin], tuple[str, str] | None] | None = None
    now: Callable[[], datetime] = clock
    preview_account: Callable[[str], dict[str, Any]] | None = None
    bell: Bell = field(default_factory=Bell)
    list_folders: Callable[[str], None] | None = None
    try_account: "Callable[[str, bool], Probe] | None" = None
    try_server: "Callable[[Account, Server, str], NotTaken | None] | None" = None
    writers: Executor = field(default_factory=writers)
    builders: Executor = field(default_factory=lambda: ThreadPoolExecutor(BUILDERS, "build"))

    @property
    def blobs(self) -> Blobs:
        """Where large mail lies."""
        return self.gate.blobs

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.settings.base_url.startswith("https://")


def app_of(request: Request) -> App:
    """The App of a request."""
    return cast(App, request.app.state.gatepost)
