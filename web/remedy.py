"""What may help a failed recipient, with what this installation knows: the contact's addresses, domains, the files."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from gatepost.failures import has_failed
from gatepost.model import Delivery
from gatepost.remedies import Remedy, remedies
from gatepost.store.contacts import others_of, reached_domains
from gatepost.typos import propose


def remedies_of(
    session: Session, deliveries: Iterable[Delivery], size: int, files: Sequence[tuple[str, int]]
) -> dict[str, tuple[Remedy, ...]]:
    """The remedies of each failed delivery of a mail, by its id; `files` are names and octets of its attachments."""
    failed = [delivery for delivery in deliveries if has_failed(delivery)]
    if not failed:
        return {}
    others = others_of(session, [delivery.recipient for delivery in failed])
    domains = reached_domains(session)
    return {
        delivery.id: remedies(
            delivery, propose(delivery.recipient, others[delivery.recipient.lower()], domains), size, files
        )
        for delivery in failed
    }
