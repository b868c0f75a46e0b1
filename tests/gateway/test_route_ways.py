"""Relays of one's own, by password and by token, and the server of a connected mailbox, which is a real Postfix."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.gateway.accept import Gate
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.route_config import open_secrets
from gatepost.gateway.route_ways import relay_way
from gatepost.gateway.send import Sent
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.token_source import Tokens
from gatepost.model import Route
from gatepost.parts import clock
from gatepost.store.deliveries import Claim
from gatepost.store.routes import get_route
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.hooks import Receiver, receiving
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.test_routes import add

ME = "box@mail.test"
MAIL = b"From: box@mail.test\r\nTo: ana@remote.test\r\nSubject: Hi\r\n\r\nHello\r\n"


def row_of(gate: Gate, name: str = "own") -> Route:
    with gate.database.session() as session:
        row = get_route(session, name)
        assert row
        return row


async def send(
    gate: Gate, tokens: Tokens | None = None, recipient: str = "ana@remote.test", times: int = 1
) -> list[Sent]:
    """Attempts over the route `own`."""
    row, pool = row_of(gate), Pool()
    attempt = relay_way(gate, row, pool, tokens or Tokens(gate))
    claim = Claim("dlv_1", "msg_1", recipient, 0, 1, clock())
    try:
        return [await attempt(Outgoing(claim, "b+t@bounce.gatepost.test", MAIL)) for _ in range(times)]
    finally:
        await pool.close()


def try_it(gate: Gate, folder: Path, script: Script, **given: str) -> tuple[Sent, FakeServer]:
    """One attempt over a relay with these settings, TLS and this script."""
    certificate, key = self_signed(folder)

    async def scenario() -> tuple[Sent, FakeServer]:
        async with smtp_server(replace(script, tls=server_context(certificate, key))) as server:
            url = f"smtp://box%40mail.test@localhost:{server.port}"
            add(gate, "own", "relay", [], **{"url": url, "ca": str(certificate), **given})
            return (await send(gate))[0], server

    return asyncio.run(scenario())


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_a_login_by_a_token_from_a_file(gate: Gate, tmp_path: Path, auth: str) -> None:
    (tmp_path / "token").write_text("ya29.t0ken\n")
    script = Script(logins={ME: "ya29.t0ken"}, auth="PLAIN XOAUTH2 OAUTHBEARER")
    sent, server = try_it(gate, tmp_path, script, auth=auth, token_file=str(tmp_path / "token"))
    assert sent.reply.code == 250
    assert server.mails[0].user == ME
    assert f"C: AUTH {auth.upper()} ***" in sent.transcript
    assert "ya29" not in sent.transcript


def test_a_token_that_is_refused_says_why(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old\n")
    script = Script(logins={ME: "new"}, auth="XOAUTH2")
    sent, server = try_it(gate, tmp_path, script, auth="xoauth2", token_file=str(tmp_path / "token"))
    assert (sent.stage, sent.reply.status, sent.reply.temporary) == ("auth", "4.7.8", True)
    assert "refused our token" in sent.reply.text
    assert "401" in sent.reply.text
    assert server.mails == []


def test_a_server_without_tokens(gate: Gate, tmp_path: Path) -> None:
    script = Script(logins={ME: "x"})
    sent, _ = try_it(gate, tmp_path, script, auth="xoauth2", token_command="printf token")
    assert "offers no login by XOAUTH2" in sent.reply.text
    assert sent.reply.temporary


def test_a_command_that_fails_and_one_that_works(gate: Gate, tmp_path: Path) -> None:
    script = Script(logins={ME: "token"}, auth="XOAUTH2")
    sent, server = try_it(gate, tmp_path, script, auth="xoauth2", token_command="false")
    assert sent.reply.text == "the route own cannot be used now: the token command false ended with 1"
    assert server.connections == 0


@pytest.mark.parametrize("renewed", [True, False])
def test_a_refresh_token_is_used_kept_and_renewed(gate: Gate, tmp_path: Path, renewed: bool) -> None:
    certificate, key = self_signed(tmp_path)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            script = Script(tls=server_context(certificate, key), logins={ME: "one"}, auth="XOAUTH2")
            server = await stack.enter_async_context(smtp_server(script))
            provider: Receiver = stack.enter_context(receiving(200))
            said = {"access_token": "one", "expires_in": 3600, **({"refresh_token": "r2"} if renewed else {})}
            provider.text = json.dumps(said)
            add(
                gate, "own", "relay", [],
                url=f"smtp://box%40mail.test@localhost:{server.port}", ca=str(certificate), auth="xoauth2",
                token_url=provider.url, client_id="abc", refresh_token="r1", client_secret="s", scope="smtp",
            )  # fmt: skip
            times = [0.0]
            tokens = Tokens(gate, lambda: times[0])
            sent = await send(gate, tokens, times=3)
            assert [each.reply.code for each in sent] == [250, 250, 250]
            assert len(provider.calls) == 1
            assert provider.calls[0].body == (
                b"client_id=abc&grant_type=refresh_token&refresh_token=r1&client_secret=s&scope=smtp"
            )
            assert open_secrets(gate.keys, row_of(gate))["refresh_token"] == ("r2" if renewed else "r1")
            times[0] = 3601.0
            assert (await send(gate, tokens))[0].reply.code == 250
            assert len(provider.calls) == 2
            assert (b"refresh_token=r2" in provider.calls[1].body) == renewed
            provider.answers, provider.text = [400], '{"error": "invalid_grant", "error_description": "revoked"}'
            times[0] = 9999.0
            (late,) = await send(gate, tokens)
            assert "the token address refused (400): invalid_grant revoked" in late.reply.text
            assert late.reply.temporary

    asyncio.run(scenario())


def test_a_refused_token_is_asked_for_once_more(gate: Gate, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            script = Script(tls=server_context(certificate, key), logins={ME: "two"}, auth="XOAUTH2")
            server = await stack.enter_async_context(smtp_server(script))
            provider: Receiver = stack.enter_context(receiving(200))
            provider.text = '{"access_token": "one", "expires_in": 3600}'
            url = f"smtp://box%40mail.test@localhost:{server.port}"
            token = {"auth": "xoauth2", "token_url": provider.url, "client_id": "abc", "client_secret": "s"}
            add(gate, "own", "relay", [], url=url, ca=str(certificate), **token)
            tokens = Tokens(gate)
            assert (await send(gate, tokens))[0].reply.status == "4.7.8"
            assert len(provider.calls) == 2
            assert b"grant_type=client_credentials" in provider.calls[0].body
            provider.text = '{"access_token": "two", "expires_in": 3600}'
            assert (await send(gate, tokens))[0].reply.code == 250

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>", "no JSON"),
        ("[]", "no object"),
        ('{"access_token": "a b"}', "has no token"),
        ('{"access_token": "a\\r\\nRSET"}', "has no token"),
        ('{"token": "x"}', "refused (200)"),
    ],
)
def test_what_a_provider_may_answer(gate: Gate, text: str, said: str) -> None:
    with receiving(200) as provider:
        provider.text = text
        url = "smtp://box%40mail.test@localhost:1"
        token = {"auth": "xoauth2", "token_url": provider.url, "client_id": "abc", "client_secret": "s"}
        add(gate, "own", "relay", [], url=url, **token)
        assert said in asyncio.run(send(gate))[0].reply.text


def test_a_route_made_on_the_pages_leads_to_no_private_address(gate: Gate) -> None:
    closed = replace(gate, settings=gate.settings.model_copy(update={"private_hosts": False}))
    add(closed, "own", "relay", [], url="smtp://localhost:1")
    assert "refused the connection" in asyncio.run(send(closed))[0].reply.text
    row = row_of(closed)
    row.config = {**row.config, "private": False}
    attempt = relay_way(closed, row, Pool(), Tokens(closed))
    claim = Claim("dlv_1", "msg_1", "ana@remote.test", 0, 1, clock())

    async def scenario() -> Sent:
        return await attempt(Outgoing(claim, "b@bounce.test", MAIL))

    sent = asyncio.run(scenario())
    assert "at a private address" in sent.reply.text
