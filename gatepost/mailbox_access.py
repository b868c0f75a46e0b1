"""What connected mailboxes log in with, for those who may not import each other: IMAP, and handing in mail."""

from dataclasses import replace
from datetime import datetime, timedelta

from gatepost.connectors.access import Access, Password, Secret
from gatepost.connectors.consent import explain
from gatepost.connectors.grant import Refused, Unreachable
from gatepost.connectors.provider import configure_all
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.connectors.trouble import LATER, Trouble
from gatepost.connectors.wire import Connect
from gatepost.gateway.account_login import AccountLogin, Login, NoLogin
from gatepost.http import Guard
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.seal import SealError


def access_of(parts: Parts) -> Access:
    """Secrets of accounts, with tokens that are refreshed in time."""
    providers = configure_all(PROVIDERS, parts.settings.providers)
    guard = Guard(private=parts.settings.private_hosts)
    return Access(parts.ledger, parts.database, parts.keys, providers, guard, clock)


def imap_login(access: Access, account: Account) -> Connect:
    """How to log in by IMAP. Raises Trouble."""
    place = Connect(account.host, account.port, account.security, account.username, folder=account.folder)
    try:
        secret = access.secret(account)
    except Refused as refused:
        advice = explain(refused.problem, tenant=account.tenant, age=age_of(account, access.clock()))
        steps = " ".join(advice.steps)
        raise Trouble("password", advice.what, steps, lasting=not advice.waits, state=advice.state) from None
    except Unreachable as error:
        raise Trouble("server", str(error), LATER) from None
    except SealError:
        what = f"The stored secret of {account.username} cannot be opened with this key file."
        raise Trouble("password", what, "Restore the key file, or connect the mailbox again.", lasting=True) from None
    return with_secret(place, secret)


def age_of(account: Account, now: datetime) -> timedelta | None:
    """How long ago the permission was given."""
    return now - account.granted_at if account.granted_at else None


def with_secret(place: Connect, secret: Secret) -> Connect:
    """The place with the password or the token."""
    if isinstance(secret, Password):
        return replace(place, password=secret.value)
    return replace(place, bearer=secret.token, expires_at=secret.expires_at)


def smtp_login(access: Access) -> AccountLogin:
    """How to log in where mail is handed in; a refused token is given up for another."""

    def login(account: Account, refused: str) -> Login:
        try:
            if refused:
                access.refused(account, refused)
            secret = access.secret(account)
        except Refused as error:
            advice = explain(error.problem, tenant=account.tenant)
            raise NoLogin(" ".join((advice.what, *advice.steps))) from None
        except (Unreachable, SealError) as error:
            raise NoLogin(str(error)) from None
        if isinstance(secret, Password):
            return Login("password", secret.value)
        return Login("xoauth2", secret.token, own_names(access, account))

    return login


def own_names(access: Access, account: Account) -> tuple[str, ...]:
    """The names of the provider's own servers, and its domains."""
    provider = access.providers[account.provider]
    return tuple(name.lower() for name in (provider.smtp.host, provider.imap.host, *provider.domains) if name)


def keeps_copies(access: Access, account: Account) -> str:
    """The name of the account's provider where it puts a copy of what it sends into Sent by itself, else empty."""
    provider = access.providers.get(account.provider)
    if provider is None or not provider.copies_sent_itself:
        by_host = (one for one in access.providers.values() if one.smtp.host and one.smtp.host == account.smtp_host)
        provider = next((one for one in by_host if one.copies_sent_itself), None)
    return provider.name if provider else ""
