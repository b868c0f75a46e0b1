"""One transaction against a scripted server: every trouble is a Reply, and a mail is uncertain only after the dot."""

import asyncio

import pytest

from gatepost.gateway.route import Hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_connection import Timeouts
from gatepost.gateway.send_pool import Pool
from tests.fakes.smtp import FakeServer, Script, smtp_server

MAIL = b"From: a@gatepost.test\r\nTo: b@example.test\r\nSubject: x\r\n\r\n.leading dot\r\nbody\r\n"
QUICK = Timeouts(connect=5, command=5, data=5, block=5, dot=5)
IMPATIENT = QUICK.scaled(0.05)


def pooled(script: Script, mails: int, *, pool: Pool | None = None) -> tuple[list[Sent], FakeServer]:
    """Mails one after the other over one pool."""

    async def scenario() -> tuple[list[Sent], FakeServer]:
        kept = pool or Pool()
        async with smtp_server(script) as server:
            hop = Hop("127.0.0.1", server.port, starttls="none")
            sent = [
                await transact(hop, "a@x.test", f"{n}@x.test", MAIL, pool=kept, timeouts=QUICK) for n in range(mails)
            ]
            await kept.close()
            for _ in range(50):
                if server.commands[-1] == "QUIT":
                    break
                await asyncio.sleep(0.01)
            return sent, server

    return asyncio.run(scenario())


def test_a_connection_is_used_again_and_closed_cleanly() -> None:
    sent, server = pooled(Script(), 5)
    assert [each.reply.code for each in sent] == [250] * 5
    assert (server.connections, len(server.mails)) == (1, 5)
    assert "RSET" not in server.commands
    assert server.commands[-1] == "QUIT"


def test_a_refused_recipient_leaves_a_usable_connection() -> None:
    sent, server = pooled(Script(replies={"RCPT": ["550 5.1.1 no", "250 ok"]}), 2)
    assert [each.reply.code for each in sent] == [550, 250]
    assert server.connections == 1
    assert server.commands.count("RSET") == 1


@pytest.mark.parametrize(
    "script", [Script(cut_after=["DOT"]), Script(replies={"MAIL": ["250 ok", "421 4.4.2 idle", "250 ok"]})]
)
def test_a_connection_that_was_closed_meanwhile_is_replaced(script: Script) -> None:
    sent, server = pooled(script, 2)
    assert [each.reply.code for each in sent] == [250, 250]
    assert (server.connections, len(server.mails)) == (2, 2)


def test_an_answer_too_many_is_not_given_to_the_next_mail() -> None:
    sent, server = pooled(Script(replies={"DOT": [b"250 2.0.0 one\r\n550 5.7.1 two\r\n", "451 4.3.0 three"]}), 2)
    assert [each.reply.text for each in sent] == ["one", "three"]
    assert server.connections == 2


def test_a_connection_is_not_used_for_ever() -> None:
    assert pooled(Script(), 6, pool=Pool(uses=2))[1].connections == 3
    assert pooled(Script(), 3, pool=Pool(idle_per_hop=0))[1].connections == 3


def test_an_idle_connection_is_closed() -> None:
    async def scenario() -> list[str]:
        pool = Pool(idle_seconds=0.05)
        async with smtp_server() as server:
            await transact(Hop("127.0.0.1", server.port, starttls="none"), "a@x.test", "b@x.test", MAIL, pool=pool)
            while server.commands[-1] != "QUIT":
                await asyncio.sleep(0.01)
            assert pool.take(Hop("127.0.0.1", server.port, starttls="none")) is None
            return server.commands

    assert asyncio.run(asyncio.wait_for(scenario(), 20))[-1] == "QUIT"
