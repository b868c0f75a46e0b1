"""What a connected mailbox logs in with where mail is handed in: its password, or a token that the wiring gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatepost.gateway.route import Auth
from gatepost.model import Account
from gatepost.seal import Keys, SealError
from gatepost.store.accounts import open_secret


class NoLogin(Exception):
    """There is nothing to log in with now; str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in, and the password or access token.

    A token opens the whole mailbox: it goes to servers of these `names`, or below them, alone; without names to any.
    """

    auth: Auth
    secret: str = field(repr=False)
    names: tuple[str, ...] = ()

    def may_go_to(self, host: str) -> bool:
        """Whether a server may be given the secret."""
        host = host.lower().rstrip(".")
        return not self.names or any(host == name or host.endswith(f".{name}") for name in self.names)


AccountLogin = Callable[[Account, str], Login]
"""Of an account, and the token that its server has just refused (empty for none). Runs in threads. Raises NoLogin."""


def stored_password(keys: Keys, account: Account) -> Login:
    """The password that was typed when the mailbox was connected. Raises NoLogin."""
    if account.auth != "password":
        raise NoLogin("this process cannot get the mailbox's access token")
    try:
        return Login("password", open_secret(keys, account))
    except SealError as error:
        raise NoLogin(str(error)) from None
