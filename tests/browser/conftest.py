"""Fixtures of the browser tests: the desk of a module, and tabs that are watched until they close."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from gatepost.parts import clock
from gatepost.store.channels import channel_by_address
from gatepost.store.credentials import create_credential
from gatepost.store.users import set_memberships
from tests.browser.desk import LEO, MAYA, SHOP, Desk, Watch, log_in
from tests.rig.gatepost import Product

PATIENCE = 30_000  # milliseconds: the machine may be busy with other tests

OpenTab = Callable[..., Page]


@pytest.fixture(scope="module")
def desk(browser: Browser, product: Product) -> Desk:
    """An admin, an agent, a mailbox, and a system whose every mail becomes a conversation."""
    expect.set_options(timeout=PATIENCE)
    channel = product.channel(SHOP, "Northwind Support")
    product.user(MAYA)
    agent = product.user(LEO, role="agent")
    product.write(lambda session: set_memberships(session, agent.id, [channel.id]))
    assert product.read(lambda session: channel_by_address(session, SHOP)) is not None
    keys = product.parts.keys
    credential = product.write(
        lambda session: create_credential(
            session, keys, kind="smtp", name="Shop", senders=[SHOP], conversations="always", now=clock()
        )
    )
    return Desk(product, credential)


@pytest.fixture
def open_tab(browser: Browser, desk: Desk) -> Iterator[OpenTab]:
    """Opens a tab as somebody who is logged in; all tabs are closed, and must have behaved, at the end."""
    watch = Watch(desk.product.web)
    with ExitStack() as stack:

        def open_one(
            path: str = "", *, who: str = MAYA, width: int = 1440, height: int = 960, dark: bool = False
        ) -> Page:
            context = browser.new_context(
                locale="en-GB",
                timezone_id="UTC",
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                storage_state=desk.states.get(who),
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            watch.follow(context)
            page = context.new_page()
            if who not in desk.states:
                log_in(page, desk.product.web, who)
                page.wait_for_url("**/inbox")
                desk.states[who] = context.storage_state()
            if path:
                page.goto(desk.url(path))
            return page

        yield open_one
    assert watch.requests == []
    assert watch.complaints == []
