"""The domains that we sign for, each with its DKIM key: public half as a DNS record, private half sealed."""

from datetime import datetime

from sqlmodel import Session, select

from gatepost.address import AddressError, parse_domain
from gatepost.domain_key import make_key
from gatepost.ids import new_id
from gatepost.model import Domain
from gatepost.seal import Keys, seal, unseal
from gatepost.store.rows import insert_row

STRING = 255
"""The longest string of a TXT record (RFC 1035 section 3.3.14)."""


class DomainError(ValueError):
    """A domain that cannot be added; str() is a sentence for people."""


def new_domain(keys: Keys, name: str, now: datetime) -> Domain:
    """The row of a domain with a new rsa-2048 key, not yet stored: making a key takes a tenth of a second.

    Raises DomainError for a name that is no domain.
    """
    try:
        name = parse_domain(name.strip())
    except AddressError as error:
        raise DomainError(str(error)) from None
    private, record = make_key()
    identifier = new_id("dom")
    return Domain(
        id=identifier,
        name=name,
        selector=f"gp{now:%Y%m}",
        private_sealed=seal(keys, _place(identifier), private),
        public_record=record,
        created_at=now,
    )


def create_domain(session: Session, keys: Keys, name: str, now: datetime) -> Domain:
    """Add a domain with a new key. Raises DomainError for a bad name or one that is there."""
    return add_domain(session, new_domain(keys, name, now))


def add_domain(session: Session, domain: Domain) -> Domain:
    """Store a row of `new_domain`. Raises DomainError when the name is there."""
    if domain_by_name(session, domain.name):
        raise DomainError(f"The domain {domain.name} is there already.")
    insert_row(session, domain)  # a row made outside must stay unknown to the session, for the operation may run again
    return domain


def list_domains(session: Session) -> list[Domain]:
    """All domains by name."""
    return list(session.exec(select(Domain).order_by(Domain.name)))


def domain_by_name(session: Session, name: str) -> Domain | None:
    """The domain of this A-label name."""
    return session.exec(select(Domain).where(Domain.name == name.lower())).one_or_none()


def private_key(keys: Keys, domain: Domain) -> bytes:
    """The private key as PEM. Raises SealError when the key file does not fit."""
    return unseal(keys, _place(domain.id), domain.private_sealed)


def dns_record(domain: Domain) -> tuple[str, str]:
    """Name and text of the TXT record that its owner publishes (RFC 6376 section 3.6.2)."""
    return f"{domain.selector}._domainkey.{domain.name}", domain.public_record


def zone_line(domain: Domain) -> str:
    """The record as a line of a zone file, its text in strings of at most 255 octets."""
    name, text = dns_record(domain)
    strings = " ".join(f'"{text[at : at + STRING]}"' for at in range(0, len(text), STRING))
    return f"{name}. IN TXT ( {strings} )"


def _place(identifier: str) -> str:
    return f"domain.private:{identifier}"
