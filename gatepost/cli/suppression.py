"""`gatepost suppression`: addresses that are not written to, and why."""

from datetime import timedelta
from typing import Any

from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say
from gatepost.model import Suppression
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store import suppressions


def list_suppressions(settings: Settings, text: str, limit: int, as_json: bool) -> None:
    """The list, newest first."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [row_of(row) for row in suppressions.list_suppressions(session, text, limit=limit)]
    print_rows(rows, as_json, "No address is suppressed.")


def row_of(row: Suppression) -> dict[str, Any]:
    return {
        "address": row.address,
        "reason": row.reason,
        "source": row.source,
        "since": row.at,
        "until": row.expires_at,
        "evidence": row.evidence,
        "delivery": row.delivery_id,
    }


def add(settings: Settings, address: str, reason: str, days: int, as_json: bool) -> None:
    """Put an address on the list; without days for good."""
    now = clock()
    with naming(f"ADDRESS {address}"):
        key = parse_address(address).key
    with opened(settings) as parts:
        until = now + timedelta(days=days) if days else None
        row = parts.ledger.write(
            lambda s: suppressions.suppress(s, key, reason, source="person", now=now, expires_at=until)
        )
    if as_json:
        print_object(row_of(row))
    else:
        say(f"Nothing is sent to {key} any more; `gatepost suppression remove {key}` ends it.")


def remove(settings: Settings, address: str, as_json: bool) -> None:
    """Take an address off the list. Raises BadInput where it is not on it."""
    with opened(settings) as parts:
        gone = parts.ledger.write(lambda s: suppressions.unsuppress(s, address, "Removed by the command line", clock()))
    if not gone:
        raise BadInput(f"ADDRESS {address}: it is not on the list; `gatepost suppression list` shows it")
    if as_json:
        print_object({"address": address.lower(), "removed": True})
    else:
        say(f"Mail to {address} is sent again; `gatepost queue retry --recipient {address} --state suppressed` too.")
