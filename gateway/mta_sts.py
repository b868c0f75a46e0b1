"""MTA-STS (RFC 8461): whether a domain has a policy, what it says, and which mail servers it allows."""

import string
from dataclasses import dataclass
from typing import Any, Literal

from gatepost.address import AddressError, parse_domain
from gatepost.http import Guard, HttpError, Resolve, request
from gatepost.resolver import NoSuchName, Resolver

Mode = Literal["enforce", "testing", "none"]
MODES: tuple[Mode, ...] = ("enforce", "testing", "none")
MOST_POLICY = 64 * 1024
LONGEST = 31_557_600
MOST_HOSTS = 100
ID_CHARS = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy: its mode, the names (or `*.name`) its mail servers have, and its age limit in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def allows(self, host: str) -> bool:
        """Whether a mail server has one of the policy's names; `*` stands for one label (section 4.1)."""
        host = host.lower().rstrip(".")
        parent = host.partition(".")[2]
        return any(parent == name[2:] if name.startswith("*.") else host == name for name in self.mx)

    def as_row(self) -> dict[str, Any]:
        """As it is stored."""
        return {"mode": self.mode, "mx": list(self.mx), "max_age": self.max_age}


def policy_of_row(row: dict[str, Any]) -> Policy | None:
    """The policy as it was stored; None where there is none."""
    mode = next((mode for mode in MODES if mode == row.get("mode")), None)
    return Policy(mode, tuple(row.get("mx", ())), int(row.get("max_age", 0))) if mode else None


def read_record(texts: list[bytes]) -> str | None:
    """The id in the TXT record of `_mta-sts.<domain>` (section 3.1); None unless there is exactly one of ours."""
    ours = [text for text in texts if text.replace(b" ", b"").startswith(b"v=STSv1;")]
    if len(ours) != 1:
        return None
    fields = (field.partition("=") for field in ours[0].decode("ascii", "replace").split(";"))
    values = {name.strip(): value.strip() for name, _, value in fields}
    found = values.get("id", "")
    return found if 0 < len(found) <= 32 and set(found) <= ID_CHARS else None


def read_policy(body: bytes) -> Policy | None:
    """The policy in a file (section 3.2); None when it is not one. The first of repeated fields counts."""
    values: dict[str, str] = {}
    hosts: list[str] = []
    for line in body[:MOST_POLICY].decode("utf-8", "replace").splitlines()[:1000]:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if colon and name == "mx" and len(hosts) < MOST_HOSTS:
            hosts += read_pattern(value)
        elif colon:
            values.setdefault(name, value)
    mode = next((mode for mode in MODES if mode == values.get("mode")), None)
    age = values.get("max_age", "")
    if values.get("version") != "STSv1" or mode is None or not (age.isascii() and age.isdigit() and len(age) <= 10):
        return None
    if mode != "none" and not hosts:
        return None
    return Policy(mode, tuple(hosts), min(int(age), LONGEST))


def read_pattern(value: str) -> list[str]:
    """The pattern of an mx field as a list of one, or an empty list."""
    wild, name = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    try:
        return [wild + parse_domain(name)]
    except AddressError:
        return []


def find_id(domain: str, resolver: Resolver) -> str | None:
    """The id of the domain's policy, None where it has none. Raises DnsTrouble."""
    try:
        return read_record(resolver.txt(f"_mta-sts.{domain}"))
    except NoSuchName:
        return None


def fetch_policy(domain: str, guard: Guard, resolve: Resolve, port: int = 443) -> Policy | None:
    """Fetch the policy (section 3.3): https certificate checked, no redirects. None when there is no good one."""
    place = f":{port}" if port != 443 else ""
    url = f"https://mta-sts.{domain}{place}/.well-known/mta-sts.txt"
    try:
        answer = request("GET", url, guard=guard, resolve=resolve)
    except HttpError:
        return None
    plain = answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/plain"
    return read_policy(answer.body) if answer.status == 200 and plain else None
