"""A domain's records as a zone of the DNS server for tests."""

from collections.abc import Sequence

from gatepost.gateway.domain_records import Record
from tests.fakes.dns import Zone, zone_from_text


def published(records: Sequence[Record], *more: str) -> Zone:
    """The records as their owner publishes them: read from the lines of the zone file, with more lines."""
    text = "\n".join(["$TTL 60", *(record.line for record in records), *more, ""])
    return zone_from_text(text, ".")
