"""`gatepost suppression`: addresses that are not written to, and why."""

from datetime import timedelta
from typing import Any

from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say
from gatepost.model import Suppression
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store import suppressions, unsubscribes
from gatepost.store.credentials import list_credentials


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


def name_stream(settings: Settings, name: str, stream: str, as_json: bool) -> None:
    """Say which stream a credential's mail belongs to; with an empty name to none."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            found = [row for row in list_credentials(session) if name in (row.id, row.name, row.username)]
        if len(found) != 1:
            raise BadInput(f"CREDENTIAL {name}: {len(found)} have this name; `gatepost credential list` shows them")
        with naming(f"STREAM {stream}"):
            parts.ledger.write(lambda session: unsubscribes.set_stream(session, found[0].id, stream))
    if as_json:
        print_object({"credential": found[0].name, "stream": stream})
    else:
        what = f"is the stream {stream}, which recipients can leave" if stream else "is no stream"
        say(f"Mail of {found[0].name} {what}.")


def list_left(settings: Settings, text: str, as_json: bool) -> None:
    """Who has left which stream."""
    with opened(settings) as parts, parts.database.session() as session:
        found = unsubscribes.list_unsubscribes(session, text)
        rows = [{"address": row.address, "stream": row.stream, "since": row.at, "how": row.how} for row in found]
    print_rows(rows, as_json, "Nobody has left a stream.")


def take_back(settings: Settings, address: str, stream: str, as_json: bool) -> None:
    """Send a stream to somebody again."""
    with opened(settings) as parts:
        gone = parts.ledger.write(lambda session: unsubscribes.come_back(session, stream, address, clock()))
    if not gone:
        raise BadInput(f"ADDRESS {address}: it has not left {stream}; `gatepost suppression left` shows who has")
    if as_json:
        print_object({"address": address.lower(), "stream": stream, "removed": True})
    else:
        say(f"{address} gets {stream} again.")
