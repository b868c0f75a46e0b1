"""Sending over connected mailboxes: as they are, with their login, in one transaction, and a copy that is awaited."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.codes import explain
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import Login, NoLogin
from gatepost.gateway.routes import way_out
from gatepost.model import Account, Delivery
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.resolver import dns_resolver
from gatepost.store import accounts
from gatepost.store.channels import create_channel
from gatepost.store.sending import route_of_account, send_over_account, set_sending
from gatepost.store.transcripts import transcripts_of
from gatepost.words import DeliveryState
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import sending, until
from tests.gateway.test_routes import add, queue
from tests.rows import copies_of, other_ids_of

ME = "boss@other.example"
HEADER = f"From: {ME}\r\nTo: ana@calderon.example\r\nSubject: Hi\r\n"


def connected(gate: Gate, port: int = 1, **more: Any) -> Account:
    """A mailbox with an account that sends over this port."""
    channel = gate.ledger.write(lambda s: create_channel(s, name="Box", address=ME, now=clock()))

    def op(session: Any) -> Account:
        account = accounts.create_account(
            session, gate.keys, channel_id=channel.id, host="imap.other.example", port=993, security="tls",
            username=ME, secret="s3cret", now=clock(),
        )  # fmt: skip
        set_sending(session, account, smtp_host="localhost", smtp_port=port, smtp_security="starttls", **more)
        return account

    return gate.ledger.write(op)


def settled(rows: list[Delivery]) -> bool:
    return not any(row.state in (DeliveryState.QUEUED, DeliveryState.SENDING) for row in rows)


async def go_out(
    stack: AsyncExitStack, gate: Gate, folder: Path, submit: Submit, script: Script, *to: str, **more: Any
) -> tuple[FakeServer, str, list[Delivery]]:
    """A mail of the mailbox over its account at a server with this script, until nothing is under way."""
    certificate, key = self_signed(folder)
    server = await stack.enter_async_context(smtp_server(replace(script, tls=server_context(certificate, key))))
    account = connected(gate, server.port)
    add(gate, "box", "account", [f"sender:{ME}"], account=account.id, ca=str(certificate))
    route = await stack.enter_async_context(way_out(gate, dns_resolver(None), lambda: "", clock))
    await stack.enter_async_context(sending(gate, route))
    message_id = await queue(gate, submit, *(to or ("ana@calderon.example",)), header=HEADER, mail_from=ME, **more)
    return server, message_id, await until(gate, message_id, settled)


def play(gate: Gate, folder: Path, submit: Submit, script: Script, *to: str) -> tuple[FakeServer, str, list[Delivery]]:
    async def scenario() -> tuple[FakeServer, str, list[Delivery]]:
        async with AsyncExitStack() as stack:
            return await go_out(stack, gate, folder, submit, script, *to)

    return asyncio.run(scenario())


def test_recipients_share_one_transaction_and_each_has_his_own_truth(
    gate: Gate, submit: Submit, tmp_path: Path
) -> None:
    script = Script(logins={ME: "s3cret"}, replies={"RCPT": ["250 ok", "550 5.1.1 no such user", "250 ok"]})
    server, message_id, rows = play(gate, tmp_path, submit, script, "a@x.example", "b@x.example", "c@x.example")
    (mail,) = server.mails
    assert (mail.mail_from.split()[0], mail.user, len(mail.recipients)) == (f"FROM:<{ME}>", ME, 2)
    assert sorted(row.state for row in rows) == ["delivered", "delivered", "failed"]
    (failed,) = [row for row in rows if row.state == "failed"]
    assert f"TO:<{failed.recipient}>" not in mail.recipients
    assert (failed.code, failed.status, failed.route) == (550, "5.1.1", "box")
    with gate.database.session() as session:
        (copy,) = copies_of(session, message_id)
        said = [line for row in rows for line in transcripts_of(session, row.id).values()]
    assert (copy.state, copy.sure) == ("due", True)
    assert all("s3cret" not in text and "C: AUTH PLAIN ***" in text for text in said)


def test_a_token_that_is_refused_is_asked_for_once_more(gate: Gate, submit: Submit, tmp_path: Path) -> None:
    asked: list[str] = []

    def login(account: Account, refused: str) -> Login:
        asked.append(refused)
        return Login("xoauth2", "new" if refused else "old")

    script = Script(logins={ME: "new"}, auth="XOAUTH2")
    server, _, (row,) = play(replace(gate, account_login=login), tmp_path, submit, script)
    assert row.state == "delivered"
    assert (asked, server.connections) == (["", "old"], 2)


def test_a_token_goes_to_servers_of_its_provider_alone(gate: Gate, submit: Submit, tmp_path: Path) -> None:
    def login(account: Account, refused: str) -> Login:
        return Login("xoauth2", "token", ("smtp.gmail.com", "outlook.com"))

    server, _, (row,) = play(replace(gate, account_login=login), tmp_path, submit, Script())
    assert (row.state, server.connections) == ("delayed", 0)
    assert "no server of that provider" in row.text
    token = Login("xoauth2", "token", ("smtp.gmail.com", "outlook.com"))
    assert all(token.may_go_to(host) for host in ("smtp.gmail.com", "SMTP.GMAIL.COM.", "smtp-mail.outlook.com"))
    assert not any(token.may_go_to(host) for host in ("evil.example", "xoutlook.com", "smtp.gmail.com.evil.example"))


def test_without_a_login_it_waits_and_says_why(gate: Gate, submit: Submit, tmp_path: Path) -> None:
    def login(account: Account, refused: str) -> Login:
        raise NoLogin("Google took the permission back; connect the mailbox again")

    server, _, (row,) = play(replace(gate, account_login=login), tmp_path, submit, Script())
    assert (row.state, server.connections) == ("delayed", 0)
    assert "Google took the permission back" in row.text


@pytest.mark.parametrize(
    ("script", "state", "status", "means"),
    [
        ({"AUTH": ["535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."]},
         "delayed", "4.7.139", "lets this mailbox send no mail by a login"),
        ({"AUTH": ["535 5.7.3 Authentication unsuccessful [AM0PR0.outlook.com]"]},
         "delayed", "4.7.3", "does not accept our login"),
        ({"DOT": ["554 5.2.252 SendAsDenied; box@x.example not allowed to send as boss@other.example"]},
         "failed", "5.2.252", "may not send as this sender"),
        ({"DOT": ["550 5.7.60 SMTP; Client does not have permissions to send as this sender"]},
         "failed", "5.7.60", "may not send as this sender"),
        ({"MAIL": ["550 5.4.5 Daily user sending limit exceeded. For more information on Gmail"]},
         "delayed", "4.4.5", "provider's sending limit"),
        ({"DOT": ["550 5.1.90 Your message can't be sent because you've reached your daily limit for recipients"]},
         "delayed", "4.4.5", "provider's sending limit"),
    ],
)  # fmt: skip
def test_what_providers_refuse_is_read_as_what_it_is(
    gate: Gate, submit: Submit, tmp_path: Path, script: dict[str, list[str]], state: str, status: str, means: str
) -> None:
    _, _, (row,) = play(gate, tmp_path, submit, Script(logins={ME: "s3cret"}, replies=script))
    assert (row.state, row.status) == (state, status)
    explained = explain(Reply(row.code, row.status, row.text), row.recipient)
    assert means in explained.reason
    assert row.recipient not in explained.reason


def test_what_is_lost_after_the_dot_is_looked_for_and_nothing_is_put_there(
    gate: Gate, submit: Submit, tmp_path: Path
) -> None:
    _, message_id, (row,) = play(gate, tmp_path, submit, Script(logins={ME: "s3cret"}, cut=["DOT"]))
    assert row.state == "uncertain"
    with gate.database.session() as session:
        assert [(copy.state, copy.sure) for copy in copies_of(session, message_id)] == [("due", False)]
        assert other_ids_of(session, message_id) == []


def test_a_mailbox_is_chosen_to_send_and_not_any_more(gate: Gate) -> None:
    account = connected(gate)
    gate.ledger.write(lambda s: send_over_account(s, account, True, clock()))
    gate.ledger.write(lambda s: send_over_account(s, account, True, clock()))
    with gate.database.session() as session:
        route = route_of_account(session, account)
        assert route
        assert (route.name, route.rules) == ("boss-other-example", [f"sender:{ME}"])
    gate.ledger.write(lambda s: send_over_account(s, account, False, clock()))
    with gate.database.session() as session:
        assert route_of_account(session, account) is None


def test_a_mailbox_without_a_server_is_not_chosen(gate: Gate) -> None:
    account = connected(gate)
    gate.ledger.write(lambda s: set_sending(s, s.merge(account), smtp_host=""))
    with pytest.raises(ValueError, match="Name the server"):
        gate.ledger.write(lambda s: send_over_account(s, accounts.get_account(s, account.id) or account, True, clock()))
