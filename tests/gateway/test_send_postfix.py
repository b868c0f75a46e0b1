"""The same client against a real Postfix as the remote end."""

import asyncio
from collections.abc import Iterator

import pytest

from gatepost.gateway.route import Hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_pool import Pool
from tests.rig.postfix import REFUSALS, Postfix, started

MAIL = b"From: a@gatepost.test\r\nTo: anna@remote.test\r\nSubject: stuffed\r\n\r\n.one\r\n..two\r\n.\r\nthree\r\n"


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with started(REFUSALS) as server:
        yield server


def test_mails_travel_encrypted_over_one_connection(postfix: Postfix) -> None:
    before = len(postfix.messages())

    async def scenario() -> list[Sent]:
        pool = Pool()
        hop = Hop("localhost", postfix.port, ca=str(postfix.certificate))
        recipients = ("anna@remote.test", "unknown@remote.test", "full@remote.test", "ben@remote.test")
        sent = [await transact(hop, "b+t@bounce.gatepost.test", to, MAIL, pool=pool) for to in recipients]
        await pool.close()
        return sent

    sent = asyncio.run(scenario())
    assert [(each.reply.code, each.reply.status, each.stage) for each in sent] == [
        (250, "2.0.0", "dot"),
        (550, "5.1.1", "rcpt"),
        (452, "4.2.2", "rcpt"),
        (250, "2.0.0", "dot"),
    ]
    assert {(each.tls, each.remote_host) for each in sent} == {("TLSv1.3", "localhost [127.0.0.1]")}
    kept = postfix.wait_for(before + 2)
    assert all(b"\n\n.one\n..two\n.\nthree\n" in mail.replace(b"\r\n", b"\n") for mail in kept)


@pytest.mark.parametrize("size", [1_000_000, 50_000_000])
def test_size_is_said_before_it_is_sent(postfix: Postfix, size: int) -> None:
    hop = Hop("127.0.0.1", postfix.port, ca=str(postfix.certificate))
    content = MAIL + (b"y" * 76 + b"\r\n") * (size // 78)
    sent = asyncio.run(transact(hop, "a@gatepost.test", "anna@remote.test", content))
    assert (sent.reply.code, sent.reply.status) == ((250, "2.0.0") if size < 40_000_000 else (None, "5.3.4"))


@pytest.mark.parametrize(
    ("more", "code", "status", "stage"),
    [
        ({"header_checks": "static:{{REJECT We want none of this}}"}, 550, "5.7.1", "dot"),
        ({"header_checks": "static:{{REJECT 4.7.1 Not from here today}}"}, 451, "4.7.1", "dot"),
        ({"queue_minfree": "9000000000000000"}, 452, "4.3.1", "mail"),
        ({"smtpd_delay_reject": "no", "smtpd_client_restrictions": "reject"}, None, "4.3.2", "connect"),
        ({"smtpd_client_connection_rate_limit": "1", "mynetworks": ""}, 421, "4.7.0", "connect"),
    ],
    ids=["after the dot", "after the dot, for now", "disk full", "client", "too many connections"],
)
def test_what_a_postfix_answers_is_understood(more: dict[str, str], code: int | None, status: str, stage: str) -> None:
    with started({}, more=more) as postfix:
        hop = Hop("localhost", postfix.port, ca=str(postfix.certificate))
        sent = [asyncio.run(transact(hop, "a@gatepost.test", "anna@remote.test", MAIL)) for _ in range(2)][-1]
    assert (sent.reply.code, sent.reply.status, sent.stage) == (code, status, stage), sent.transcript
    assert sent.reply.permanent == (code is not None and code >= 500)
    assert not sent.uncertain
