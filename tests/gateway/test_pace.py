"""The pace per site: growing, shrinking, closing; and a dead site never delays another."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox import Outgoing, Route
from gatepost.gateway.pace import FIRST, MOST, Pace, RelayPace
from gatepost.gateway.send import Sent
from gatepost.gateway.unwritten import Unwritten
from gatepost.model import Delivery
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.deliveries import deliveries_of
from gatepost.words import DeliveryState
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import sending

FINE = Sent(Reply(250, "2.0.0", "ok"), "mx.x.example", None, "dot")
BUSY = Sent(Reply(421, "4.7.0", "too many connections"), "mx.x.example", None, "connect")
GREY = Sent(Reply(450, "4.7.1", "greylisted"), "mx.x.example", None, "rcpt")
DEAD = Sent(Reply(None, "4.4.1", "mx.x.example port 25 refused the connection"), "mx.x.example", None, "connect")
UNKNOWN = Sent(Reply(550, "5.1.1", "no such user"), "mx.x.example", None, "rcpt")
NO_DNS = Sent(Reply(None, "4.4.3", "no DNS server answered"), "", None, "connect")
LOST = Sent(Reply(None, "4.4.2", "connection lost"), "mx.x.example", None, "dot", uncertain=True)
OURS = Sent(Reply(None, "4.3.0", "Internal trouble"), "", None, "connect")


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_success_lets_more_begin_up_to_the_most(time: Time) -> None:
    pace = Pace(time)
    site = pace.site("ana@x.example")
    assert pace.room(site) == FIRST
    for _ in range(100):
        pace.learn(site, FINE)
    assert pace.room(site) == MOST
    site.busy = 19
    assert pace.room(site) == 1


@pytest.mark.parametrize("sent", [BUSY, GREY, DEAD, NO_DNS])
def test_trouble_lets_fewer_begin_and_it_grows_back_slower(time: Time, sent: Sent) -> None:
    pace = Pace(time)
    site = pace.site("ana@x.example")
    pace.learn(site, sent)
    pace.learn(site, sent)
    assert pace.room(site) == FIRST - 2
    pace.learn(site, FINE)
    assert pace.room(site) == FIRST - 2
    for _ in range(400):
        pace.learn(site, FINE)
    assert pace.room(site) == MOST


@pytest.mark.parametrize("sent", [UNKNOWN, OURS])
def test_what_says_nothing_of_the_site_changes_nothing(time: Time, sent: Sent) -> None:
    pace = Pace(time)
    site = pace.site("ana@x.example")
    for _ in range(50):
        pace.learn(site, sent)
    assert pace.room(site) == FIRST
    assert pace.suspended(site) is None


def test_a_site_that_does_not_answer_is_closed_and_tried_again_ever_later(time: Time) -> None:
    pace = Pace(time)
    site = pace.site("ana@x.example")
    for _ in range(5):
        assert pace.suspended(site) is None
        pace.learn(site, DEAD)
    waits = []
    for _ in range(6):
        told = pace.suspended(site)
        assert told
        assert told.reply.temporary
        assert "refused the connection" in told.reply.text
        start = time.now
        while pace.suspended(site):
            time.now += 1
        waits.append(time.now - start)
        assert pace.room(site) == 1
        pace.learn(site, DEAD)
    assert waits == [60, 120, 240, 480, 600, 600]
    time.now += 600
    pace.learn(site, FINE)
    pace.learn(site, DEAD)
    assert pace.suspended(site) is None


def test_domains_of_one_group_of_servers_share_a_site(time: Time) -> None:
    pace = Pace(time)
    assert pace.site("a@x.example") is not pace.site("a@y.example")
    begun = pace.site("a@x.example")
    begun.busy = 2
    pace.join("x.example", "mx.host.example")
    assert pace.site("a@x.example") is begun, "what was begun before the servers were known counts"
    pace.join("y.example", "mx.host.example")
    assert pace.site("a@X.example") is pace.site("b@y.example")


def test_choosing_takes_no_more_than_there_is_room_for(time: Time) -> None:
    pace = Pace(time)
    pace.site("a@x.example").busy = 3
    due = [(f"x{n}", f"{n}@x.example") for n in range(9)] + [(f"y{n}", f"{n}@y.example") for n in range(3)]
    assert pace.choose(due, 50) == (["x0", "x1", "y0", "y1", "y2"], {"x.example"})
    assert pace.choose(due, 1)[0] == ["x0"]


def test_who_waits_for_a_relay_has_his_turn_in_the_order_of_asking(time: Time) -> None:
    async def scenario() -> None:
        pace, begun = RelayPace(time, 1), list[int]()

        async def attempt(number: int) -> Sent:
            begun.append(number)
            await asyncio.sleep(0)
            assert pace.relay.busy == 1
            return FINE

        waiting = [asyncio.create_task(pace.through(partial(attempt, number))) for number in range(5)]
        await asyncio.sleep(0)
        waiting[2].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (begun, pace.relay.busy, list(pace.waiting)) == ([0, 1, 3, 4], 0, [])

    asyncio.run(scenario())


def test_nothing_is_handed_over_while_results_wait_to_be_stored(time: Time) -> None:
    async def scenario() -> None:
        unwritten, begun = Unwritten(), list[int]()
        pace = RelayPace(time, 2, unwritten)

        async def attempt(number: int) -> Sent:
            begun.append(number)
            unwritten.ids.add(str(number))
            return FINE

        tasks = [asyncio.create_task(pace.through(partial(attempt, number))) for number in range(5)]
        await asyncio.sleep(0.01)
        assert (begun, pace.relay.busy) == ([0, 1], 0)
        unwritten.written("1")
        await asyncio.sleep(0.01)
        assert begun == [0, 1, 2]
        unwritten.written("0")
        unwritten.written("2")
        await asyncio.gather(*tasks)
        assert begun == [0, 1, 2, 3, 4]

    asyncio.run(scenario())


def test_a_result_survives_that_all_who_wait_are_cancelled_with_it(time: Time) -> None:
    """As at a stop: what is under way answers after the others' places in the line are gone."""

    async def scenario() -> None:
        pace = RelayPace(time, 1)

        async def attempt() -> Sent:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return LOST
            return FINE

        tasks = [asyncio.create_task(pace.through(attempt)) for _ in range(4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert first == LOST
        assert all(isinstance(other, asyncio.CancelledError) for other in others)
        assert (pace.relay.busy, list(pace.waiting)) == (0, [])
        again = asyncio.create_task(pace.through(attempt))
        await asyncio.sleep(0)
        assert pace.relay.busy == 1
        again.cancel()
        await again

    asyncio.run(scenario())


async def until(gate: Gate, message_id: str, state: DeliveryState, count: int) -> Sequence[Delivery]:
    """The deliveries of a message once at least so many are in this state."""

    def read() -> Sequence[Delivery]:
        with gate.database.session() as session:
            return deliveries_of(session, message_id)

    for _ in range(600):
        rows = await asyncio.to_thread(read)
        if sum(row.state == state for row in rows) >= count:
            return rows
        await asyncio.sleep(0.1)
    raise AssertionError({row.state for row in rows})


def test_a_dead_site_with_a_long_queue_delays_no_other(gate: Gate, submit: Submit) -> None:
    """2,000 mails wait for a site whose connections never end; those queued later for a live one go out first."""

    async def scenario() -> None:
        order: list[str] = []
        over = asyncio.Event()

        async def attempt(outgoing: Outgoing) -> Sent:
            domain = outgoing.recipient.rpartition("@")[2]
            if domain == "dead.example":
                await over.wait()
                order.append(domain)
                return DEAD
            order.append(domain)
            return FINE

        crowd = replace(gate, settings=gate.settings.model_copy(update={"recipients_submission": 5000}))
        dead = tuple(f"n{n}@dead.example" for n in range(2000))
        live = tuple(f"n{n}@live.example" for n in range(60))
        queued = await asyncio.wrap_future(accept(crowd, submit(recipients=dead), clock()))
        later = await asyncio.wrap_future(accept(crowd, submit(recipients=live), clock()))
        pace = Pace(asyncio.get_running_loop().time)
        async with sending(crowd, Route("test", attempt, pace=pace, places=20)):
            await until(crowd, later, DeliveryState.DELIVERED, 60)
            assert order == ["live.example"] * 60
            assert pace.site("n@dead.example").busy == FIRST
            over.set()
            rows = await until(crowd, queued, DeliveryState.DELAYED, 50)
        assert order[60:] == ["dead.example"] * 5, "after five refused connections nothing more is tried there"
        delayed = [row.text for row in rows if row.state == DeliveryState.DELAYED]
        assert sum("not tried" in text for text in delayed) == len(delayed) - 5

    asyncio.run(scenario())
