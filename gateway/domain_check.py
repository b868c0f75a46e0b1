"""Whether the DNS publishes what it should: each record by itself, with what is wrong and the fix in words."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gatepost.gateway.dmarc import Walk, find_policy, read_record
from gatepost.gateway.domain_records import Record, mechanism
from gatepost.gateway.exchanges import addresses_of
from gatepost.gateway.spf import check_spf
from gatepost.reply import clean_text
from gatepost.resolver import DnsTrouble, NoSuchName, Resolver
from gatepost.settings import Settings

OK, MISSING, WRONG, UNKNOWN = "ok", "missing", "wrong", "unknown"
SHOWN = 300
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """What the DNS says about one record: `state`, a sentence, the fix, and what was found there."""

    kind: str
    name: str
    type: str
    value: str
    needed: bool
    state: str
    why: str
    fix: str = ""
    found: tuple[str, ...] = ()
    key_id: str = ""

    @property
    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "found": list(self.found)}


Finding = tuple[str, str, str, Sequence[str]]
"""State, why, fix, what was found."""


def check_all(records: Sequence[Record], settings: Settings, resolver: Resolver) -> list[Checked]:
    """Look up every record, now. Never raises: what cannot be asked is `unknown`."""
    return [check(record, settings, resolver) for record in records]


def check(record: Record, settings: Settings, resolver: Resolver) -> Checked:
    """Look up one record."""
    try:
        state, why, fix, found = CHECKS[record.kind](record, settings, resolver)
    except DnsTrouble as trouble:
        fix = "check it again later; if it stays, see whether the name servers of the domain answer"
        state, why, found = UNKNOWN, clean_text(f"the DNS gave no answer: {trouble}"), ()
    shown = tuple(clean_text(text)[:SHOWN] for text in found[:MOST_SHOWN])
    return Checked(
        record.kind, record.name, record.type, record.value, record.needed, state, why, fix, shown, record.key_id
    )


def texts_at(name: str, resolver: Resolver) -> list[str]:
    """The TXT records of a name. Raises DnsTrouble."""
    try:
        return [text.decode("latin-1") for text in resolver.txt(name)]
    except NoSuchName:
        return []


def check_key(record: Record, settings: Settings, resolver: Resolver) -> Finding:
    """A DKIM key (RFC 6376 section 3.6.2.2: several records there are as none)."""
    texts = texts_at(record.name, resolver)
    wanted, keys = tags_of(record.value), [tags_of(text) for text in texts]
    add = f"publish the TXT record as shown here at {record.name}"
    if not texts:
        doubled = record.name + "." + record.name.partition("._domainkey.")[2]
        if any(tags_of(text).get("p") == wanted["p"] for text in texts_at(doubled, resolver)):
            fix = "write the name in your DNS provider's form without the domain, which it adds by itself"
            return WRONG, f"the record is at {doubled}: the domain stands in its name twice", fix, texts
        return MISSING, f"there is no TXT record at {record.name}", add, texts
    if len(texts) > 1:
        return WRONG, f"there are {len(texts)} TXT records at {record.name}", "leave only the one shown here", texts
    found = keys[0]
    if found.get("p") == "":
        return WRONG, "the record is there, but says that the key is revoked (its p= is empty)", add, texts
    if found.get("p") != wanted["p"]:
        return WRONG, key_difference(found.get("p", ""), wanted["p"]), add, texts
    if found.get("v", "DKIM1") != "DKIM1" or found.get("k", "rsa") != wanted["k"]:
        return WRONG, "our key is there, but its v= or k= is another", add, texts
    if "y" in found.get("t", "").split(":"):
        return WRONG, "the record says that the key is only tested (t=y), so receivers ignore it", "take t=y out", texts
    if "h" in found and "sha256" not in found["h"].split(":"):
        return WRONG, f"the record allows only {found['h']}, and we sign with sha256", "take h= out", texts
    return OK, "published as it should be", "", texts


def key_difference(found: str, wanted: str) -> str:
    """In words, how a published key differs from ours."""
    if not found:
        return "the record there holds no key (p= is missing)"
    if wanted.startswith(found):
        return f"the key there is cut off after {len(found)} of {len(wanted)} characters"
    return "another key than ours is published there"


def tags_of(record: str) -> dict[str, str]:
    """The tags of a DKIM record without white space; the first of each name."""
    tags: dict[str, str] = {}
    for part in "".join(record.split()).split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.lower(), value)
    return tags


def check_policy_of_servers(record: Record, settings: Settings, resolver: Resolver) -> Finding:
    """SPF (RFC 7208 section 3.2: one record), which must allow the servers that we send from."""
    texts = [text for text in texts_at(record.name, resolver) if text.lower().split(" ")[0] == "v=spf1"]
    if not texts:
        return MISSING, f"there is no SPF record at {record.name}", "publish the TXT record as shown here", texts
    if len(texts) > 1:
        fix = f"make one of them: v=spf1, then all that they allow, and {mechanism(settings)}"
        return WRONG, f"there are {len(texts)} SPF records, and receivers then use none", fix, texts
    wanted = mechanism(settings).lower()
    insert = f"put {wanted} into your SPF record, before its last word (all)"
    results = {
        address: check_spf(address, settings.host, f"x@{record.name}", resolver) for address in ours(settings, resolver)
    }
    broken = next((found for found in results.values() if found.result == "permerror"), None)
    if broken:
        return WRONG, broken.why, "correct the record; at most ten look-ups are allowed in all", texts
    if wanted in texts[0].lower().split() or f"+{wanted}" in texts[0].lower().split():
        return OK, f"it names {wanted}", "", texts
    refused = [address for address, found in results.items() if found.result != "pass"]
    if results and not refused:
        return OK, f"it allows {', '.join(results)}, which we send from", "", texts
    why = f"it does not allow {refused[0]}, which we send from" if refused else f"it does not name {wanted}"
    return WRONG, why, insert, texts


def ours(settings: Settings, resolver: Resolver) -> list[str]:
    """The addresses that mail leaves from by our name; none where the setting `spf` names somebody else."""
    return [] if settings.spf else addresses_of(settings.host, resolver)


def check_dmarc(record: Record, settings: Settings, resolver: Resolver) -> Finding:
    """The DMARC record (RFC 9989) that applies to the domain, its own or one above."""
    domain = record.name.removeprefix("_dmarc.")
    texts = texts_at(record.name, resolver)
    own = [text for text in texts if read_record(text.encode("latin-1"), domain)]
    if len(own) > 1:
        return WRONG, f"there are {len(own)} DMARC records, and receivers then use none", "leave only one", texts
    found = find_policy(domain, Walk(resolver))
    if texts and not own:
        fix = "begin it with v=DMARC1; as shown here"
        return WRONG, "the record there is not understood: it does not begin with v=DMARC1", fix, texts
    if own and (found.record is None or found.record.bad):
        return (
            WRONG,
            "its policy is not understood: p= is missing or not none, quarantine or reject",
            "correct p=",
            texts,
        )
    if found.record is None:
        return MISSING, "neither the domain nor one above it has a DMARC record", "publish it as shown here", texts
    where = "" if found.record.domain == domain else f" by the record of {found.record.domain}"
    return OK, f"mail that is not from the domain is to be treated as p={found.policy}{where}", "", texts


def check_exchange(record: Record, settings: Settings, resolver: Resolver) -> Finding:
    """An MX record that leads here; others beside it are fine as long as ours is among the best."""
    wanted = record.value.split(" ")[1]
    try:
        exchanges = resolver.mx(record.name)
    except NoSuchName:
        return MISSING, f"there is no MX record at {record.name}", "publish the MX record as shown here", ()
    texts = [f"{each.preference} {each.host or '.'}" for each in exchanges]
    if not exchanges[0].host:
        return WRONG, "a null MX says that it takes no mail", "publish the MX record as shown here instead", texts
    best = {each.host for each in exchanges if each.preference == exchanges[0].preference}
    if wanted in best:
        return (OK, f"mail comes to {wanted}", "", texts) if addresses_of(wanted, resolver) else (
            WRONG, f"mail shall come to {wanted}, which has no address", f"publish an A record of {wanted}", texts
        )  # fmt: skip
    if wanted in {each.host for each in exchanges}:
        return WRONG, f"mail comes to {exchanges[0].host} first", f"give {wanted} the lowest number", texts
    return WRONG, f"mail comes to {exchanges[0].host}, not here", f"publish {wanted} as its MX", texts


CHECKS: dict[str, Callable[[Record, Settings, Resolver], Finding]] = {
    "dkim": check_key,
    "dkim-ed25519": check_key,
    "spf": check_policy_of_servers,
    "dmarc": check_dmarc,
    "return-path": check_exchange,
    "return-path-spf": check_policy_of_servers,
    "replies": check_exchange,
    "mx": check_exchange,
}
