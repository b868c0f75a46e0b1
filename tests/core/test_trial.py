"""The server for sending of a mailbox, tried before it is saved with the login that it is fetched with."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from gatepost.connectors.access import Access
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import NotTaken, Server
from gatepost.gateway.send_connection import tls_context
from gatepost.http import Guard
from gatepost.model import Account
from gatepost.seal import seal
from gatepost.store.accounts import secret_place
from gatepost.trial import try_new_server, try_server
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import Script, smtp_server_thread
from tests.gateway.conftest import gate as gate

ME = "box@mail.test"
LOGIN = Connect("imap.mail.test", 993, "tls", ME, "s3cret")


@pytest.fixture
def near(gate: Gate) -> Gate:
    """One that may ask a server on this machine."""
    return replace(gate, settings=gate.settings.model_copy(update={"private_hosts": True}))


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """A server that knows one login, and whose certificate is trusted."""
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_context.cache_clear()
    yield Script(tls=server_context(certificate, key), logins={ME: "s3cret"})
    tls_context.cache_clear()


def test_the_login_is_tried_and_nothing_is_sent(near: Gate, script: Script) -> None:
    with smtp_server_thread(script) as server:
        found = try_server(near, "localhost", server.port, "starttls", LOGIN)
        assert (found.ok, found.field) == (True, "")
        assert "takes our login for sending" in found.sentence
        wrong = try_server(near, "localhost", server.port, "starttls", replace(LOGIN, password="other"))
        assert (wrong.ok, wrong.field) == (False, "smtp_password")
        assert "other" not in wrong.sentence
        tls = try_server(near, "localhost", server.port, "tls", LOGIN)
        assert (tls.fix, tls.field) == ("Set Security for sending to STARTTLS, or Port to 465.", "smtp_security")
        assert server.mails == []
    with smtp_server_thread(replace(script, tls=None)) as plain:
        bare = try_server(near, "localhost", plain.port, "starttls", LOGIN)
    assert (bare.ok, bare.field) == (False, "smtp_security")


def test_a_server_inside_is_only_asked_where_that_is_allowed(gate: Gate) -> None:
    far = replace(gate, settings=gate.settings.model_copy(update={"private_hosts": False}))
    found = try_server(far, "localhost", 1, "starttls", LOGIN)
    assert (found.ok, found.field) == (False, "smtp_host")
    assert "private_hosts" in found.sentence


def test_another_server_of_a_saved_mailbox_is_tried_with_its_own_login(
    near: Gate, script: Script, now: datetime
) -> None:
    account = Account(
        id="acc_x", channel_id="chn_x", host="imap.mail.test", port=993, security="tls", username=ME,
        secret_sealed=seal(near.keys, secret_place("acc_x"), b"s3cret"), state_since=now, next_poll_at=now,
        created_at=now, smtp_host="smtp.old.test", smtp_port=587, smtp_security="starttls",
    )  # fmt: skip
    access = Access(near.ledger, near.database, near.keys, PROVIDERS, Guard(private=True), lambda: now)

    def tried(server: Server, password: str = "") -> NotTaken | None:
        return try_new_server(near, access, account, server, password)

    assert tried(Server("smtp.old.test", 587, "starttls")) is None  # nothing changes, so nobody is asked
    assert tried(Server("", 587, "starttls")) is None
    with smtp_server_thread(script) as server:
        there = Server("localhost", server.port, "starttls")
        assert tried(there) is None
        assert tried(there, "s3cret") is None
        refused = tried(there, "other")
        assert refused is not None
        assert (refused.field, refused.passing) == ("password", False)
        at_home = Account(**{**account.model_dump(), "smtp_host": "localhost", "smtp_port": 1})
        assert try_new_server(near, access, at_home, there, "a guess") is None  # it is not tried, but the stored one
        tls = tried(Server("localhost", server.port, "tls"))
        assert tls is not None
        assert (tls.field, tls.passing) == ("smtp_security", False)
        assert server.mails == []
    away = tried(there)
    assert away is not None
    assert (away.field, away.passing) == ("smtp_port", True)
    assert account.smtp_host == "smtp.old.test"
