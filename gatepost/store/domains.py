"""The domains that we sign for, each with its DKIM keys: public halves as DNS records, private halves sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from gatepost.address import AddressError, parse_domain
from gatepost.domain_key import ALGORITHMS, ED25519, RSA, KeyState, make_key
from gatepost.ids import new_id
from gatepost.model import Domain, DomainKey
from gatepost.seal import Keys, seal, unseal
from gatepost.store.events import add_event
from gatepost.store.rows import insert_row

STRING = 255
"""The longest string of a TXT record (RFC 1035 section 3.3.14)."""

SUFFIXES = "abcdefghijklmnopqrstuvwxyz"


class DomainError(ValueError):
    """A domain that cannot be added; str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class NewDomain:
    """A domain that is not yet stored, with its first keys."""

    domain: Domain
    keys: tuple[DomainKey, ...]


def new_domain(keys: Keys, name: str, now: datetime) -> NewDomain:
    """A domain with new keys, not yet stored: making an RSA key takes a tenth of a second.

    The RSA key signs at once; the Ed25519 key as soon as its record is seen. Raises DomainError for a name that is no
    domain.
    """
    try:
        name = parse_domain(name.strip())
    except AddressError as error:
        raise DomainError(str(error)) from None
    domain = Domain(id=new_id("dom"), name=name, created_at=now)
    signing = new_key(keys, domain.id, f"gp{now:%Y%m}", RSA, now)
    signing.state = KeyState.SIGNING
    return NewDomain(domain, (signing, new_key(keys, domain.id, f"gp{now:%Y%m}ed", ED25519, now)))


def new_key(keys: Keys, domain_id: str, selector: str, algorithm: str, now: datetime) -> DomainKey:
    """A key that is neither stored nor published."""
    private, record = make_key(algorithm)
    identifier = new_id("key")
    return DomainKey(
        id=identifier,
        domain_id=domain_id,
        selector=selector,
        algorithm=algorithm,
        private_sealed=seal(keys, _place(identifier), private),
        public_record=record,
        state=KeyState.MADE,
        steps=[step(KeyState.MADE, "the key was made", now)],
        created_at=now,
    )


def step(state: KeyState, why: str, now: datetime) -> dict[str, Any]:
    """An entry of a key's evidence."""
    return {"state": state.value, "why": why, "at": now.isoformat()}


def next_selector(taken: Sequence[str], algorithm: str, now: datetime) -> str:
    """A selector that the domain has never had, so that nobody holds an old record for the new key."""
    base = f"gp{now:%Y%m}{'ed' if algorithm == ED25519 else ''}"
    names = [base, *(f"{base}-{suffix}" for suffix in SUFFIXES)]
    return next((name for name in names if name not in taken), f"{base}-{now:%d%H%M%S}")


def create_domain(session: Session, keys: Keys, name: str, now: datetime) -> Domain:
    """Add a domain with new keys. Raises DomainError for a bad name or one that is there."""
    return add_domain(session, new_domain(keys, name, now))


def add_domain(session: Session, new: NewDomain) -> Domain:
    """Store what `new_domain` made. Raises DomainError when the name is there."""
    if domain_by_name(session, new.domain.name):
        raise DomainError(f"The domain {new.domain.name} is there already.")
    insert_row(session, new.domain)  # a row made outside must stay unknown to the session: an operation may run again
    for key in new.keys:
        insert_row(session, key)
    return new.domain


def list_domains(session: Session) -> list[Domain]:
    """All domains by name."""
    return list(session.exec(select(Domain).order_by(Domain.name)))


def get_domain(session: Session, domain_id: str) -> Domain | None:
    """A domain by its id."""
    return session.get(Domain, domain_id)


def domain_by_name(session: Session, name: str) -> Domain | None:
    """The domain of this A-label name."""
    return session.exec(select(Domain).where(Domain.name == name.lower())).one_or_none()


def nearest_domain(session: Session, name: str) -> Domain | None:
    """The domain of this name, or the nearest one above it."""
    found = {row.name: row for row in session.exec(select(Domain).where(col(Domain.name).in_(names_above(name))))}
    return next((found[each] for each in names_above(name) if each in found), None)


def names_above(name: str) -> list[str]:
    """A name and its parents of two labels or more, nearest first."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(max(len(labels) - 1, 1))]


def domain_keys(session: Session, domain_id: str, *states: KeyState) -> list[DomainKey]:
    """The keys of a domain in these states (all without any), RSA first, oldest first."""
    found = session.exec(select(DomainKey).where(DomainKey.domain_id == domain_id).order_by(DomainKey.id))
    rows = [row for row in found if not states or row.state in states]
    return sorted(rows, key=lambda row: (ALGORITHMS.index(row.algorithm), row.created_at))


def signing_key(session: Session, domain: Domain) -> DomainKey:
    """The RSA key that signs for a domain; of two the newer one."""
    return next(key for key in reversed(domain_keys(session, domain.id, KeyState.SIGNING)) if key.algorithm == RSA)


def add_key(session: Session, key: DomainKey) -> None:
    """Store what `new_key` made, unless it is there."""
    if session.get(DomainKey, key.id) is None:
        insert_row(session, key)


def set_key(session: Session, key: DomainKey, state: KeyState, why: str, now: datetime) -> None:
    """Move a key on, with the evidence; a stopped one remembers when, a retired one loses its private half."""
    values: dict[str, Any] = {"state": state, "steps": [*key.steps, step(state, why, now)]}
    if state in (KeyState.STOPPED, KeyState.SIGNING):
        values["stopped_at"] = now if state is KeyState.STOPPED else None
    if state is KeyState.RETIRED:
        values["private_sealed"] = b""
    session.execute(update(DomainKey).where(col(DomainKey.id) == key.id).values(values))


def domains_due(session: Session, before: datetime, limit: int = 20) -> list[Domain]:
    """The domains whose records were not looked at since a time, longest ago first."""
    where = col(Domain.checked_at).is_(None) | (col(Domain.checked_at) < before)
    return list(session.exec(select(Domain).where(where).order_by(col(Domain.checked_at), Domain.name).limit(limit)))


def set_report(session: Session, domain_id: str, report: list[dict[str, Any]], **times: datetime | None) -> None:
    """Keep what the last check found; `times` are `checked_at`, `verified_at` and `broken_at`."""
    session.execute(update(Domain).where(col(Domain.id) == domain_id).values(report=report, **times))


def remove_domain(session: Session, domain_id: str, name: str, now: datetime) -> None:
    """Forget a domain and its keys: mail from it is not signed any more."""
    add_event(session, "domain.removed", now=now, data={"domain": name})
    session.execute(delete(DomainKey).where(col(DomainKey.domain_id) == domain_id))
    session.execute(delete(Domain).where(col(Domain.id) == domain_id))


def private_key(keys: Keys, key: DomainKey) -> bytes:
    """The private key as PEM. Raises SealError when the key file does not fit."""
    return unseal(keys, _place(key.id), key.private_sealed)


def key_name(domain: Domain, key: DomainKey) -> str:
    """Where the owner publishes a key's record (RFC 6376 section 3.6.2)."""
    return f"{key.selector}._domainkey.{domain.name}"


def dns_record(session: Session, domain: Domain) -> tuple[str, str]:
    """Name and text of the TXT record of the RSA key that signs."""
    key = signing_key(session, domain)
    return key_name(domain, key), key.public_record


def zone_line(name: str, text: str) -> str:
    """A TXT record as a line of a zone file, its text in strings of at most 255 octets."""
    strings = " ".join(f'"{text[at : at + STRING]}"' for at in range(0, len(text), STRING))
    return f"{name}. IN TXT ( {strings} )"


def _place(identifier: str) -> str:
    return f"domain.private:{identifier}"
