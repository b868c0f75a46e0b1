"""What polling needs of the rest of Gatepost, as functions passed in."""

import random
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gatepost.bell import Bell
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.wire import Connect
from gatepost.ledger import Ledger
from gatepost.model import Account

PATIENCE = 3
"""After so many failures in a row a mailbox is read mail by mail, and a person is asked where one can help."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What `prepare` returns for a mail that cannot be received."""

    why: str


@dataclass(frozen=True, slots=True)
class Polling:
    """What polling needs of the rest.

    `prepare(mails)` does what must not be done inside a transaction, and gives one thing for each; `receive(session,
    pairs)` stores mails, each with what was prepared, and their views, and may be repeated; `quarantine(session, mail,
    why)` keeps one that could not be received, with what there is of it; `jitter()` is in 0..1; `bell` wakes a poller
    when something is due. `login(account)` is how to log in (raises Trouble); `refused(account, token)` is told of a
    token that the mail server does not take. `busy` are the accounts being read, `moved` those whose pass has stored
    something.
    """

    ledger: Ledger
    prepare: Callable[[Sequence[Fetched]], Sequence[Any]]
    receive: Callable[[Session, Sequence[tuple[Fetched, Any]]], object]
    quarantine: Callable[[Session, Fetched, str], object]
    login: Callable[[Account], Connect]
    clock: Callable[[], datetime]
    message_size: int
    poll_seconds: float = 60
    private_hosts: bool = False
    tls: ssl.SSLContext | None = None
    jitter: Callable[[], float] = random.random
    stop: threading.Event = field(default_factory=threading.Event)
    bell: Bell = field(default_factory=Bell)
    busy: dict[str, Account] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    refused: Callable[[Account, str], None] = lambda account, token: None
