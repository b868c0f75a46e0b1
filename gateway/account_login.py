"""What a connected mailbox logs in with where mail is handed in: its password, or a token that the wiring gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatepost.gateway.route import Auth
from gatepost.model import Account
from gatepost.seal import Keys, SealError
from gatepost.store.accounts import is_secret, open_secret


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


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a mailbox shall send over."""

    host: str
    port: int
    security: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why a server for sending was not taken, beside which field that stands, and whether it may pass by itself."""

    field: str
    sentence: str
    passing: bool = False


def stored_password(keys: Keys, account: Account) -> Login:
    """The password that was typed when the mailbox was connected. Raises NoLogin."""
    if account.auth != "password":
        raise NoLogin("this process cannot get the mailbox's access token")
    try:
        return Login("password", open_secret(keys, account))
    except SealError as error:
        raise NoLogin(str(error)) from None


class TypeAgain(ValueError):
    """The password must be typed before it goes to another server; str() is a sentence for people."""


def require_password(keys: Keys, account: Account, host: str, security: str, given: str) -> None:
    """See that a stored password goes to a server that it was not given for only where it is typed anew.

    Who may change settings need not know the password, and must not learn it by naming a server of his own. `host` and
    `security` are those of sending as they would be. A token needs nothing: it goes to its provider alone.
    Raises TypeAgain.
    """
    if account.auth != "password" or not leads_elsewhere(account, host, security):
        return
    known = account.smtp_host or account.host
    if not given:
        why = "it is not sent to another server, nor with other security, by itself"
        raise TypeAgain(f"Type the mailbox's password again: it was given for {known}, and {why}.")
    if not is_secret(keys, account, given):
        raise TypeAgain("This is not the password that the mailbox is connected with; if it is new, connect it again.")


def leads_elsewhere(account: Account, host: str, security: str) -> bool:
    """Whether the password would go where it does not go yet; it goes to the server for reading, over TLS, already."""
    host = host.lower().rstrip(".")
    if not host or (host == account.host.lower() and not account.smtp_host and security != "none"):
        return False
    return (host, security) != (account.smtp_host.lower().rstrip("."), account.smtp_security)
