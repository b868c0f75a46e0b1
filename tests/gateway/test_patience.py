import asyncio

import pytest

from gatepost.gateway import patience
from gatepost.gateway.patience import in_time


async def answer(after: asyncio.Event, said: list[str]) -> str:
    await after.wait()
    said.append("stored")
    return "id"


def test_what_hangs_is_given_up_and_still_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.05)
    said: list[str] = []

    async def scenario() -> None:
        back = asyncio.Event()
        with pytest.raises(TimeoutError):
            await in_time(answer(back, said))
        assert said == []
        back.set()
        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert said == ["stored"]


def test_what_answers_is_passed_on_with_its_errors() -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def scenario() -> None:
        now = asyncio.Event()
        now.set()
        assert await in_time(answer(now, [])) == "id"
        with pytest.raises(ValueError, match="no"):
            await in_time(fail())

    asyncio.run(scenario())


def test_a_late_error_troubles_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.01)

    async def fail_late() -> None:
        await asyncio.sleep(0.05)
        raise ValueError("no")

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await in_time(fail_late())
        await asyncio.sleep(0.1)

    asyncio.run(scenario())


def test_a_large_mail_has_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.0)

    async def scenario() -> str:
        now = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, now.set)
        return await in_time(answer(now, []), octets=20_000_000)

    assert asyncio.run(scenario()) == "id"
