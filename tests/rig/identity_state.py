"""What the identity provider of the tests knows: people, clients, policies, codes, tokens, and the faults it plays."""

import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

PASSWORD = "a-pass-phrase"
TENANTS = {
    "contoso": "11111111-2222-3333-4444-555555555555",
    "fabrikam": "99999999-8888-7777-6666-555555555555",
}
MAIL_SCOPES = {
    "https://mail.google.com/",
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office365.com/.default",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in; `tenant` is empty at the Google-shaped side."""

    address: str
    tenant: str = ""
    admin: bool = False
    password: str = PASSWORD


@dataclass(frozen=True, slots=True)
class Registered:
    """A client; dialect is google, microsoft, or resource (a mail server that introspects)."""

    secret: str
    dialect: str


@dataclass(slots=True)
class Policy:
    """How a tenant is set; `workflow` offers to request an approval."""

    admin_consent: bool = False
    workflow: bool = False
    conditional_access: bool = False
    mfa: bool = False
    blocked: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code with the request that it answers."""

    asked: dict[str, str]
    person: Person
    scopes: list[str]
    offline: bool
    expires: float


@dataclass(slots=True)
class Token:
    """An access or refresh token; without a person it is the client's own."""

    client: str
    person: Person | None
    tenant: str
    scopes: list[str]
    expires: float
    revoked: bool = False

    @property
    def live(self) -> bool:
        """Whether it is worth anything now."""
        return not self.revoked and self.expires > time.time()


@dataclass(slots=True)
class Fault:
    """An answer to give instead, `times` times: at authorize, token, introspect, jwks, revoke, or id_token (claims)."""

    at: str
    body: dict[str, Any] = field(default_factory=lambda: {"error": "temporarily_unavailable"})
    status: int = 400
    times: int = 1
    person: str = ""
    grant: str = ""
    delay: float = 0


@dataclass(slots=True)
class State:
    """Everything; `lock` guards it. `delegates` names the mailbox that a person, or a client, may open as well."""

    clients: dict[str, Registered] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    redirects: set[str] = field(default_factory=set)
    policies: dict[str, Policy] = field(default_factory=dict)
    consents: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    approved: set[tuple[str, str]] = field(default_factory=set)
    delegates: dict[str, str] = field(default_factory=dict)
    pending: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    log: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    seconds: int = 3600
    keeps_old: bool = True
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    key_id: str = field(default_factory=lambda: f"rig-{uuid.uuid4().hex[:8]}")
    lock: threading.RLock = field(default_factory=threading.RLock)

    def policy(self, tenant: str) -> Policy:
        """The policy of a tenant, to read or to change."""
        return self.policies.setdefault(tenant, Policy())

    def fault(self, at: str, person: Person | None = None, grant: str = "") -> Fault | None:
        """The next fault for this moment, used up."""
        with self.lock:
            for fault in self.faults:
                fits = fault.at == at and fault.times and fault.grant in ("", grant)
                if fits and fault.person in ("", person.address if person else None):
                    fault.times -= 1
                    time.sleep(fault.delay)
                    return fault
        return None

    def new_access(self, client: str, person: Person | None, tenant: str, scopes: list[str]) -> str:
        """An access token."""
        token = "ya29." + secrets.token_urlsafe(40)
        self.access[token] = Token(client, person, tenant, scopes, time.time() + self.seconds)
        return token

    def new_refresh(self, client: str, person: Person, tenant: str, scopes: list[str]) -> str:
        """A refresh token."""
        token = "1//0" + secrets.token_urlsafe(40)
        self.refresh[token] = Token(client, person, tenant, scopes, time.time() + 90 * 86_400)
        return token

    def revoke(self, address: str, client: str = "") -> None:
        """All tokens of a person end."""
        with self.lock:
            for token in (*self.access.values(), *self.refresh.values()):
                if token.person and token.person.address == address and client in ("", token.client):
                    token.revoked = True


def person_id(address: str) -> str:
    """The identity's constant id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, address))
