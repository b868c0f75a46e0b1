"""Which route a mail takes: rules by sender, then by recipient, else the settings' route; with the reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatepost.address import AddressError, parse_address, parse_domain

Rules = Mapping[str, str]
"""A rule as it is written, such as `sender:shop.example`, and the route it leads to."""
DEFAULT = ""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
OF = ("sender", "credential", "recipient")


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose mail it is: the address key in From, and the name of the credential that submitted it."""

    address: str = ""
    credential: str = ""


def choose(rules: Rules, sender: Sender, recipient: str) -> tuple[str, str]:
    """The route of a mail to one recipient, and why; DEFAULT (empty) is that of the settings.

    The sender's address counts before his domain, both before the credential, and these before the recipient.
    """
    for rule, words in fitting(sender, recipient):
        if rule in rules:
            return rules[rule], f"{words} has the rule {rule}"
    return DEFAULT, "no rule fits, so the route of the settings is taken" if rules else "there are no rules"


def fitting(sender: Sender, recipient: str) -> Iterator[tuple[str, str]]:
    """The rules that would fit, in the order in which they count, each with whom it is about."""
    address, to = sender.address.lower(), recipient.lower()
    if address:
        yield f"sender:{address}", f"the sender {address}"
        yield f"sender:{domain_of(address)}", f"the sender's domain {domain_of(address)}"
    if sender.credential:
        yield f"credential:{sender.credential.lower()}", f"the credential {sender.credential}"
    yield f"recipient:{to}", f"the recipient {to}"
    yield f"recipient:{domain_of(to)}", f"the recipient's domain {domain_of(to)}"


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def why_not(rules: Rules, sender: Sender, recipient: str) -> list[str]:
    """A sentence for each rule that was not taken."""
    order = [rule for rule, _ in fitting(sender, recipient) if rule in rules]
    said = []
    for rule, route in sorted(rules.items(), key=lambda item: (item[1], item[0])):
        if rule in order[1:]:
            said.append(f"Not {route}: {rule} fits too, but {order[0]} counts first.")
        elif rule not in order:
            said.append(f"Not {route}: {rule} does not fit {subject(rule, sender, recipient)}.")
    return said


def subject(rule: str, sender: Sender, recipient: str) -> str:
    """What a rule was held against."""
    of = rule.partition(":")[0]
    if of == "recipient":
        return f"the recipient {recipient}"
    known = sender.address if of == "sender" else sender.credential
    return f"the {of} {known}" if known else f"a mail whose {of} was not given"


def read_rule(text: str) -> str:
    """A rule in the form in which it is compared. Raises ValueError with a sentence."""
    of, colon, value = (part.strip() for part in text.strip().partition(":"))
    of = of.lower()
    if not colon or of not in OF or not value:
        raise ValueError(
            f"{text.strip() or 'A rule'} is no rule; write sender:ADDRESS, sender:DOMAIN, credential:NAME, "
            "recipient:ADDRESS or recipient:DOMAIN"
        )
    if of == "credential":
        return f"{of}:{value.lower()}"
    try:
        return f"{of}:{parse_address(value).key if '@' in value else parse_domain(value)}"
    except AddressError as error:
        raise ValueError(f"{text.strip()}: {error}") from None


def check_name(name: str, kind: str) -> str:
    """A route's name. The sandbox and direct sending have theirs, as there is only one of each. Raises ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError("A route's name has up to 40 small letters, digits and hyphens, such as bulk-relay")
    if kind in ("sandbox", "direct") and name != kind:
        raise ValueError(f"There is only one route of kind {kind}; call it {kind}")
    if kind not in ("sandbox", "direct") and name in ("sandbox", "direct", "relay"):
        raise ValueError(f"{name} is the name of a route that the settings have; choose another")
    return name
