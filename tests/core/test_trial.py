"""The server for sending of a mailbox that is about to be saved, tried with the login that it is fetched with."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.gateway.send_connection import tls_context
from gatepost.trial import try_server
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
