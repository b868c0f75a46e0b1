"""T19: a mail that kills whoever reads it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.child import Children
from gatepost.gateway.inbound import Inbound, sweep
from gatepost.store.messages import raw_of
from gatepost.threading.reading import Reading
from gatepost.words import Outcome
from tests.gateway.poison import read_or_die
from tests.gateway.test_inbound import RAW, Clock, arrivals, clock, come_in, inbound

__all__ = ["clock", "inbound"]
POISON = {b"CRASH": "crashed (SIGSEGV)", b"LOOP": "2 s of processor time", b"FILL": "more memory than it may"}


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    found = Children(("tests.gateway.poison", "gatepost.child_ready"))
    yield found
    found.close()


@pytest.mark.parametrize("poison", POISON)
def test_poison_is_taken_tried_three_times_and_quarantined_with_its_cause(
    inbound: Inbound, clock: Clock, children: Children, poison: bytes
) -> None:
    def reader(raw: bytes, envelope_from: str | None) -> Reading:
        return children.call(read_or_die, raw, envelope_from)

    inbound = replace(inbound, read=reader, read_again=reader)
    assert come_in(inbound, RAW + poison).code == 250, "it is ours now; sending it again would not help"
    assert come_in(inbound, RAW + b"harmless").code == 250
    for wait in (timedelta(minutes=6), timedelta(hours=1)):
        clock.now += wait
        assert asyncio.run(sweep(inbound)) == 0
    bad, good = sorted(arrivals(inbound), key=lambda arrival: arrival.outcome, reverse=True)
    assert (bad.outcome, good.outcome, bad.tries) == (Outcome.QUARANTINED, Outcome.PLACED, 3)
    assert POISON[poison] in bad.outcome_why
    assert "3 times" in bad.outcome_why
    with inbound.database.session() as session:
        assert raw_of(session, bad.raw_id, inbound.desk.blobs) == RAW + poison
    started = children.started
    assert come_in(inbound, RAW + poison).code == 250, "a client that sends it again is told the same"
    assert children.started == started, "and nobody reads it once more"
