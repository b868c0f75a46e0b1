"""DMARC (RFC 9989): the policy of the author's domain, found by walking up the DNS tree, and who is aligned with it."""

from dataclasses import dataclass, field, replace

from gatepost.resolver import NoSuchName, Resolver, exists

POLICIES = ("none", "quarantine", "reject")
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Record:
    """A policy record (section 4.7) and the domain it stands at; `policy` is None where p= is missing or wrong."""

    domain: str
    policy: str | None
    subdomains: str | None = None
    missing: str | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    psd: str = "u"
    testing: bool = False
    reports: bool = False
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What applies to an author's domain: the record or None, its organizational domain, and the policy for it."""

    record: Record | None
    organization: str
    policy: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A domain that was proven, and how: `dkim` or `spf`."""

    domain: str
    method: str


@dataclass(slots=True)
class Walk:
    """The records above a domain, nearest first; each name is asked once per mail."""

    resolver: Resolver
    known: dict[str, Record | None] = field(default_factory=dict)

    def records(self, domain: str) -> list[Record]:
        """Steps 1-8 of section 4.10. Raises DnsTrouble."""
        found: list[Record] = []
        for name in names_to_ask(domain):
            record = self.at(name)
            if record is None:
                continue
            found.append(record)
            if record.psd == "n" or (record.psd == "y" and name != domain):
                break
        return found

    def at(self, name: str) -> Record | None:
        """The one record at a name; none or several are as nothing."""
        if name not in self.known:
            try:
                texts = self.resolver.txt(f"_dmarc.{name}")
            except NoSuchName:
                texts = []
            records = [record for text in texts if (record := read_record(text, name))]
            self.known[name] = records[0] if len(records) == 1 else None
        return self.known[name]

    def organization(self, domain: str) -> str:
        """The organizational domain (section 4.10.2). Raises DnsTrouble."""
        return organization(domain, self.records(domain))


def names_to_ask(domain: str) -> list[str]:
    """The domain, then its parents; from a deep one the walk jumps to seven labels: eight questions at most."""
    labels = domain.split(".")
    start = 1 if len(labels) < MOST_LABELS else len(labels) - (MOST_LABELS - 1)
    return [domain, *(".".join(labels[at:]) for at in range(start, len(labels)))]


def read_record(text: bytes, domain: str) -> Record | None:
    """The record in a TXT string, or None when it is not one; unknown tags are ignored (section 4.7)."""
    if len(text) > 4096:
        return None
    tags: dict[str, str] = {}
    for number, part in enumerate(text.decode("utf-8", "replace").split(";")):
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if number == 0 and (name, value) != ("v", "DMARC1"):
            return None
        tags.setdefault(name, value)
    named = {name: tags[name].lower() for name in ("p", "sp", "np") if name in tags}
    return Record(
        domain=domain,
        policy=_policy(named.get("p")),
        subdomains=_policy(named.get("sp")),
        missing=_policy(named.get("np")),
        strict_dkim=tags.get("adkim", "").lower() == "s",
        strict_spf=tags.get("aspf", "").lower() == "s",
        psd=tags.get("psd", "u").lower(),
        testing=tags.get("t", "").lower() == "y",
        reports="mailto:" in tags.get("rua", "").lower(),
        bad="p" not in named or any(value not in POLICIES for value in named.values()),
    )


def _policy(value: str | None) -> str | None:
    return value if value in POLICIES else None


def organization(domain: str, records: list[Record]) -> str:
    """The organizational domain, given the records of the walk from the domain up (section 4.10.2)."""
    for record in records:
        if record.psd == "n":
            return record.domain
        if record.psd == "y" and record.domain != domain:
            below = len(record.domain.split(".")) + 1
            return ".".join(domain.split(".")[-below:])
    return records[-1].domain if records else domain


def find_policy(domain: str, walk: Walk) -> Found:
    """The record and policy for an author's domain (section 4.10.1). Raises DnsTrouble."""
    records = walk.records(domain)
    organized = organization(domain, records)
    record = next((r for name in (domain, organized) for r in records if r.domain == name), None)
    if record is None:
        record = next((r for r in records if r.psd == "y"), None)
    if record is not None and record.bad:
        record = replace(record, policy="none", subdomains=None, missing=None) if record.reports else None
    if record is None:
        return Found(None, organized, "none")
    return Found(record, organized, _effective(record, domain, walk.resolver))


def _effective(record: Record, domain: str, resolver: Resolver) -> str:
    """The policy of this record for this domain; a test lowers it by one step (section 4.7, t=)."""
    policy = record.policy or "none"
    if record.domain != domain:
        policy = record.subdomains or policy
        if record.missing and record.missing != policy and not exists(resolver, domain):
            policy = record.missing
    return POLICIES[max(POLICIES.index(policy) - 1, 0)] if record.testing else policy


def aligned(domain: str, found: Found, proof: Proof, walk: Walk) -> bool:
    """Whether a proven domain stands for the author's (section 4.10.2). Raises DnsTrouble."""
    if proof.domain == domain:
        return True
    strict = found.record is not None and (
        found.record.strict_dkim if proof.method == "dkim" else found.record.strict_spf
    )
    if strict or not is_within(proof.domain, found.organization):
        return False
    return walk.organization(proof.domain) == found.organization


def is_within(domain: str, above: str) -> bool:
    """Whether a domain is another or below it."""
    return domain == above or domain.endswith("." + above)
