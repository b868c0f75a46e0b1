"""What Gatepost is registered as at providers: client id, sealed secret, tenant."""

from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.model import Account, OAuthClient
from gatepost.seal import Keys, seal, unseal

AUDIENCES = ("internal", "external", "testing")


def client_place(provider: str) -> str:
    """Where a client's secret is sealed to."""
    return f"oauth_client.secret:{provider}"


def get_client(session: Session, provider: str) -> OAuthClient | None:
    """Our registration at a provider."""
    return session.get(OAuthClient, provider)


def list_clients(session: Session) -> list[OAuthClient]:
    """All registrations."""
    return list(session.exec(select(OAuthClient).order_by(col(OAuthClient.provider))))


def save_client(
    session: Session,
    keys: Keys,
    provider: str,
    *,
    client_id: str,
    secret: str | None,
    now: datetime,
    tenant: str = "",
    audience: str = "internal",
    secret_expires_at: datetime | None = None,
) -> OAuthClient:
    """Set a registration; without a secret the stored one stays (KeyError where there is none)."""
    row = get_client(session, provider)
    if row is None and secret is None:
        raise KeyError(provider)
    sealed = seal(keys, client_place(provider), secret.encode()) if secret is not None else b""
    if row is None:
        row = OAuthClient(provider=provider, client_id=client_id, secret_sealed=sealed, created_at=now, updated_at=now)
    row.secret_sealed = sealed or row.secret_sealed
    row.client_id, row.tenant, row.audience = client_id, tenant, audience
    row.secret_expires_at, row.updated_at = secret_expires_at, now
    session.add(row)
    session.flush()
    return row


def remove_client(session: Session, provider: str) -> bool:
    """Forget a registration; accounts that log in with it cannot go on. Whether there was one."""
    row = get_client(session, provider)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def accounts_of(session: Session, provider: str) -> int:
    """How many accounts log in with a provider's registration."""
    query = select(Account.id).where(Account.provider == provider, col(Account.auth).in_(("oauth", "app")))
    return len(list(session.exec(query)))


def open_client_secret(keys: Keys, row: OAuthClient) -> str:
    """The secret. Raises SealError."""
    return unseal(keys, client_place(row.provider), row.secret_sealed).decode()
