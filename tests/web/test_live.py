"""Live events: told to open pages at once, and only to who may know."""

import asyncio
import contextlib

from sqlmodel import Session

from gatepost.store import conversations, users
from gatepost.store.events import add_event
from gatepost.web.live import Live, News
from tests.web.conftest import Site

PATIENCE = 20


def login(site: Site, user_id: str) -> str:
    """A running session's stored form."""
    token = site.parts.ledger.write(lambda s: users.start_session(s, user_id, agent="", ip="", now=site.now))
    return users.token_hash(token)


async def follow(live: Live, hashed: str, heard: list[News]) -> None:
    async for item in live.listen(hashed, -1):
        heard.append(item)


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def note(site: Site, number: int, text: str) -> None:
    def write(session: Session) -> None:
        conversation = conversations.by_number(session, number)
        user = users.get_user(session, site.admin)
        assert conversation
        assert user
        conversations.add_note(session, conversation, user, text, site.now)

    site.parts.ledger.write(write)


def test_pages_hear_only_of_what_their_reader_may_see(site: Site) -> None:
    admin, agent = login(site, site.admin), login(site, site.agent)

    async def scenario() -> tuple[list[News], list[News]]:
        live = site.parts.live
        by_admin: list[News] = []
        by_agent: list[News] = []
        tasks = [
            asyncio.create_task(work)
            for work in (live.run(), follow(live, admin, by_admin), follow(live, agent, by_agent))
        ]
        await until(lambda: len(live.listeners) == 2 and live.seq is not None)
        note(site, site.foreign, "secret")
        await until(lambda: ("conversation", str(site.foreign)) in by_admin)
        note(site, site.conversation, "open")
        await until(lambda: ("conversation", str(site.conversation)) in by_agent)
        live.close()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return by_admin, by_agent

    by_admin, by_agent = asyncio.run(scenario())
    assert ("conversation", str(site.conversation)) in by_admin
    assert ("conversation", str(site.foreign)) not in by_agent


def test_a_login_that_ended_hears_nothing_more(site: Site) -> None:
    agent = login(site, site.agent)

    async def scenario() -> list[News]:
        live = site.parts.live
        heard: list[News] = []
        running = asyncio.create_task(live.run())
        following = asyncio.create_task(follow(live, agent, heard))
        await until(lambda: len(live.listeners) == 1 and live.seq is not None)
        site.parts.ledger.write(lambda session: users.end_sessions(session, site.agent))
        note(site, site.conversation, "after")
        async with asyncio.timeout(PATIENCE):
            await following
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return heard

    assert asyncio.run(scenario()) == []


def test_a_page_that_does_not_read_is_ended(site: Site) -> None:
    async def scenario() -> None:
        live = site.parts.live
        heard: list[News] = []
        following = asyncio.create_task(follow(live, "x", heard))
        await until(lambda: len(live.listeners) == 1)
        await until(lambda: live.seq is not None)
        live.tell({"x": {("message", str(number)) for number in range(500)}}, frozenset({"x"}))
        async with asyncio.timeout(PATIENCE):
            await following
        assert not live.listeners

    asyncio.run(scenario())


def test_events_of_accounts_and_relayed_mail_go_to_their_readers(site: Site) -> None:
    admin, agent = login(site, site.admin), login(site, site.agent)

    def write(session: Session) -> None:
        add_event(session, "account.state", now=site.now, channel_id=site.support, data={})
        add_event(session, "delivery.failed", now=site.now, message_id="msg_relayed", delivery_id="d")

    live = site.parts.live
    with site.parts.database.session() as session:
        from gatepost.store.events import last_seq

        before = last_seq(session)
    site.parts.ledger.write(write)
    _, news = live.read(before, frozenset({admin, agent}), check=False)
    assert news is not None
    assert news[agent] == {("account", site.support)}
    assert news[admin] == {("account", site.support), ("message", "msg_relayed")}


def test_what_happened_before_the_page_connected_is_told(site: Site) -> None:
    agent = login(site, site.agent)
    note(site, site.conversation, "early")
    newest, missed = site.parts.live.read_missed(agent, 0)
    assert newest > 0
    assert ("conversation", str(site.conversation)) in missed
    assert ("conversation", str(site.foreign)) not in missed
    assert site.parts.live.read_missed(agent, newest) == (newest, set())

    def flood(session: Session) -> None:
        for _ in range(250):
            add_event(session, "user.login", now=site.now)

    site.parts.ledger.write(flood)
    assert site.parts.live.read_missed(agent, newest)[1] == {("all", "")}
