"""Logins under way, links for colleagues, and administrators' approvals, on both databases."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlmodel import Session

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import AdminApproval
from gatepost.seal import Keys, make_keys
from gatepost.store import approvals, attempts
from gatepost.store.channels import create_channel, delete_channel
from gatepost.store.events import events_after

MINUTE = timedelta(minutes=1)


@pytest.fixture
def channel(ledger: Ledger, now: datetime) -> str:
    return ledger.write(lambda session: create_channel(session, name="A", address="a@b.example", now=now).id)


def begin(session: Session, keys: Keys, channel: str, now: datetime, state: str = "c-state") -> None:
    attempts.begin_attempt(
        session,
        keys,
        state=state,
        browser="browser",
        provider="google",
        channel_id=channel,
        address="a@b.example",
        flow='{"code_verifier": "secret"}',
        now=now,
    )


def test_a_login_is_finished_once_in_time_and_by_the_browser_that_began_it(
    ledger: Ledger, database: Database, keys: Keys, channel: str, now: datetime
) -> None:
    ledger.write(lambda session: begin(session, keys, channel, now))
    later = now + 9 * MINUTE
    for state, browser, at in (
        ("c-other", "browser", later),
        ("", "browser", later),
        ("c-state", "another", later),
        ("c-state", "", later),
        ("c-state", "browser", now + 10 * MINUTE),
    ):
        assert ledger.write(partial(attempts.take_attempt, state=state, browser=browser, now=at)) is None
    taken = ledger.write(lambda session: attempts.take_attempt(session, "c-state", "browser", later))
    assert taken is not None
    assert attempts.open_flow(keys, taken) == '{"code_verifier": "secret"}'
    assert ledger.write(lambda session: attempts.take_attempt(session, "c-state", "browser", later)) is None
    ledger.write(lambda session: attempts.note_result(session, taken, attempts.CONNECTED, "", now))
    with database.session() as session:
        [row] = attempts.attempts_of(session, channel)
        assert (row.result, row.flow_sealed) == ("connected", b"")


def test_neither_state_nor_verifier_stand_in_the_database(
    ledger: Ledger, database: Database, keys: Keys, channel: str, now: datetime
) -> None:
    ledger.write(lambda session: begin(session, keys, channel, now))
    with database.session() as session:
        [row] = attempts.attempts_of(session, channel)
    values = set(row.model_dump().values())
    assert not values & {"c-state", "browser"}
    assert b"secret" not in row.flow_sealed


def test_a_flow_of_another_key_file_opens_nothing(
    ledger: Ledger, keys: Keys, channel: str, now: datetime, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger.write(lambda session: begin(session, keys, channel, now))
    taken = ledger.write(lambda session: attempts.take_attempt(session, "c-state", "browser", now))
    assert taken is not None
    assert attempts.open_flow(make_keys(tmp_path_factory.mktemp("other") / "key"), taken) is None


def test_not_more_than_some_at_once_and_old_ones_are_forgotten(
    ledger: Ledger, database: Database, keys: Keys, channel: str, now: datetime
) -> None:
    for number in range(attempts.MOST_AT_ONCE):
        ledger.write(partial(begin, keys=keys, channel=channel, now=now, state=f"c-{number}"))
    with pytest.raises(attempts.TooMany, match="Wait a little"):
        ledger.write(lambda session: begin(session, keys, channel, now, "c-more"))
    ledger.write(lambda session: begin(session, keys, channel, now + timedelta(days=2), "c-late"))
    with database.session() as session:
        assert len(attempts.attempts_of(session, channel)) == 1


def test_a_link_works_once_for_72_hours_and_a_newer_one_ends_it(
    ledger: Ledger, database: Database, channel: str, now: datetime
) -> None:
    def make(session: Session) -> str:
        return attempts.make_link(session, channel_id=channel, address="a@b.example", user_id=None, now=now)

    first, second = ledger.write(make), ledger.write(make)
    with database.session() as session:
        assert attempts.link_by_token(session, first, now) is None
        assert attempts.link_by_token(session, "", now) is None
        link = attempts.link_by_token(session, second, now + timedelta(hours=71))
        assert link is not None
        hashed = link.token_hash
        assert second not in repr(link.model_dump())
        assert attempts.link_by_token(session, second, now + timedelta(hours=72)) is None
    assert ledger.write(lambda session: attempts.use_link(session, hashed, now))
    assert not ledger.write(lambda session: attempts.use_link(session, hashed, now))
    with database.session() as session:
        assert attempts.open_link(session, channel, now) is None


def ask(session: Session, channel: str, now: datetime, tenant: str = "contoso.test") -> AdminApproval:
    row = approvals.ask_approval(
        session,
        channel_id=channel,
        provider="microsoft",
        address="a@b.example",
        tenant=tenant,
        user_id=None,
        now=now,
    )
    session.expunge(row)
    return row


def test_an_approval_can_only_be_approved_and_that_once(
    ledger: Ledger, database: Database, keys: Keys, channel: str, now: datetime
) -> None:
    row = ledger.write(lambda session: ask(session, channel, now))
    assert ledger.write(lambda session: ask(session, channel, now + MINUTE)).id == row.id
    state, later = approvals.approval_state(keys, row), now + timedelta(days=13)
    with database.session() as session:
        found = approvals.approval_by_state(session, keys, state, later)
        assert found is not None
        before = found.model_dump()
    assert ledger.write(lambda session: approvals.approve(session, row.id, later))
    assert not ledger.write(lambda session: approvals.approve(session, row.id, later))
    with database.session() as session:
        after = approvals.approval_by_state(session, keys, state, later)
        assert after is not None
        assert {name for name, value in after.model_dump().items() if value != before[name]} == {"approved_at"}
        kinds = [event.kind for event in events_after(session, 0, 100)]
    assert kinds.count("account.approved") == 1


def test_a_forged_or_old_state_approves_nothing(
    ledger: Ledger,
    database: Database,
    keys: Keys,
    channel: str,
    now: datetime,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    row = ledger.write(lambda session: ask(session, channel, now))
    state = approvals.approval_state(keys, row)
    other = approvals.approval_state(make_keys(tmp_path_factory.mktemp("other") / "key"), row)
    flipped = state[:-9] + ("a" if state[-9] != "a" else "b") + state[-8:]
    with database.session() as session:
        assert approvals.approval_by_state(session, keys, state, now) is not None
        for wrong in ("", "a-", state[2:], other, flipped, state + "a", "c-" + state[2:], row.id):
            assert approvals.approval_by_state(session, keys, wrong, now) is None
        assert approvals.approval_by_state(session, keys, state, now + timedelta(days=14)) is None
    assert not ledger.write(lambda session: approvals.approve(session, row.id, now + timedelta(days=14)))


def test_what_nobody_waits_for_any_more_approves_nothing(
    ledger: Ledger, database: Database, keys: Keys, channel: str, now: datetime
) -> None:
    """The mailbox was connected otherwise meanwhile: a late callback must not connect it again, in another way."""
    row = ledger.write(lambda session: ask(session, channel, now))
    state = approvals.approval_state(keys, row)
    ledger.write(lambda session: approvals.finish_approvals(session, channel, now, by_link=True))
    with database.session() as session:
        assert approvals.approval_by_state(session, keys, state, now) is not None
    ledger.write(lambda session: approvals.finish_approvals(session, channel, now))
    with database.session() as session:
        assert approvals.approval_by_state(session, keys, state, now) is None
    assert not ledger.write(lambda session: approvals.approve(session, row.id, now))
    again = ledger.write(lambda session: ask(session, channel, now))
    with database.session() as session:
        assert [approvals.is_waited_for(session, key) for key in (row.id, again.id, "apv_none")] == [False, True, False]
    assert again.id != row.id
    assert ledger.write(lambda session: approvals.approve(session, again.id, now))


def test_what_waits_is_shown_until_the_mailbox_is_connected(
    ledger: Ledger, database: Database, channel: str, now: datetime
) -> None:
    row = ledger.write(lambda session: ask(session, channel, now))
    with database.session() as session:
        assert approvals.open_approval(session, channel, now) is not None
        assert approvals.open_approval(session, channel, now + timedelta(days=15)) is None
    ledger.write(lambda session: approvals.approve(session, row.id, now))
    with database.session() as session:
        assert approvals.open_approval(session, channel, now + timedelta(days=15)) is not None
    ledger.write(lambda session: approvals.finish_approvals(session, channel, now))
    with database.session() as session:
        assert approvals.open_approval(session, channel, now) is None


def test_a_mailbox_with_only_these_can_be_deleted(ledger: Ledger, keys: Keys, channel: str, now: datetime) -> None:
    def fill(session: Session) -> None:
        begin(session, keys, channel, now)
        attempts.make_link(session, channel_id=channel, address="a@b.example", user_id=None, now=now)
        ask(session, channel, now)

    ledger.write(fill)
    ledger.write(lambda session: delete_channel(session, channel))
