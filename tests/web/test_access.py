"""Every route against every kind of reader: the matrix is made from the route table, so that none is forgotten."""

import re
from datetime import UTC, datetime

import pytest
from httpx2 import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from gatepost.model import User
from gatepost.web.access import access, scope
from gatepost.web.route import Page
from gatepost.web.routes import routes
from tests.web.conftest import Site

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PAGES = routes()


def cases() -> list[tuple[str, str]]:
    """Path pattern and method of every page."""
    return [(page.path, method) for page in PAGES for method in sorted((page.methods or set()) - {"HEAD"})]


def need_of(path: str, method: str) -> Page:
    return next(page for page in PAGES if page.path == path and method in (page.methods or ()))


def fill_in(path: str, site: Site, *, foreign: bool) -> str:
    """The path to a thing of the agent's channel, or of another."""
    number = site.foreign if foreign else site.conversation
    if path.startswith("/sandbox/"):
        identifier = site.foreign_kept if foreign else site.kept
    elif path.startswith("/mailboxes/"):
        identifier = site.billing if foreign else site.support
    elif path.startswith("/users/"):
        identifier = site.agent
    else:
        identifier = site.foreign_message if foreign else site.message
    path = path.replace("{number:int}", str(number)).replace("{id}", identifier).replace("{token}", "nothing")
    path = path.replace("{provider}", "google")
    return re.sub(r"\{[^}]*\}", "0", path.replace("{code}", "5.1.1"))


def request(client: TestClient, method: str, path: str) -> Response:
    """An answer; a state change is an empty form."""
    return client.get(path) if method == "GET" else client.post(path, data={})


def ask(client: TestClient, method: str, path: str) -> int:
    return request(client, method, path).status_code


def test_every_route_has_a_need(site: Site) -> None:
    for route in site.app.routes:
        assert isinstance(route, Mount) or (isinstance(route, Page) and route.need), route
    assert not [route for route in PAGES if type(route) is Route]


@pytest.mark.parametrize(("path", "method"), cases())
def test_a_stranger_opens_only_what_is_for_anybody(asked: Site, path: str, method: str) -> None:
    answer = request(asked.client(), method, fill_in(path, asked, foreign=False))
    if need_of(path, method).need.who == "anybody":
        assert "/login" not in answer.headers.get("location", "")
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(("path", "method"), cases())
def test_an_agent_never_opens_what_is_of_another_channel_or_of_admins(asked: Site, path: str, method: str) -> None:
    need = need_of(path, method).need
    status = ask(asked.client("ben@example.org"), method, fill_in(path, asked, foreign=True))
    if need.who == "admin":
        assert status == 403
    elif need.of:
        assert status == 404
    elif need.who == "user":
        assert status in (200, 303, 404 if path.startswith("/contact") else 422, 422)


@pytest.mark.parametrize(
    ("path", "method"), [case for case in cases() if need_of(*case).need.of and "parts" not in case[0]]
)
def test_an_agent_opens_what_is_of_the_own_channel(site: Site, path: str, method: str) -> None:
    assert ask(site.client("ben@example.org"), method, fill_in(path, site, foreign=False)) in (200, 303, 422)


def there(path: str, method: str) -> bool:
    """Whether this site has what the path is of."""
    return (
        need_of(path, method).need.who != "anybody"
        and "parts" not in path
        and not path.endswith(("/completeness", "/folders", "/import"))  # of an account
        and not path.startswith(
            (
                *("/senders/credentials/", "/senders/addresses/", "/senders/domains/", "/webhooks/{id}"),
                *("/routes/{name}", "/inbound/{id}", "/contact"),  # by names that this site has none of
            )
        )
    )


@pytest.mark.parametrize(("path", "method"), [case for case in cases() if there(*case)])
def test_an_admin_opens_everything(site: Site, path: str, method: str) -> None:
    assert ask(site.client("ada@example.org"), method, fill_in(path, site, foreign=True)) in (200, 303, 422)


@pytest.mark.parametrize(
    ("path", "method"), [case for case in cases() if case[1] == "POST" and case[0] != "/u/{token}"]
)
def test_no_state_changes_from_another_site(asked: Site, path: str, method: str) -> None:
    client = asked.client("ada@example.org")
    target = fill_in(path, asked, foreign=False)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert client.post(target, data={}, headers=headers).status_code == 403
    del client.headers["Sec-Fetch-Site"]
    assert client.post(target, data={}).status_code == 403
    assert client.post(target, data={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post(target, data={}, headers={"Origin": "null"}).status_code == 403


def test_the_origin_of_this_page_is_taken_from_older_browsers(site: Site) -> None:
    client = site.client("ada@example.org")
    del client.headers["Sec-Fetch-Site"]
    answer = client.post(f"/inbox/{site.conversation}/close", data={}, headers={"Origin": "http://127.0.0.1:8025"})
    assert answer.status_code == 303


@pytest.mark.parametrize("part", ["list", "rail"])
def test_lists_hold_only_the_own_channels(site: Site, part: str) -> None:
    agent = site.client("ben@example.org")
    for path in (f"/inbox?part={part}", "/inbox", "/inbox?q=secret", "/messages", "/messages?q=secret", "/sandbox"):
        assert "Secret invoice" not in agent.get(path).text
    assert "Secret invoice" in site.client("ada@example.org").get("/inbox").text


def test_the_policy() -> None:
    def user(role: str) -> User:
        return User(id="u", email="u@x", name="U", role=role, created_at=NOW)

    member = frozenset({"a"})
    assert access(user("admin"), frozenset(), None, "manage")
    assert access(user("agent"), member, "a", "answer")
    assert not access(user("agent"), member, "b", "read")
    assert not access(user("agent"), member, None, "read")
    assert not access(user("agent"), member, "a", "manage")
    assert scope(user("admin"), member) is None
    assert scope(user("agent"), member) == member
