import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session

from gatepost.connectors.access import Bearer, Password
from gatepost.connectors.connected import renews
from gatepost.connectors.grant import Refused, Unreachable, load_tokens
from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys, SealError, make_keys
from gatepost.store import accounts
from gatepost.store.oauth_clients import remove_client
from gatepost.store.tokens import claim_refresh
from tests.connectors.office import Office
from tests.rig.identity import Identity

HOUR = timedelta(hours=1)
BOTH = pytest.mark.parametrize("key", ["google", "microsoft"])


@pytest.fixture
def office(database: Database, ledger: Ledger, keys: Keys, identity: Identity) -> Office:
    return Office(database, ledger, keys, identity, identity.providers)


def bearer(office: Office, account: Account) -> Bearer:
    secret = office.access().secret(account)
    assert isinstance(secret, Bearer)
    return secret


def test_a_password_stays_a_password(office: Office) -> None:
    def op(session: Session) -> Account:
        made = accounts.create_account(
            session, office.keys, channel_id=office.channel(session), host="h", port=993, security="tls",
            username="anna", secret="pw", now=office.now(),
        )  # fmt: skip
        session.expunge(made)
        return made

    assert office.access().secret(office.ledger.write(op)) == Password("pw")
    assert "pw" not in repr(Password("pw"))


@BOTH
def test_a_token_is_used_until_it_is_due_and_then_refreshed_once(office: Office, key: str) -> None:
    account = office.connect(key)
    first = bearer(office, account)
    assert bearer(office, account) == first
    assert office.refreshes() == 0
    office.ahead = timedelta(minutes=51)
    second = bearer(office, account)
    assert second.token != first.token
    assert bearer(office, account) == second
    assert office.refreshes() == 1
    row = office.row(account.id)
    assert row.token_expires_at is not None
    assert abs(row.token_expires_at - second.expires_at) < timedelta(seconds=1)
    assert row.token_lease_until is None
    assert row.tokens_sealed is not None
    assert second.token.encode() not in row.tokens_sealed


def test_a_refresh_token_is_replaced_by_a_new_one_and_never_by_none(office: Office) -> None:
    for key, rotates in (("google", False), ("microsoft", True)):
        account = office.connect(key)
        old = office.tokens(account).refresh_token
        office.ahead += HOUR
        bearer(office, account)
        new = office.tokens(account).refresh_token
        assert new
        assert (new != old) is rotates


def test_rotation_is_honoured_where_the_old_token_dies(office: Office) -> None:
    office.identity.state.keeps_old = False
    account = office.connect("microsoft")
    for _ in range(3):
        office.ahead += HOUR
        assert bearer(office, account).token


@BOTH
def test_only_the_token_endpoint_decides_that_a_person_must_log_in(office: Office, key: str) -> None:
    account = office.connect(key)
    address = office.people[account.id].address
    office.ahead = timedelta(minutes=52)
    first = office.tokens(account).access_token
    office.identity.fail("token", status=503, person=address, times=1)
    assert bearer(office, account).token == first  # it lives on for some minutes
    office.ahead = HOUR
    for status in (503, 429, 500):
        office.identity.fail("token", status=status, person=address)
        with pytest.raises(Unreachable):
            office.access().secret(account)
        assert office.row(account.id).token_lease_until is None
    assert bearer(office, account).token != first
    office.identity.state.revoke(address)
    office.ahead += HOUR
    with pytest.raises(Refused) as caught:
        office.access().secret(account)
    assert caught.value.problem.error == "invalid_grant"
    assert office.row(account.id).token_lease_until is None


def test_without_a_client_or_with_another_key_file_it_is_told(
    office: Office, tmp_path_factory: pytest.TempPathFactory
) -> None:
    account = office.connect("google")
    office.ahead = HOUR
    office.ledger.write(lambda session: remove_client(session, "google"))
    with pytest.raises(Refused) as caught:
        office.access().secret(account)
    assert caught.value.problem.error == "invalid_client"
    folder = tmp_path_factory.mktemp("other")
    with pytest.raises(SealError):
        office.access(keys=make_keys(folder / "key")).secret(account)


def test_somebody_who_waits_gets_the_token_of_who_refreshes(office: Office) -> None:
    account = office.connect("google")
    first = office.tokens(account)
    office.ahead = timedelta(minutes=51)
    until = office.now() + timedelta(seconds=50)
    office.ledger.write(lambda session: claim_refresh(session, account.id, office.now(), until))
    assert bearer(office, account).token == first.access_token  # still usable
    office.ahead = HOUR
    claimed = office.now() + timedelta(seconds=20)
    office.ledger.write(lambda session: claim_refresh(session, account.id, office.now(), claimed))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        office.ahead += timedelta(seconds=5)

    secret = office.access(sleep=sleep).secret(account)  # the other one died: its claim ends
    assert isinstance(secret, Bearer)
    assert secret.token != first.access_token
    assert 3 <= len(slept) <= 6


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, database: Database, identity: Identity, keys: Keys
) -> Iterator[tuple[Office, Office]]:
    """Two processes, as far as the database can tell."""
    url = str(database.engine.url)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
        migrate(url)
    databases = [open_database(url), open_database(url)]
    ledgers = [Ledger(each).start() for each in databases]
    yield (
        Office(databases[0], ledgers[0], keys, identity, identity.providers),
        Office(databases[1], ledgers[1], keys, identity, identity.providers),
    )
    for ledger, each in zip(ledgers, databases, strict=True):
        ledger.close()
        each.close()


def test_many_at_once_in_two_processes_refresh_once(shared: tuple[Office, Office]) -> None:
    one, other = shared
    account = one.connect("microsoft")
    one.ahead = other.ahead = HOUR
    one.identity.state.keeps_old = False
    one.identity.fail("nothing")
    begin = threading.Barrier(8)
    found: list[str] = []

    def ask(office: Office) -> None:
        begin.wait(30)
        access = office.access(sleep=threading.Event().wait)
        secret = access.secret(account)
        assert isinstance(secret, Bearer)
        found.append(secret.token)

    threads = [threading.Thread(target=ask, args=(each,)) for each in (one, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert one.refreshes() == 1


def test_a_token_that_a_mail_server_refuses_is_replaced_unless_it_is_new(office: Office) -> None:
    account = office.connect("google")
    access = office.access()
    token = bearer(office, account).token
    access.refused(account, token)
    assert bearer(office, account).token == token
    office.ahead = timedelta(minutes=6)
    access.refused(account, "another")
    assert bearer(office, account).token == token
    access.refused(account, token)
    fresh = bearer(office, account).token
    assert fresh != token
    access.refused(account, fresh)
    assert bearer(office, account).token == fresh
    assert office.refreshes() == 1


def test_connecting_again_keeps_the_account_and_its_refresh_token(office: Office) -> None:
    account = office.connect("google")
    old = office.tokens(account)
    _, granted = office.log_in("google", office.people[account.id])
    assert granted.tokens.refresh_token == ""
    assert renews(office.keys, account, granted)
    assert not renews(office.keys, None, granted)
    again = office.ledger.write(lambda session: office.save(session, "google", granted, account))
    assert again.id == account.id
    assert office.tokens(account).refresh_token == old.refresh_token
    assert office.tokens(account).access_token == granted.tokens.access_token
    assert (again.address, again.auth, again.provider, again.user_id) == (
        office.people[account.id].address, "oauth", "google", "usr_1",
    )  # fmt: skip


def test_a_password_takes_the_place_of_a_login(office: Office) -> None:
    account = office.connect("google")

    def op(session: Session) -> None:
        row = accounts.get_account(session, account.id)
        assert row is not None
        accounts.reconnect(
            session, office.keys, row, host="h", port=993, security="tls", username="Anna@x.example",
            folder="INBOX", now=office.now(), secret="pw",
        )  # fmt: skip

    office.ledger.write(op)
    row = office.row(account.id)
    assert (row.auth, row.address, row.tokens_sealed) == ("password", "anna@x.example", None)
    assert office.access().secret(row) == Password("pw")


def test_app_only_access_needs_no_person(office: Office) -> None:
    account = office.connect_app("support@contoso.test")
    first = bearer(office, account)
    assert office.identity.state.access[first.token].person is None
    office.ahead = HOUR
    assert bearer(office, account).token != first.token


def test_disconnecting_takes_the_permission_back_and_keeps_nothing(office: Office) -> None:
    account = office.connect("google")
    refresh = office.tokens(account).refresh_token
    assert office.access().disconnect(account)[0]
    assert not office.identity.state.refresh[refresh].live
    row = office.row(account.id)
    assert (row.tokens_sealed, row.token_expires_at, row.scopes) == (None, None, [])
    with pytest.raises(Refused):
        office.access().secret(account)
    other = office.connect("microsoft")
    done, told = office.access().disconnect(other)
    assert not done
    assert "myapps.microsoft.com" in told
    assert office.row(other.id).tokens_sealed is None


def test_tokens_are_read_back_as_they_were_written(office: Office) -> None:
    tokens = office.tokens(office.connect("google"))
    assert tokens.refresh_token
    with pytest.raises(ValueError):
        load_tokens(b"nonsense")
