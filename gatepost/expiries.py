"""What ends some day and stops mail when nobody looks: secrets, logins, certificates, keys; values only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gatepost.amount import amount
from gatepost.model import Account, Domain, DomainKey, OAuthClient
from gatepost.store.accounts import AccountState

WARN_DAYS = (30, 14, 7, 3, 1, 0)
"""People are told so many days before an end, each once; 0 is the end itself."""

URGENT = timedelta(days=7)
SOON = timedelta(days=30)
IDLE_LIFE = {"google": timedelta(days=180), "microsoft": timedelta(days=90)}
"""How long a refresh token lives that nobody uses; every use begins it anew."""

TESTING_LIFE = timedelta(days=7)
"""Google ends the logins of an app whose publishing status is Testing, used or not."""

KEY_LIFE = timedelta(days=365)
Tone = Literal["past", "urgent", "soon", "fine"]
NAMES = {"google": "Google", "microsoft": "Microsoft"}


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends. `renews`: it is renewed by itself as long as all works, so nobody is told of it.

    `page` is where to act; `account_id` names the mailbox whose owner is told.
    """

    key: str
    what: str
    name: str
    ends_at: datetime
    then: str
    fix: str
    page: str = ""
    renews: bool = False
    account_id: str = ""


def all_expiries(
    certificate_ends: datetime | None,
    clients: Iterable[OAuthClient],
    accounts: Sequence[Account],
    keys: Iterable[tuple[Domain, DomainKey]],
) -> list[Expiry]:
    """Everything that ends, what ends first standing first."""
    testing = {client.provider for client in clients if client.audience == "testing"}
    found = [end for client in clients if (end := of_client(client, accounts))]
    found += [end for account in accounts if (end := of_login(account, account.provider in testing))]
    found += [of_key(domain, key) for domain, key in keys]
    if certificate_ends:
        found.append(of_certificate(certificate_ends))
    return sorted(found, key=lambda one: (one.ends_at, one.key))


def of_certificate(ends: datetime) -> Expiry:
    """The certificate of the listeners."""
    then = "Mail programs and pages then warn of this server, and strict mail servers send it nothing."
    fix = "Renew it, put it where tls_certificate points, and start Gatepost again."
    return Expiry("certificate", "TLS certificate", "of the listeners", ends, then, fix)


def of_client(client: OAuthClient, accounts: Sequence[Account]) -> Expiry | None:
    """The secret of our registration at a provider."""
    if client.secret_expires_at is None:
        return None
    name = NAMES.get(client.provider, client.provider)
    many = sum(account.provider == client.provider and account.auth != "password" for account in accounts)
    used = amount(many, "mailbox logs", "mailboxes log")
    then = f"No mailbox at {name} can be read or sent from any more; {used} in with it now."
    fix = f"Make a new secret in {name}'s console, enter it here, and delete the old one there afterwards."
    key = f"client:{client.provider}"
    return Expiry(key, "Client secret", name, client.secret_expires_at, then, fix, "/oauth-clients")


def of_login(account: Account, testing: bool) -> Expiry | None:
    """The consent behind a mailbox; an `app` login has none, and a password is not known to end."""
    if account.auth != "oauth" or account.tokens_sealed is None:
        return None
    page, name = f"/mailboxes/{account.channel_id}", account.address or account.username
    key, granted = f"login:{account.id}", account.granted_at or account.created_at
    if testing:
        then = "The mailbox must then be connected again, every seven days."
        fix = "Set the app's publishing status to In production, or its user type to Internal, in Google's console."
        return Expiry(key, "Login", name, granted + TESTING_LIFE, then, fix, page, account_id=account.id)
    life = IDLE_LIFE.get(account.provider)
    if life is None:
        return None
    then = "The mailbox must then be connected again; what came meanwhile is fetched."
    fix = "Switch it on again, or disconnect it: a login that is used does not end."
    idle = account.state in (AccountState.DISABLED, AccountState.NEEDS_RECONNECT)
    ends = (account.refreshed_at or granted) + life
    return Expiry(key, "Login", name, ends, then, fix, page, renews=not idle, account_id=account.id)


def of_key(domain: Domain, key: DomainKey) -> Expiry:
    """A DKIM key that signs: it works on, but should be replaced once a year."""
    name = f"{key.selector}._domainkey.{domain.name}"
    then = "It works on; a key that is never replaced may have been copied long ago."
    fix = "Rotate it on the domain's page; mail is signed without a gap meanwhile."
    page = f"/senders/domains/{domain.id}#keys"
    return Expiry(f"dkim:{key.id}", "DKIM key", name, key.created_at + KEY_LIFE, then, fix, page)


def tone_of(expiry: Expiry, now: datetime) -> Tone:
    """How near it is: `past`, `urgent`, `soon` or `fine`; what renews itself is fine."""
    left = expiry.ends_at - now
    if expiry.renews and left > timedelta():
        return "fine"
    if left <= timedelta():
        return "past"
    return "urgent" if left <= URGENT else "soon" if left <= SOON else "fine"


def step_of(expiry: Expiry, now: datetime) -> int | None:
    """Which of `WARN_DAYS` is reached; None while there is time, and for what renews itself."""
    if expiry.renews:
        return None
    left = expiry.ends_at - now
    reached = [days for days in WARN_DAYS if left <= timedelta(days=days)]
    return min(reached) if reached else None


def to_tell(
    expiries: Iterable[Expiry], told: Mapping[str, tuple[datetime, int]], now: datetime
) -> list[tuple[Expiry, int]]:
    """What to tell now: each end once for each step; another end (it was renewed) begins anew."""
    found = []
    for expiry in expiries:
        step = step_of(expiry, now)
        ends, days = told.get(expiry.key, (expiry.ends_at, max(WARN_DAYS) + 1))
        if step is not None and (ends != expiry.ends_at or step < days):
            found.append((expiry, step))
    return found


def sentence_of(expiry: Expiry, now: datetime) -> str:
    """When it ends, in words."""
    days = (expiry.ends_at - now).days
    if expiry.ends_at <= now:
        return f"The {expiry.what} {expiry.name} ended on {expiry.ends_at:%Y-%m-%d}."
    when = "within a day" if days < 1 else "in a day" if days == 1 else f"in {days} days"
    return f"The {expiry.what} {expiry.name} ends {when}, on {expiry.ends_at:%Y-%m-%d}."
