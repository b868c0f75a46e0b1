"""Logging in, the throttle, sessions, passwords and invitations."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session

from gatepost.model import User
from gatepost.store import users
from gatepost.web.route import local_path
from tests.web.conftest import PASSWORD, Site

NEW = "another long password"


def test_a_login_opens_the_page_that_was_asked_for(site: Site) -> None:
    client = site.client()
    answer = client.get("/messages?show=failed")
    assert answer.headers["location"] == "/login?next=%2Fmessages%3Fshow%3Dfailed"
    page = client.get(answer.headers["location"]).text
    assert 'value="/messages?show=failed"' in page
    data = {"email": "ADA@example.org", "password": PASSWORD, "next": "/messages?show=failed"}
    answer = client.post("/login", data=data)
    assert answer.headers["location"] == "/messages?show=failed"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/login").headers["location"] == "/inbox"


def test_a_cookie_over_tls_is_bound_to_the_host(site: Site) -> None:
    secure = site.parts.settings.model_copy(update={"web_url": "https://127.0.0.1"})
    object.__setattr__(site.parts, "settings", secure)
    answer = site.client().post("/login", data={"email": "ada@example.org", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-gatepost=")
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_a_wrong_password_says_the_same_for_known_and_unknown(site: Site, email: str) -> None:
    answer = site.client().post("/login", data={"email": email, "password": "wrong"})
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert f'value="{email}"' in answer.text


def test_a_disabled_user_does_not_get_in(site: Site) -> None:
    site.parts.ledger.write(lambda session: users.disable_user(session, site.agent, site.now))
    answer = site.client().post("/login", data={"email": "ben@example.org", "password": PASSWORD})
    assert answer.status_code == 401


def test_guessing_is_stopped_and_allowed_again_later(site: Site) -> None:
    client = site.client()
    for _ in range(5):
        assert client.post("/login", data={"email": "ada@example.org", "password": "no"}).status_code == 401
    right = {"email": "ada@example.org", "password": PASSWORD}
    assert client.post("/login", data=right).status_code == 429
    assert client.post("/login", data={"email": "ben@example.org", "password": PASSWORD}).status_code == 303
    site.now += timedelta(minutes=16)
    assert client.post("/login", data=right).status_code == 303


def test_logging_out_ends_the_session_in_the_database(site: Site) -> None:
    client = site.client("ada@example.org")
    stolen = dict(client.cookies)
    assert client.post("/logout", data={}).status_code == 303
    other = site.client()
    other.cookies.update(stolen)
    assert other.get("/inbox").status_code == 303


def test_a_session_runs_out(site: Site) -> None:
    client = site.client("ada@example.org")
    site.now += timedelta(days=15)
    assert client.get("/inbox").headers["location"].startswith("/login")


def test_a_fragment_is_led_to_the_login_as_a_whole_page(site: Site) -> None:
    answer = site.client().get("/inbox?part=list", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"].startswith("/login?next=")


def test_a_printed_password_must_be_changed_first(site: Site) -> None:
    def force(session: Session) -> None:
        user = users.get_user(session, site.admin)
        assert user
        user.must_change_password = True
        session.add(user)

    site.parts.ledger.write(force)
    client = site.client("ada@example.org")
    assert client.get("/inbox").headers["location"] == "/password"
    assert client.get("/events").headers["location"] == "/login"
    wrong = client.post("/password", data={"old": PASSWORD, "new": PASSWORD, "again": PASSWORD})
    assert wrong.status_code == 422
    assert "must differ" in wrong.text
    assert client.post("/password", data={"old": PASSWORD, "new": NEW, "again": NEW}).status_code == 303
    assert client.get("/inbox").status_code == 200


def test_a_new_password_ends_all_other_sessions(site: Site) -> None:
    here, there = site.client("ada@example.org"), site.client("ada@example.org")
    answer = here.post("/password", data={"old": PASSWORD, "new": NEW, "again": NEW + "x"})
    assert answer.status_code == 422
    assert "differ" in answer.text
    assert NEW not in answer.text
    assert here.post("/password", data={"old": "wrong", "new": NEW, "again": NEW}).status_code == 422
    assert here.post("/password", data={"old": PASSWORD, "new": NEW, "again": NEW}).status_code == 303
    assert here.get("/profile").status_code == 200
    assert there.get("/profile").status_code == 303


def test_sessions_are_listed_and_ended_one_by_one(site: Site) -> None:
    here, there = site.client("ada@example.org"), site.client("ada@example.org")
    with site.parts.database.session() as session:
        rows = users.list_sessions(session, site.admin, site.now)
    assert len(rows) == 2
    other = users.token_hash(there.cookies["gatepost"])
    assert other in here.get("/profile").text
    here.post("/profile/sessions/end", data={"session": other})
    assert there.get("/inbox").status_code == 303
    assert here.get("/inbox").status_code == 200


def test_nobody_ends_the_session_of_somebody_else(site: Site) -> None:
    admin, agent = site.client("ada@example.org"), site.client("ben@example.org")
    agent.post("/profile/sessions/end", data={"session": users.token_hash(admin.cookies["gatepost"])})
    assert admin.get("/inbox").status_code == 200


def test_an_invitation_works_once(site: Site) -> None:
    def invite(session: Session) -> str:
        user = users.create_user(session, email="new@example.org", name="Nia", role="agent", now=site.now)
        return users.make_invite(session, user.id, now=site.now)

    token = site.parts.ledger.write(invite)
    client = site.client()
    assert "Welcome, Nia" in client.get(f"/invite/{token}").text
    short = client.post(f"/invite/{token}", data={"new": "short", "again": "short"})
    assert short.status_code == 422
    assert "at least 10" in short.text
    assert client.post(f"/invite/{token}", data={"new": NEW, "again": NEW}).headers["location"] == "/inbox"
    assert client.get("/inbox").status_code == 200
    assert site.client().post(f"/invite/{token}", data={"new": NEW, "again": NEW}).status_code == 404
    assert site.client().get(f"/invite/{token}").status_code == 404


def test_an_invitation_runs_out(site: Site) -> None:
    token = site.parts.ledger.write(lambda session: users.make_invite(session, site.agent, now=site.now))
    site.now += timedelta(hours=73)
    assert site.client().get(f"/invite/{token}").status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "",
        "/" + "x" * 3000,
    ],
)
def test_nobody_is_led_to_another_site(target: str) -> None:
    assert local_path(target) == "/inbox"


def test_the_theme_is_kept_in_the_browser(site: Site) -> None:
    client = site.client("ada@example.org")
    client.post("/profile/theme", data={"theme": "dark"})
    assert 'data-bs-theme="dark"' in client.get("/inbox").text
    client.post("/profile/theme", data={"theme": "<script>"})
    assert 'data-bs-theme="dark"' in client.get("/inbox").text


def test_nothing_of_a_password_is_stored_in_the_clear(site: Site) -> None:
    with site.parts.database.session() as session:
        user = session.get(User, site.admin)
    assert user
    assert user.password_hash
    assert user.password_hash.startswith("$argon2id$")


def test_tries_at_the_same_moment_count_too(site: Site) -> None:
    def guess(_: int) -> int:
        return site.client().post("/login", data={"email": "ada@example.org", "password": "no"}).status_code

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(guess, range(12)))
    assert answers.count(401) == 5
    assert answers.count(429) == 7


def test_a_new_password_ends_a_copy_of_this_session_and_open_links(site: Site) -> None:
    client, thief = site.client("ben@example.org"), site.client()
    thief.cookies.update(dict(client.cookies))
    token = site.parts.ledger.write(lambda session: users.make_invite(session, site.agent, now=site.now))
    assert client.post("/password", data={"old": PASSWORD, "new": NEW, "again": NEW}).status_code == 303
    assert client.get("/inbox").status_code == 200
    assert thief.get("/inbox").status_code == 303
    assert site.client().get(f"/invite/{token}").status_code == 404
