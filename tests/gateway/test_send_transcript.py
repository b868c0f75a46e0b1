"""Transcripts: what was said, for every kind of end, without secrets and without what a hostile server hides in it."""

import asyncio
from datetime import timedelta
from pathlib import Path

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.route import Hop, direct_hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.send_transcript import LIMIT, Dialogue, pretended
from gatepost.gateway.ways import relay_route, sandbox_route
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.transcripts import prune_transcripts, transcripts_of
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import ended, relaying, rows_of, sending, until

MAIL = b"From: a@gatepost.test\r\nSubject: secret plans\r\n\r\nnobody reads this\r\n"


def said(script: Script) -> str:
    async def scenario() -> Sent:
        async with smtp_server(script) as server:
            return await transact(direct_hop(server.host_port), "a@gatepost.test", "anna@remote.test", MAIL)

    return asyncio.run(scenario()).transcript


def test_an_attempt_keeps_both_sides_from_the_greeting_to_the_last_answer() -> None:
    lines = said(Script(replies={"DOT": ["250 2.0.0 queued as 7|thanks"]})).split("\n")
    assert lines[0] == "S: 220 fake.test ESMTP"
    assert lines[1].startswith("C: EHLO ")
    assert "C: RCPT TO:<anna@remote.test>" in lines
    assert lines[-3:] == [f"C: ({len(MAIL)} bytes)", "S: 250-2.0.0 queued as 7", "S: 250 thanks"]
    assert not any("nobody reads" in line or "secret plans" in line for line in lines)


def test_a_refusal_is_the_last_line() -> None:
    assert said(Script(replies={"RCPT": ["550 5.1.1 no such user"]})).endswith("S: 550 5.1.1 no such user")


def test_lost_connections_are_remarks() -> None:
    assert "was lost" in said(Script(cut=["RCPT"])).split("\n")[-1]
    assert "was lost" in said(Script(cut=["DOT"])).split("\n")[-1]
    gone = asyncio.run(transact(Hop("127.0.0.1", 9), "a@gatepost.test", "anna@remote.test", MAIL))
    assert gone.transcript.startswith("* ")
    assert "refused the connection" in gone.transcript


def test_secrets_are_masked_even_where_the_server_repeats_them(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = server_context(certificate, key)

    async def scenario(script: Script) -> str:
        async with smtp_server(script) as server:
            hop = Hop("127.0.0.1", server.port, username="shop", password="hunter2secret", ca=str(certificate))
            return (await transact(hop, "a@gatepost.test", "anna@remote.test", MAIL)).transcript

    for offered in ("PLAIN", "LOGIN"):
        logins = {"shop": "hunter2secret"}
        good = asyncio.run(scenario(Script(tls=tls, logins=logins, auth=offered)))
        assert f"C: AUTH {offered} ***" in good
        assert "C: STARTTLS" in good
        assert "encrypted with TLSv1.3" in good
        refused = ["535 5.7.8 hunter2secret is wrong, c2hvcA== AHNob3AAaHVudGVyMnNlY3JldA=="]
        bad = asyncio.run(scenario(Script(tls=tls, logins=logins, auth=offered, replies={"AUTH": refused})))
        assert "*** is wrong" in bad
        for secret in ("hunter2secret", "AHNob3AAaHVudGVyMnNlY3JldA==", "aHVudGVyMnNlY3JldA=="):
            assert secret not in good + bad


def test_a_kept_connection_shows_how_it_was_opened() -> None:
    async def scenario() -> list[str]:
        async with smtp_server(Script(replies={"RCPT": ["550 5.1.1 no", "250 2.1.5 ok"]})) as server:
            pool = Pool()
            hop = direct_hop(server.host_port)
            sent = [await transact(hop, "a@gatepost.test", f"{n}@remote.test", MAIL, pool=pool) for n in "ab"]
            await pool.close()
            return [each.transcript for each in sent]

    first, second = asyncio.run(scenario())
    assert second.startswith("S: 220 fake.test ESMTP")
    assert "kept from an earlier mail" in second
    assert "b@remote.test" in second
    assert "a@remote.test" not in second
    assert first.endswith("S: 550 5.1.1 no")


def test_a_hostile_server_fills_no_more_than_its_share() -> None:
    text = said(Script(replies={"RCPT": ["550 " + "|".join(["\x1b[31m\u202ex" * 60] * 300)]}))
    assert len(text.encode()) <= LIMIT
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_end_is_kept_where_it_is_too_long() -> None:
    dialogue = Dialogue()
    for number in range(390):
        dialogue.client(f"{number} " + "ö" * 500)
    dialogue.server(250, "the end")
    text = dialogue.text()
    assert len(text.encode()) <= LIMIT
    assert text.startswith("C: 0 ")
    assert text.endswith("S: 250 the end")


def test_it_is_stored_with_its_attempt_and_forgotten_after_30_days(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(replies={"RCPT": ["550 5.1.1 no such user"]})) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                message_id = await asyncio.wrap_future(accept(relay, submit(), clock()))
                (row,) = await until(relay, message_id, ended)
            await pool.close()
        (events,) = rows_of(gate, message_id)[1]
        with gate.database.session() as session:
            kept = transcripts_of(session, row.id)
        assert list(kept) == [events[0].id]
        assert kept[events[0].id].endswith("S: 550 5.1.1 no such user")
        gate.ledger.write(lambda s: prune_transcripts(s, clock() + timedelta(days=29)))
        with gate.database.session() as session:
            assert transcripts_of(session, row.id)
        gate.ledger.write(lambda s: prune_transcripts(s, clock() + timedelta(days=31)))
        with gate.database.session() as session:
            assert transcripts_of(session, row.id) == {}

    asyncio.run(scenario())


def test_the_sandbox_plays_its_part(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with sending(gate, sandbox_route(gate, lambda: "", clock)):
            message_id = await asyncio.wrap_future(accept(gate, submit(recipients=("unknown@x.example",)), clock()))
            (row,) = await until(gate, message_id, ended)
        with gate.database.session() as session:
            (text,) = transcripts_of(session, row.id).values()
        assert "C: RCPT TO:<unknown@x.example>\nS: 550 5.1.1" in text

    asyncio.run(scenario())


def test_a_played_dialogue_ends_where_the_answer_belongs() -> None:
    after = pretended("sandbox.invalid", "us", "b@x", "a@y", 7, Reply(250, "2.0.0", "Ok"), after_data=True)
    assert after.endswith("C: (7 bytes)\nS: 250 2.0.0 Ok")
    none = pretended("sandbox.invalid", "us", "b@x", "a@y", 7, Reply(None, "5.1.2", "no domain"), after_data=False)
    assert none == "* no connection was made: 5.1.2 no domain"
