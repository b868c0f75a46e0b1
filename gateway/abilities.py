"""What each kind of route can do, in one table: shown where routes are, and asked before it matters."""

from dataclasses import dataclass

from gatepost.gateway.route_config import Kind


@dataclass(frozen=True, slots=True)
class Abilities:
    """Whether a route carries our signed return path, passes DSN requests on, and puts a copy into a Sent folder."""

    return_path: bool
    dsn: bool
    sent_copy: bool
    sentences: tuple[str, ...]


ABILITIES: dict[Kind, Abilities] = {
    "sandbox": Abilities(True, True, False, ("Nothing leaves; each mail is kept, and answered as its recipient asks",)),
    "relay": Abilities(
        True,
        True,
        False,
        (
            "Bounces come to our signed return path, which proves them",
            "Requests for delivery notices are passed on where the server offers DSN",
            "No copy is put into a Sent folder",
        ),
    ),
    "direct": Abilities(
        True,
        True,
        False,
        (
            "Bounces come to our signed return path, which proves them",
            "Requests for delivery notices are passed on where the recipient's server offers DSN",
            "Each recipient's own server answers us, so a refusal is known at once",
        ),
    ),
    "account": Abilities(
        False,
        False,
        True,
        (
            "The envelope sender is the mailbox's own address, since its provider allows no other",
            "Bounces come into that mailbox and are matched by our Message-ID",
            "Delivery notices are not asked for",
            "One copy is in its Sent folder: Google and Microsoft keep it, elsewhere Gatepost puts it there",
        ),
    ),
}
