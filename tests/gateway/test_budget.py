"""Shares of the memory for large mails."""

import asyncio
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.blobs import IN_ROW
from gatepost.gateway.budget import Budget

MB = 1024 * 1024


def test_a_share_waits_until_there_is_room_and_comes_in_order() -> None:
    order: list[str] = []

    async def take(budget: Budget, name: str, octets: int, let_go: asyncio.Event) -> None:
        async with budget.share(octets):
            order.append(name)
            await let_go.wait()

    async def scenario() -> None:
        budget, first, rest = Budget(10 * MB), asyncio.Event(), asyncio.Event()
        rest.set()
        tasks = [asyncio.create_task(take(budget, "first", 6 * MB, first))]
        tasks += [
            asyncio.create_task(take(budget, name, size * MB, rest)) for name, size in (("large", 8), ("less", 2))
        ]
        await asyncio.sleep(0.01)
        assert (order, budget.taken) == (["first"], 6 * MB)
        first.set()
        await asyncio.gather(*tasks)
        assert (order, budget.taken, budget.most) == (["first", "large", "less"], 0, 10 * MB)

    asyncio.run(scenario())


def test_small_mail_needs_none_and_one_larger_than_all_passes_alone() -> None:
    async def scenario() -> None:
        budget = Budget(MB)
        async with budget.share(5 * MB), budget.share(IN_ROW):
            assert budget.taken == 5 * MB
            waiting = asyncio.create_task(asyncio.to_thread(held, budget, MB))
            await asyncio.sleep(0.01)
            assert not waiting.done()
        assert await waiting == MB

    asyncio.run(scenario())


def held(budget: Budget, octets: int) -> int:
    with budget.hold(octets):
        return budget.taken


def test_who_gives_up_waiting_takes_nothing_and_lets_others_pass() -> None:
    async def wait(budget: Budget, octets: int) -> None:
        async with budget.share(octets):
            pass

    async def scenario() -> None:
        budget = Budget(10 * MB)
        async with budget.share(9 * MB):
            large = asyncio.create_task(wait(budget, 10 * MB))
            await asyncio.sleep(0)
            small = asyncio.create_task(wait(budget, MB))
            await asyncio.sleep(0.01)
            assert not small.done()
            large.cancel()
            await asyncio.wait([large, small])
            assert large.cancelled()
            assert not small.cancelled()
            assert budget.taken == 9 * MB
        assert budget.taken == 0
        assert not budget.waiting

    asyncio.run(scenario())


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_threads_never_have_more_than_all_together(sizes: list[int]) -> None:
    budget, seen = Budget(25 * MB), list[int]()

    def take(size: int) -> None:
        with budget.hold(size * MB):
            seen.append(max(budget.taken, size * MB))

    threads = [threading.Thread(target=take, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(seen) == len(sizes)
    assert budget.taken == 0
    assert all(taken <= 25 * MB or taken in (size * MB for size in sizes) for taken in seen)
