"""Who a mail is really from: SPF, DKIM and DMARC together, with a sentence for people."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gatepost.address import Address
from gatepost.blobs import ContentFile
from gatepost.gateway.arc import read_arc
from gatepost.gateway.author import author
from gatepost.gateway.canonical import Field, NotMail, split_mail, with_crlf
from gatepost.gateway.dkim_verify import DkimResult, check_dkim
from gatepost.gateway.dmarc import Found, Proof, Walk, aligned, find_policy
from gatepost.gateway.large import Body, body_of, split_source
from gatepost.gateway.results import MethodResult, compose_results
from gatepost.gateway.spf import NOT_CHECKED, SpfResult, check_spf
from gatepost.mail import headers_of
from gatepost.resolver import Budget, DnsTrouble, Resolver
from gatepost.threading.identity import address_of
from gatepost.words import Strength


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """`pass`, `fail`, `none` or `temperror`; the author's domain; its policy; the domain and method that align."""

    result: str
    domain: str
    policy: str
    why: str
    by: Proof | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was found about a mail's origin; `aligned` says that the author's domain is proven.

    `results_header` is the value of an Authentication-Results field of ours; `arc` what ARC fields claim.
    """

    spf: SpfResult
    dkim: tuple[DkimResult, ...]
    dmarc: DmarcResult
    strength: Strength
    header_from: Address | None
    results_header: str
    arc: dict[str, Any] = field(default_factory=dict)

    @property
    def aligned(self) -> bool:
        """Whether the author's domain stands behind the mail."""
        return self.strength is Strength.ALIGNED

    @property
    def summary(self) -> dict[str, Any]:
        """The verdict as JSON, for `Message.auth`; `words` is one sentence for people."""
        return {
            "spf": {"result": self.spf.result, "domain": self.spf.domain, "why": self.spf.why},
            "dkim": [
                {"result": each.result, "domain": each.domain, "selector": each.selector, "why": each.why}
                for each in self.dkim
            ],
            "dmarc": {
                "result": self.dmarc.result,
                "domain": self.dmarc.domain,
                "policy": self.dmarc.policy,
                "by": f"{self.dmarc.by.method} {self.dmarc.by.domain}" if self.dmarc.by else "",
                "why": self.dmarc.why,
            },
            "words": self.dmarc.why,
            "results": self.results_header,
            **({"arc": self.arc} if self.arc else {}),
        }


def authenticate(
    raw: bytes | ContentFile,
    *,
    ip: str,
    helo: str,
    mail_from: str,
    resolver: Resolver,
    now: datetime,
    authserv_id: str = "gatepost",
) -> Verdict:
    """The verdict on a mail that came by SMTP; at most 50 questions and 10 s. Never raises for what the mail holds."""
    budget = Budget(resolver)
    spf = check_spf(ip, helo, mail_from, budget)
    return _judge(raw, spf, (), budget, now, authserv_id)


def dkim_only(
    raw: bytes,
    *,
    resolver: Resolver,
    now: datetime,
    trusted: tuple[MethodResult, ...] = (),
    authserv_id: str = "gatepost",
) -> Verdict:
    """The verdict on a mail that was fetched from a mailbox: no SPF, but DKIM checked by us.

    `trusted` is what the provider's own Authentication-Results field says (`results.trusted_results`).
    """
    return _judge(raw, NOT_CHECKED, trusted, Budget(resolver), now, authserv_id)


def _judge(
    raw: bytes | ContentFile,
    spf: SpfResult,
    trusted: tuple[MethodResult, ...],
    resolver: Resolver,
    now: datetime,
    authserv_id: str,
) -> Verdict:
    head, rest = split_source(raw)
    fields, body, why = _split(head, rest)
    address, unclear = author(fields)
    dkim = check_dkim(fields, body, resolver, now)
    believed = address_of(headers_of(head))
    if address is None or address != believed:
        address = None
        dmarc = _unclear(believed, spf, Walk(resolver), bad_header=bool(why), why=why or unclear)
    else:
        dmarc = _dmarc(address.domain, spf, dkim, Walk(resolver))
        dmarc = _by_trusted(dmarc, trusted)
    header = compose_results(authserv_id, _method_results(spf, dkim, dmarc))
    return Verdict(spf, dkim, dmarc, _strength(dmarc), address, header, read_arc(fields))


def _unclear(believed: Address | None, spf: SpfResult, walk: Walk, *, bad_header: bool, why: str) -> DmarcResult:
    """A From, or a header, that others may read differently: it proves nobody, but must not get round a policy.

    `believed` is whom we show it as from. Where only the header is bad, the sending server may still prove it.
    """
    nobody = DmarcResult("none", "", "none", f"Nobody is proven as the sender: {why or 'its From can be misread'}.")
    if believed is None:
        return nobody
    counted = spf if bad_header or spf is NOT_CHECKED else replace(spf, result="none")
    found = _dmarc(believed.domain, counted, (), walk)
    return found if found.by or found.result in ("fail", "temperror") else nobody


def _split(head: bytes, rest: Body | None) -> tuple[list[Field], Body, str]:
    try:
        fields, body = split_mail(with_crlf(head))
    except NotMail as error:
        return [], body_of(b""), str(error)
    return fields, rest or body_of(body), ""


def _dmarc(domain: str, spf: SpfResult, dkim: tuple[DkimResult, ...], walk: Walk) -> DmarcResult:
    """The DMARC evaluation (RFC 9989 section 5.3)."""
    try:
        found = find_policy(domain, walk)
        by = _first_aligned(domain, found, _proofs(found, spf, dkim), walk)
    except DnsTrouble as trouble:
        return DmarcResult("temperror", domain, "none", f"The policy of {domain} could not be read now: {trouble}.")
    if by is not None:
        said = f"{by.domain} signed it" if by.method == "dkim" else f"{by.domain} allows the server that sent it"
        return DmarcResult("pass" if found.record else "none", domain, found.policy, f"From {domain}: {said}.", by)
    if found.record is None:
        return DmarcResult("none", domain, "none", f"Nothing proves that this is from {domain}, which has no policy.")
    if spf is NOT_CHECKED:
        why = f"Nothing proves that this is from {domain}: no signature of theirs, and the sending server is not known."
        return DmarcResult("none", domain, found.policy, why)
    if spf.result == "temperror" or any(each.result == "temperror" for each in dkim):
        return DmarcResult(
            "temperror", domain, found.policy, f"Whether this is from {domain} could not be checked now."
        )
    why = (
        f"This may not be from {domain}: neither its signature nor its servers stand behind it; {_wish(found.policy)}."
    )
    return DmarcResult("fail", domain, found.policy, why)


def _wish(policy: str) -> str:
    wishes = {"reject": "such mail is to be refused", "quarantine": "such mail is to be set aside"}
    return f"the owner says that {wishes[policy]}" if policy in wishes else "the owner asks for nothing"


def _proofs(found: Found, spf: SpfResult, dkim: tuple[DkimResult, ...]) -> list[Proof]:
    """Domains that are proven; SPF counts only where a policy was published."""
    proofs = [Proof(each.domain, "dkim") for each in dkim if each.result == "pass"]
    if found.record is not None and spf.result == "pass":
        proofs.append(Proof(spf.domain, "spf"))
    return proofs


def _first_aligned(domain: str, found: Found, proofs: list[Proof], walk: Walk) -> Proof | None:
    return next((proof for proof in proofs if aligned(domain, found, proof, walk)), None)


def _by_trusted(dmarc: DmarcResult, trusted: tuple[MethodResult, ...]) -> DmarcResult:
    """A pass that the mailbox provider found when the mail came in, for the same author's domain."""
    if dmarc.by is not None:
        return dmarc
    for each in trusted:
        if each.method == "dmarc" and each.result == "pass" and each.get("header.from").lower() == dmarc.domain:
            why = f"From {dmarc.domain}: the mailbox provider has checked it."
            return DmarcResult("pass", dmarc.domain, dmarc.policy, why, Proof(dmarc.domain, "provider"))
    return dmarc


def _strength(dmarc: DmarcResult) -> Strength:
    if dmarc.by is not None:
        return Strength.ALIGNED
    if dmarc.result == "fail" and dmarc.policy != "none":
        return Strength.FAILING
    return Strength.NONE


def _method_results(spf: SpfResult, dkim: tuple[DkimResult, ...], dmarc: DmarcResult) -> list[MethodResult]:
    """The results as RFC 8601 section 2.7 names them."""
    found = []
    if spf is not NOT_CHECKED:
        found.append(MethodResult("spf", spf.result, ((f"smtp.{spf.identity}", spf.domain),)))
    for each in dkim:
        named = (("header.d", each.domain), ("header.s", each.selector), ("header.a", each.algorithm))
        found.append(MethodResult("dkim", each.result, (*named, ("header.b", each.mark))))
    if not dkim:
        found.append(MethodResult("dkim", "none"))
    if dmarc.domain:
        named_policy = ("policy.dmarc", dmarc.policy)
        found.append(MethodResult("dmarc", dmarc.result, (("header.from", dmarc.domain), named_policy)))
    return found
