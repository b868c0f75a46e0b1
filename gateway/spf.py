"""SPF (RFC 7208) by pyspf behind our resolver; the only module that imports it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import spf

from gatepost.address import AddressError, parse_domain
from gatepost.reply import clean_text
from gatepost.resolver import DnsTrouble, NoSuchName, Resolver

RESULTS = ("pass", "fail", "softfail", "neutral", "none", "permerror", "temperror")
MOST_RECORD = 4096
SENTENCES = {
    "pass": "{domain} allows {ip} to send its mail",
    "fail": "{domain} does not allow {ip} to send its mail",
    "softfail": "{domain} thinks that {ip} should not send its mail",
    "neutral": "{domain} says nothing about {ip}",
    "none": "{domain} has no SPF record",
    "permerror": "the SPF record of {domain} cannot be used",
    "temperror": "the SPF record of {domain} could not be read now",
}


@dataclass(frozen=True, slots=True)
class SpfResult:
    """A result of RFC 7208 section 2.6, its domain, whether that came from `mailfrom` or `helo`, and a sentence."""

    result: str
    domain: str
    identity: str
    why: str


NOT_CHECKED = SpfResult("none", "", "mailfrom", "SPF was not checked: the mail did not come by SMTP")


def check_spf(ip: str, helo: str, mail_from: str, resolver: Resolver) -> SpfResult:
    """Whether the domain of MAIL FROM, or of HELO for an empty one, allows this address. Never raises."""
    identity = "mailfrom" if mail_from else "helo"
    local, at, domain = mail_from.rpartition("@")
    written = (domain if at else "") if mail_from else helo
    try:
        domain = parse_domain(written)
    except AddressError:
        return SpfResult("none", "", identity, "the envelope names no domain to ask")
    sender = f"{local or 'postmaster'}@{domain}"
    result, detail = _ask(ip, sender, helo, resolver)
    why = SENTENCES[result].format(domain=domain, ip=ip)
    return SpfResult(result, domain, identity, f"{why} ({detail})" if detail else why)


def _ask(ip: str, sender: str, helo: str, resolver: Resolver) -> tuple[str, str]:
    """The result and, for errors, what was wrong."""
    try:
        question = _Query(ip, sender, helo, resolver)
        result, _, text = question.check()
    except Exception as error:
        return "temperror", f"the check stopped: {type(error).__name__}"
    if result not in RESULTS:
        return "neutral", ""
    detail = text.partition("Error: ")[2] if result in ("permerror", "temperror") else ""
    return result, clean_text(detail)[:200]


class _Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation with our resolver in place of its own look-ups; it counts and limits as before."""

    def __init__(self, ip: str, sender: str, helo: str, resolver: Resolver) -> None:
        super().__init__(i=ip, s=sender, h=helo, strict=True)
        self._lookup: dict[str, Callable[[str], list[Any]]] = {
            "TXT": lambda name: [[text] for text in resolver.txt(name) if len(text) <= MOST_RECORD],
            "A": resolver.a,
            "AAAA": resolver.aaaa,
            "MX": lambda name: [(record.preference, record.host) for record in resolver.mx(name)],
            "PTR": resolver.ptr,
        }
        self._known: dict[tuple[str, str], list[Any]] = {}

    def get_explanation(self, spec: str) -> str | None:
        """Nothing: a remote's explanation is not shown, so it is not fetched (RFC 7208 section 6.2)."""
        return None

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        """The records of a name, an empty list where there are none; CNAMEs are followed by the resolver."""
        asked = (str(name).rstrip(".").lower(), qtype)
        if not all(0 < len(label) < 64 for label in asked[0].split(".")):
            return []
        if asked not in self._known:
            self._known[asked] = self._records(*asked)
        found = self._known[asked]
        if not found and not ignore_void:
            self._count_void()
        return list(found)

    def _records(self, name: str, qtype: str) -> list[Any]:
        try:
            return self._lookup[qtype](name)
        except NoSuchName:
            return []
        except DnsTrouble as trouble:
            raise spf.TempError(f"DNS {trouble}") from None

    def _count_void(self) -> None:
        """At most two look-ups without an answer (RFC 7208 section 4.6.4)."""
        self.void_lookups += 1
        if self.void_lookups > spf.MAX_VOID_LOOKUPS:
            raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
