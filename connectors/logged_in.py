"""A connection to an account's server, logged in with what the wiring gives."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from gatepost.connectors.imap import Client, connect
from gatepost.connectors.trouble import TokenRefused
from gatepost.connectors.wire import Connect
from gatepost.model import Account


class Logins(Protocol):
    """How accounts log in: `login(account)` raises Trouble; `refused(account, token)` is told of a token that the mail
    server does not take.
    """

    @property
    def login(self) -> Callable[[Account], Connect]: ...
    @property
    def refused(self) -> Callable[[Account, str], None]: ...
    @property
    def message_size(self) -> int: ...
    @property
    def private_hosts(self) -> bool: ...
    @property
    def tls(self) -> ssl.SSLContext | None: ...


@contextmanager
def logged_in(account: Account, logins: Logins) -> Iterator[Client]:
    """A connection to an account's server; a token that this does not take is given up for another. Raises Trouble."""
    settings = logins.login(account)
    try:
        with connect(
            settings, allow_private=logins.private_hosts, message_size=logins.message_size, tls=logins.tls
        ) as client:
            yield client
    except TokenRefused:
        logins.refused(account, settings.bearer)
        raise
