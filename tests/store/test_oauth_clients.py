from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.ledger import Ledger
from gatepost.seal import Keys, SealError, make_keys
from gatepost.store import accounts, channels
from gatepost.store.oauth_clients import (
    accounts_of,
    get_client,
    list_clients,
    open_client_secret,
    remove_client,
    save_client,
)
from gatepost.store.tokens import claim_refresh, end_claim, forget_tokens, keep_tokens


def test_a_registration_keeps_its_secret_sealed_and_when_it_is_not_named(
    ledger: Ledger, keys: Keys, now: datetime, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(KeyError):
        ledger.write(lambda session: save_client(session, keys, "google", client_id="1", secret=None, now=now))
    ledger.write(lambda session: save_client(session, keys, "google", client_id="1", secret="very-secret", now=now))
    later = now + timedelta(days=1)
    ledger.write(
        lambda session: save_client(session, keys, "google", client_id="2", secret=None, audience="testing", now=later)
    )
    with ledger.database.session() as session:
        (row,) = list_clients(session)
        assert (row.client_id, row.audience, row.created_at, row.updated_at) == ("2", "testing", now, later)
        assert b"very-secret" not in row.secret_sealed
        assert open_client_secret(keys, row) == "very-secret"
        with pytest.raises(SealError):
            open_client_secret(make_keys(tmp_path_factory.mktemp("other") / "key"), row)
        assert accounts_of(session, "google") == 0
    assert ledger.write(lambda session: remove_client(session, "google"))
    assert not ledger.write(lambda session: remove_client(session, "google"))
    with ledger.database.session() as session:
        assert get_client(session, "google") is None


def test_one_at_a_time_refreshes_and_only_its_claim_stores(ledger: Ledger, keys: Keys, now: datetime) -> None:
    def make(session: Session) -> str:
        channel = channels.create_channel(session, name="Box", address="box@gatepost.test", now=now)
        return accounts.create_account(
            session, keys, channel_id=channel.id, host="h", port=993, security="tls",
            username="a@x.example", secret="", now=now,
        ).id  # fmt: skip

    account_id = ledger.write(make)
    minute = timedelta(minutes=1)
    first = ledger.write(lambda session: claim_refresh(session, account_id, now, now + minute))
    assert first is not None
    assert ledger.write(lambda session: claim_refresh(session, account_id, now, now + minute)) is None
    late, end = now + 2 * minute, now + 3 * minute
    assert ledger.write(lambda session: claim_refresh(session, account_id, late, end)) is not None
    assert not ledger.write(
        lambda session: keep_tokens(session, account_id, b"old", expires_at=end, now=late, lease=now + minute)
    )
    ledger.write(lambda session: end_claim(session, account_id, now + minute))
    assert ledger.write(lambda session: keep_tokens(session, account_id, b"new", expires_at=end, now=late, lease=end))
    with ledger.database.session() as session:
        row = accounts.get_account(session, account_id)
        assert row is not None
        assert (row.tokens_sealed, row.token_lease_until, row.refreshed_at) == (b"new", None, late)

    def forget(session: Session) -> None:
        row = accounts.get_account(session, account_id)
        assert row is not None
        forget_tokens(session, row)

    ledger.write(forget)
    with ledger.database.session() as session:
        row = accounts.get_account(session, account_id)
        assert row is not None
        assert row.tokens_sealed is None
