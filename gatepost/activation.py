"""What must be there before a mailbox can be switched on, as the installation asks for it: one pure decision."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a mailbox: a way in, a domain that signs, a sender name."""

    inlet: bool
    signed: bool
    sender_name: bool


def missing_conditions(wanted: Sequence[str], facts: Facts) -> list[str]:
    """A sentence with the fix for each wanted condition (`inlet`, `signed`, `sender-name`) that is not met."""
    checks = {
        "inlet": (
            facts.inlet,
            "Before it can be active it needs a way in: MX delivery, or an account that is fetched.",
        ),
        "signed": (facts.signed, "Before it can be active its domain must be on the Senders page, so mail is signed."),
        "sender-name": (facts.sender_name, "Before it can be active it needs a sender name."),
    }
    return [checks[name][1] for name in wanted if not checks[name][0]]
