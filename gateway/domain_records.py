"""What the owner of a domain publishes so that mail from it is trusted: each record with its purpose, and as a zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gatepost.domain_key import ED25519, KeyState
from gatepost.model import Domain, DomainKey
from gatepost.settings import Settings
from gatepost.store.domains import key_name, zone_line

PUBLISHED = (KeyState.MADE, KeyState.SEEN, KeyState.SIGNING, KeyState.STOPPED)
PURPOSES = {
    "dkim": "DKIM: receivers verify our signature with it, so that nobody can change the mail or forge its sender.",
    "dkim-ed25519": "A second, shorter DKIM key. It signs beside the first as soon as this record is seen.",
    "spf": "SPF: says which servers send for the domain.",
    "dmarc": "DMARC: says what receivers do with mail that proves neither by DKIM nor by SPF that it is the domain's. "
    "Begin with p=none, and raise it to quarantine and reject when the reports show no mail of yours that fails.",
    "return-path": "The return path: each mail carries an address below this name, and bounces come back to it.",
    "return-path-spf": "SPF of the return path, which is what receivers really look up.",
    "replies": "Answers to notifications and to agents come to an address below this name.",
    "mx": "Mail to the domain comes to this installation. Only where people shall write to it here.",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish; `kind` is a key of PURPOSES. What is not `needed` is better with it."""

    kind: str
    name: str
    type: str
    value: str
    needed: bool
    key_id: str = ""

    @property
    def purpose(self) -> str:
        """Why it is published."""
        return PURPOSES[self.kind]

    @property
    def line(self) -> str:
        """It as a line of a zone file."""
        if self.type == "TXT":
            return zone_line(self.name, self.value)
        return f"{self.name}. IN {self.type} {self.value}."


def mechanism(settings: Settings) -> str:
    """What SPF must allow: the setting, else our own name."""
    return settings.spf or f"a:{settings.host}"


def records_of(settings: Settings, domain: Domain, keys: Sequence[DomainKey], *, mx: bool) -> list[Record]:
    """Everything to publish for a domain; `mx` where people write to it here."""
    found = [key_record(domain, key) for key in keys if key.state in PUBLISHED]
    allows = f"v=spf1 {mechanism(settings)} ~all"
    ours = domain.name == settings.domain
    found.append(Record("spf", domain.name, "TXT", allows, False))
    report = f"postmaster@{domain.name if mx else settings.domain}"
    found.append(Record("dmarc", f"_dmarc.{domain.name}", "TXT", f"v=DMARC1; p=none; rua=mailto:{report}", False))
    if ours:
        found.append(Record("return-path", settings.bounces, "MX", f"10 {settings.host}", True))
        found.append(Record("return-path-spf", settings.bounces, "TXT", f"v=spf1 {mechanism(settings)} -all", True))
        found.append(Record("replies", settings.replies, "MX", f"10 {settings.host}", True))
    if mx:
        found.append(Record("mx", domain.name, "MX", f"10 {settings.host}", False))
    return found


def key_record(domain: Domain, key: DomainKey) -> Record:
    """The record of a DKIM key; that of one which signed must stay while mail of it is under way."""
    second = key.algorithm == ED25519
    needed = key.state in (KeyState.SIGNING, KeyState.STOPPED)
    kind = "dkim-ed25519" if second else "dkim"
    return Record(kind, key_name(domain, key), "TXT", key.public_record, needed, key.id)


def zone_file(domain: Domain, records: Sequence[Record], now: datetime) -> str:
    """The records as lines to be added to a zone file (RFC 1035 section 5)."""
    lines = [f"; What Gatepost asks you to publish for {domain.name}, {now:%Y-%m-%d %H:%M} UTC", "$TTL 3600"]
    for record in records:
        lines += [f"; {record.purpose}", record.line]
    return "\n".join(lines) + "\n"
