"""People in the store: sessions, invitations, memberships, refused logins."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Invite, LoginFailure, LoginSession
from gatepost.password import check_password, hash_password, problem_of
from gatepost.store import channels, users


def make(ledger: Ledger, now: datetime, email: str = "ada@example.org", role: str = "admin") -> str:
    return ledger.write(lambda session: users.create_user(session, email=email, name="Ada", role=role, now=now)).id


def test_an_address_belongs_to_one_user_whatever_its_case(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now, "Ada@Example.org")
    with pytest.raises(ValueError, match="already a user"):
        make(ledger, now, "ada@example.org")
    with pytest.raises(ValueError, match="admin or agent"):
        make(ledger, now, "b@example.org", role="king")
    with database.session() as session:
        found = users.user_by_email(session, "ADA@example.ORG")
        assert found
        assert found.id == user_id
        assert [user.id for user in users.list_users(session)] == [user_id]


def test_a_session_lives_by_its_token_alone(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now)
    token = ledger.write(lambda session: users.start_session(session, user_id, agent="x" * 999, ip="::1", now=now))
    with database.session() as session:
        assert session.get(LoginSession, token) is None
        assert users.session_by_token(session, "", now) is None
        assert users.session_by_token(session, token + "x", now) is None
        found = users.session_by_token(session, token, now)
        assert found
        assert found[1].id == user_id
        assert users.session_by_token(session, token, now + users.SESSION_LIFE) is None
        assert not users.is_stale(found[0], now)
        assert users.is_stale(found[0], now + timedelta(minutes=2))
    later = now + timedelta(days=13)
    ledger.write(lambda session: users.touch_session(session, users.token_hash(token), later))
    with database.session() as session:
        assert users.session_by_token(session, token, now + timedelta(days=20))
        assert len(users.list_sessions(session, user_id, later)) == 1
    ledger.write(lambda session: users.end_session(session, "usr_other", users.token_hash(token)))
    ledger.write(lambda session: users.disable_user(session, make_second(session, now), now))
    with database.session() as session:
        assert users.session_by_token(session, token, later)


def make_second(session: Session, now: datetime) -> str:
    return users.create_user(session, email="second@example.org", name="B", role="admin", now=now).id


def test_sessions_that_ran_out_are_removed(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now)
    old = ledger.write(lambda session: users.start_session(session, user_id, agent="", ip="", now=now))
    later = now + timedelta(days=30)
    ledger.write(lambda session: users.start_session(session, user_id, agent="", ip="", now=later))
    with database.session() as session:
        assert session.get(LoginSession, users.token_hash(old)) is None


def test_a_new_password_ends_sessions_and_links(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now)
    for _ in range(2):
        ledger.write(lambda session: users.start_session(session, user_id, agent="", ip="", now=now))
    link = ledger.write(lambda session: users.make_invite(session, user_id, purpose="reset", now=now))
    ledger.write(lambda session: users.set_password(session, user_id, "hash"))
    with database.session() as session:
        assert users.list_sessions(session, user_id, now) == []
        assert users.invite_by_token(session, link, now) is None


def test_an_invitation_is_used_once_and_the_newest_counts(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now)
    first = ledger.write(lambda session: users.make_invite(session, user_id, now=now))
    second = ledger.write(lambda session: users.make_invite(session, user_id, now=now))
    with database.session() as session:
        assert users.invite_by_token(session, first, now) is None
        assert session.get(Invite, second) is None
        assert users.open_invites(session, now) == {user_id: now + users.INVITE_LIFE}
        assert users.invite_by_token(session, second, now + users.INVITE_LIFE) is None
    assert ledger.write(lambda session: users.use_invite(session, second, "hash", now))
    assert ledger.write(lambda session: users.use_invite(session, second, "other", now)) is None
    with database.session() as session:
        user = users.get_user(session, user_id)
        assert user
        assert user.password_hash == "hash"
        assert users.open_invites(session, now) == {}


def test_somebody_stays_admin(ledger: Ledger, now: datetime) -> None:
    first = make(ledger, now)
    with pytest.raises(ValueError, match="last admin"):
        ledger.write(lambda session: users.disable_user(session, first, now))
    with pytest.raises(ValueError, match="last admin"):
        ledger.write(lambda session: users.change_user(session, first, name="A", role="agent"))
    second = make(ledger, now, "second@example.org")
    ledger.write(lambda session: users.change_user(session, first, name="A", role="agent"))
    with pytest.raises(ValueError, match="last admin"):
        ledger.write(lambda session: users.disable_user(session, second, now))


def test_memberships_are_replaced(database: Database, ledger: Ledger, now: datetime) -> None:
    user_id = make(ledger, now)
    first = ledger.write(lambda s: channels.create_channel(s, name="A", address="a@example.org", now=now)).id
    second = ledger.write(lambda s: channels.create_channel(s, name="B", address="b@example.org", now=now)).id
    ledger.write(lambda session: users.set_memberships(session, user_id, [first, first]))
    ledger.write(lambda session: users.set_memberships(session, user_id, [second]))
    with database.session() as session:
        assert users.memberships(session, user_id) == {second}
        assert users.all_memberships(session) == {user_id: frozenset({second})}


def test_failures_are_counted_and_forgotten(database: Database, ledger: Ledger, now: datetime) -> None:

    def fail(session: Session) -> None:
        for at, account, net in ((0, "a", "n"), (1, "a", "n"), (2, "a", "m"), (3, "b", "n")):
            users.record_failure(session, account, net, now + timedelta(minutes=at))

    ledger.write(fail)
    with database.session() as session:
        assert users.failures_since(session, now - timedelta(1), account="a", net="n") == 2
        assert users.failures_since(session, now - timedelta(1), account="a") == 3
        assert users.failures_since(session, now - timedelta(1), net="n") == 3
        assert users.failures_since(session, now + timedelta(minutes=1)) == 2
    ledger.write(lambda session: users.forget_failures(session, "a", "n"))
    ledger.write(lambda session: users.record_failure(session, "c", "c", now + timedelta(days=2)))
    with database.session() as session:
        assert len(session.exec(select(LoginFailure)).all()) == 1


def test_passwords_are_checked_and_weak_ones_explained() -> None:
    hashed = hash_password("correct horse battery")
    assert check_password("correct horse battery", hashed)
    assert not check_password("wrong", hashed)
    assert not check_password("correct horse battery", None)
    assert not check_password("nobody", None)
    assert not check_password("x", "not a hash")
    assert not check_password("x" * 300, hashed)
    assert problem_of("correct horse battery") is None
    for weak in ("short", "aaaaaaaaaaaa", "x" * 257, "ada@example.org"):
        assert problem_of(weak, "ada@example.org")
