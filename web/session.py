"""The session cookie, and the throttle on logging in."""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from gatepost.ledger import Ledger
from gatepost.store.users import SESSION_LIFE, failures_since, record_failure

WINDOW = timedelta(minutes=15)
TRIES_HERE = 5
TRIES_NET = 30
TRIES_ACCOUNT = 50


def cookie_name(secure: bool) -> str:
    """`__Host-` binds the cookie to this host, whole path and TLS (RFC 6265bis section 4.1.3.2)."""
    return "__Host-gatepost" if secure else "gatepost"


def read_cookie(request: Request, secure: bool) -> str:
    """The session token that the browser sent, or nothing."""
    return request.cookies.get(cookie_name(secure), "")[:128]


def set_cookie(response: Response, token: str, secure: bool) -> None:
    """Give the browser its session token."""
    seconds = int(SESSION_LIFE.total_seconds())
    response.set_cookie(
        cookie_name(secure), token, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def drop_cookie(response: Response, secure: bool) -> None:
    """Take it back."""
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def net_of(ip: str) -> str:
    """The network that an address is counted with: itself for IPv4, its /64 for IPv6."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip[:64]
    return str(address) if address.version == 4 else str(ip_network(f"{ip}/64", strict=False))


def throttled(session: Session, account: str, net: str, now: datetime) -> bool:
    """Whether there were too many refused logins in the last 15 minutes: here, from this network, or for this account.

    The limit for an account from everywhere is wide, so that a stranger cannot easily lock somebody out.
    """
    since = now - WINDOW
    return (
        failures_since(session, since, account=account, net=net) >= TRIES_HERE
        or failures_since(session, since, net=net) >= TRIES_NET
        or failures_since(session, since, account=account) >= TRIES_ACCOUNT
    )


def may_try(ledger: Ledger, session: Session, account: str, net: str, now: datetime) -> bool:
    """Whether a password may be tried; the try counts as refused until it went well, so that many at once count too."""

    def write(writing: Session) -> bool:
        if throttled(writing, account, net, now):
            return False
        record_failure(writing, account, net, now)
        return True

    return not throttled(session, account, net, now) and ledger.write(write)
