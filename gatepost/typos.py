"""What somebody may have meant by an address that does not work: a known domain a slip away, or another address."""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 64
KNOWN_LIMIT = 2000
CLOSE = 2
CLOSE_LETTERS = 6
COMMON_DOMAINS = (
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com"),
    *(
        "aol.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "t-online.de",
        "mail.com",
    ),
    *("proton.me", "protonmail.com", "zoho.com", "fastmail.com", "yandex.ru", "mail.ru", "qq.com", "163.com"),
    *(
        "orange.fr",
        "free.fr",
        "laposte.net",
        "libero.it",
        "virgilio.it",
        "hotmail.co.uk",
        "yahoo.co.uk",
        "btinternet.com",
    ),
    *("comcast.net", "verizon.net", "att.net", "sbcglobal.net", "hotmail.fr", "hotmail.es", "yahoo.es", "outlook.es"),
)
"""Domains that many people have addresses at, and that are often mistyped."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An address to try instead, and why."""

    address: str
    why: str


def propose(address: str, others: Iterable[str] = (), known_domains: Iterable[str] = ()) -> tuple[Proposal, ...]:
    """What to try instead, the likeliest first: a slip in the domain, then in the name, then the contact's others.

    `others` are addresses of the same contact or conversation, `known_domains` those that took mail of ours.
    """
    local, _, domain = address.lower().rpartition("@")
    found: dict[str, str] = {}
    domains = [*COMMON_DOMAINS, *list(known_domains)[:KNOWN_LIMIT]]
    meant = nearest(domain, domains)
    if local and meant:
        found[f"{local}@{meant}"] = f"{domain} looks like a slip for {meant}"
    rest = [other for other in others if other.lower() != address.lower()]
    for other in rest:
        name, _, home = other.lower().rpartition("@")
        if home == domain and differs_little(local, name):
            found.setdefault(other, f"{other} is known and differs by a letter or two")
    for other in rest:
        found.setdefault(other, "another address of this contact")
    return tuple(Proposal(address, why) for address, why in found.items())


def nearest(domain: str, known: Iterable[str]) -> str | None:
    """The one known domain that is a slip away; None for a known one, or where several are equally near."""
    choices = dict.fromkeys(name.lower() for name in known)
    if not domain or domain in choices or len(domain) > LONGEST:
        return None
    allowed = CLOSE if len(domain) > CLOSE_LETTERS + 2 else 1
    near = sorted((steps, name) for name in choices if (steps := distance(domain, name, allowed)) <= allowed)
    if not near or (len(near) > 1 and near[0][0] == near[1][0]):
        return None
    return near[0][1]


def differs_little(one: str, other: str) -> bool:
    """Whether two local parts are one slip apart, two where they are long."""
    allowed = CLOSE if min(len(one), len(other)) > CLOSE_LETTERS else 1
    return one != other and distance(one, other, allowed) <= allowed


def distance(one: str, other: str, limit: int) -> int:
    """How many letters were added, left out, replaced or swapped with a neighbour; `limit` + 1 where it is more."""
    if abs(len(one) - len(other)) > limit or max(len(one), len(other)) > LONGEST:
        return limit + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for at, against in enumerate(other, 1):
            steps = min(above[at] + 1, line[at - 1] + 1, above[at - 1] + (letter != against))
            if row > 1 and at > 1 and letter == other[at - 2] and one[row - 2] == against:
                steps = min(steps, before[at - 2] + 1)
            line.append(steps)
        if min(line) > limit:
            return limit + 1
        before, above = above, line
    return min(above[-1], limit + 1)
