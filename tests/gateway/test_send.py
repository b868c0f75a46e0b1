"""One transaction against a scripted server: every trouble is a Reply, and a mail is uncertain only after the dot."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.route import Hop, TlsPolicy
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_connection import Timeouts
from gatepost.gateway.send_data import canonical, stuffed
from gatepost.gateway.send_pool import Pool
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import FakeServer, Script, smtp_server

MAIL = b"From: a@gatepost.test\r\nTo: b@example.test\r\nSubject: x\r\n\r\n.leading dot\r\nbody\r\n"
QUICK = Timeouts(connect=5, command=5, data=5, block=5, dot=5)
IMPATIENT = QUICK.scaled(0.05)


def send(
    script: Script,
    *,
    mail_from: str = "b+tok@bounce.gatepost.test",
    to: str = "b@example.test",
    content: bytes = MAIL,
    timeouts: Timeouts = QUICK,
    policy: TlsPolicy = "none",
    smtputf8: bool = False,
    **hop: Any,
) -> tuple[Sent, FakeServer]:
    """One transaction with a server of this script."""

    async def scenario() -> tuple[Sent, FakeServer]:
        async with smtp_server(script) as server:
            target = Hop(hop.pop("host", "127.0.0.1"), server.port, starttls=policy, **hop)
            return await transact(target, mail_from, to, content, smtputf8=smtputf8, timeouts=timeouts), server

    return asyncio.run(scenario())


def test_an_accepted_mail_arrives_unchanged() -> None:
    sent, server = send(Script())
    assert (sent.reply.code, sent.reply.status, sent.reply.text) == (250, "2.0.0", "queued as 1")
    assert (sent.stage, sent.tls, sent.uncertain, sent.remote_host) == ("dot", None, False, "127.0.0.1")
    assert [mail.content for mail in server.mails] == [MAIL]
    assert server.mails[0].mail_from == f"FROM:<b+tok@bounce.gatepost.test> SIZE={len(MAIL)}"
    assert server.mails[0].recipients == ("TO:<b@example.test>",)
    assert "EHLO localhost" in server.commands


def test_the_null_reverse_path() -> None:
    _, server = send(Script(extensions=()), mail_from="")
    assert server.mails[0].mail_from == "FROM:<>"


def test_host_and_address_are_kept_both() -> None:
    sent, _ = send(Script(), host="localhost")
    assert sent.remote_host == "localhost [127.0.0.1]"


@pytest.mark.parametrize(
    ("verb", "answer", "stage", "code", "status"),
    [
        ("MAIL", "550 5.7.1 not you", "mail", 550, "5.7.1"),
        ("MAIL", "421 4.7.0 too many", "mail", 421, "4.7.0"),
        ("RCPT", "550 5.1.1 no such user", "rcpt", 550, "5.1.1"),
        ("RCPT", "452 4.2.2 mailbox|4.2.2 is full", "rcpt", 452, "4.2.2"),
        ("DATA", "554 5.7.1 no", "data", 554, "5.7.1"),
        ("DATA", "250 what", "data", None, "4.5.0"),
        ("DOT", "552 5.3.4 too big", "dot", 552, "5.3.4"),
        ("DOT", "451 4.3.0 later", "dot", 451, "4.3.0"),
        ("RCPT", "354 go on", "rcpt", None, "4.5.0"),
        ("CONNECT", "421 4.3.2 busy", "connect", 421, "4.3.2"),
        ("CONNECT", "554 5.7.1 blocked", "connect", None, "4.3.2"),
        ("CONNECT", "250 hello", "connect", None, "4.3.2"),
    ],
)
def test_an_answer_becomes_the_reply(verb: str, answer: str, stage: str, code: int | None, status: str) -> None:
    sent, server = send(Script(replies={verb: [answer]}))
    assert (sent.stage, sent.reply.code, sent.reply.status, sent.uncertain) == (stage, code, status, False)
    assert sent.reply.permanent == (code is not None and code >= 500)
    assert not server.mails


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [b"2500 what\r\n", b"250x what\r\n", b"250\t2.0.0 ok\r\n", b"3540\r\n"])
def test_a_code_with_something_behind_it_is_none(verb: str, answer: bytes) -> None:
    sent, server = send(Script(replies={verb: [answer]}))
    assert (sent.stage, sent.reply.code, sent.reply.temporary) == (verb.lower(), None, True)
    assert "Malformed" in sent.reply.text
    assert not server.mails


@pytest.mark.parametrize("answer", [b"250\r\n", b"250 \r\n", b"250\n", b"250-\r\n250\r\n"])
def test_a_code_alone_is_an_answer(answer: bytes) -> None:
    sent, server = send(Script(replies={"MAIL": [answer]}))
    assert (sent.reply.code, len(server.mails)) == (250, 1)


def test_several_lines_become_one_text() -> None:
    sent, _ = send(Script(replies={"RCPT": ["550 5.1.1 no|5.1.1 such|5.1.1 user"]}))
    assert sent.reply.text == "no such user"


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_a_cut_before_the_dot_is_temporary(verb: str) -> None:
    sent, server = send(Script(cut=[verb]), content=MAIL + b"x" * 70 + b"\r\n")
    assert sent.reply.temporary
    assert not sent.uncertain or verb == "BODY"
    assert not server.mails


def test_a_cut_in_a_large_body_is_not_uncertain() -> None:
    sent, _ = send(Script(cut=["BODY"]), content=MAIL + (b"y" * 76 + b"\r\n") * 200_000)
    assert (sent.stage, sent.uncertain, sent.reply.status) == ("data", False, "4.4.2")


def test_a_cut_after_the_dot_is_uncertain() -> None:
    sent, _ = send(Script(cut=["DOT"]))
    assert (sent.stage, sent.uncertain, sent.reply.code, sent.reply.temporary) == ("dot", True, None, True)


def test_silence_after_the_dot_is_uncertain() -> None:
    sent, _ = send(Script(delays={"DOT": 30}), timeouts=IMPATIENT)
    assert (sent.stage, sent.uncertain) == ("dot", True)


def test_a_server_that_drags_everything_out_is_given_up_before_the_dot() -> None:
    slow = Script(delays={"EHLO": 0.2, "MAIL": 0.2, "RCPT": 0.2, "DATA": 30})
    sent, server = send(slow, timeouts=replace(QUICK, command=60, data=60, until_dot=1))
    assert (sent.reply.status, sent.uncertain, server.mails) == ("4.4.2", False, [])
    assert "too slow" in sent.reply.text


def test_the_limit_is_lifted_before_the_dot() -> None:
    sent, server = send(Script(delays={"DOT": 1.5}), timeouts=replace(QUICK, dot=20, until_dot=1))
    assert (sent.reply.code, len(server.mails)) == (250, 1)


@pytest.mark.parametrize("answer", [b"hello\r\n", b"999 what\r\n", b"2500 ok\r\n", b"250 " + b"x" * 100_000])
def test_nonsense_after_the_dot_is_uncertain(answer: bytes) -> None:
    sent, _ = send(Script(replies={"DOT": [answer]}), timeouts=IMPATIENT)
    assert (sent.stage, sent.uncertain, sent.reply.temporary) == ("dot", True, True)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_silence_is_temporary(verb: str) -> None:
    sent, _ = send(Script(delays={verb: 30}), timeouts=IMPATIENT)
    assert (sent.reply.code, sent.reply.status, sent.uncertain) == (None, "4.4.2", False)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "answer", [b"250-" + b"x" * 10_000_000, b"250-y\r\n" * 1_400_000, b"\x00\xff\r\n", b"-12 x\r\n"]
)
def test_a_hostile_answer_is_bounded_and_temporary(verb: str, answer: bytes) -> None:
    sent, _ = send(Script(replies={verb: [answer]}), timeouts=QUICK.scaled(0.2))
    assert sent.reply.temporary
    assert len(sent.reply.text) <= 2048
    assert sent.uncertain == (verb == "DOT")


def test_an_answer_in_the_midst_of_the_content_counts() -> None:
    sent, server = send(Script(early="552 5.3.4 too big"), content=MAIL + (b"y" * 76 + b"\r\n") * 200_000)
    assert (sent.reply.code, sent.stage, sent.uncertain) == (552, "data", False)
    assert not server.mails


def test_an_early_yes_is_not_believed() -> None:
    sent, _ = send(Script(early="250 2.0.0 fine"), content=MAIL + (b"y" * 76 + b"\r\n") * 200_000)
    assert (sent.reply.status, sent.reply.temporary) == ("4.5.0", True)


@pytest.mark.parametrize(("early", "status"), [(b"250 2.0.0 taken", "4.5.0"), (b"552 5.3.4 too big", "5.3.4")])
def test_an_answer_beside_the_go_ahead_is_none_to_the_mail(early: bytes, status: str) -> None:
    """A server that is out of step says yes before it has the mail, which is not delivered so."""
    go_ahead = b"354 go ahead\r\n" + early + b"\r\n"
    sent, server = send(Script(replies={"DATA": [go_ahead], "DOT": ["550 5.7.1 no"]}))
    assert (sent.reply.status, sent.stage, sent.uncertain) == (status, "data", False)
    assert not server.mails


def test_a_refused_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sent = asyncio.run(
            transact(Hop("127.0.0.1", taken.getsockname()[1], starttls="none"), "a@x.test", "b@x.test", MAIL)
        )
    assert (sent.reply.code, sent.reply.status, sent.stage) == (None, "4.4.1", "connect")
    assert "refused the connection" in sent.reply.text


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".test", "a..b"])
def test_a_name_that_is_not_there(host: str) -> None:
    sent = asyncio.run(transact(Hop(host, 25, starttls="none"), "a@x.test", "b@x.test", MAIL, timeouts=QUICK))
    assert sent.reply.temporary
    assert sent.reply.code is None


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("", "5.1.3"),
        ("a\r\nDATA@x.test", "5.1.3"),
        ("a b@x.test", "5.1.3"),
        ("a@x.test> SIZE=1", "5.1.3"),
        ("nobody", "5.1.3"),
    ],
)
def test_an_unusable_recipient_never_reaches_the_wire(to: str, status: str) -> None:
    sent, server = send(Script(), to=to)
    assert (sent.reply.status, sent.reply.permanent) == (status, True)
    assert server.connections == 0


def test_an_unusable_sender() -> None:
    assert send(Script(), mail_from="a\n@x.test")[0].reply.status == "5.1.7"


def test_a_quoted_local_part_may_hold_a_space() -> None:
    assert send(Script(), to='"a b"@x.test')[1].mails[0].recipients == ('TO:<"a b"@x.test>',)


def test_a_mail_larger_than_the_server_takes_is_not_sent() -> None:
    sent, server = send(Script(extensions=("SIZE 10",)))
    assert (sent.reply.code, sent.reply.status) == (None, "5.3.4")
    assert not any(line.startswith("MAIL") for line in server.commands)


def test_letters_beyond_ascii_need_smtputf8() -> None:
    assert send(Script(extensions=()), to="jörg@x.test")[0].reply.status == "5.6.7"
    assert send(Script(extensions=()), smtputf8=True)[0].reply.status == "5.6.7"
    sent, server = send(Script(), to="jörg@x.test", content=MAIL + "ö\r\n".encode())
    assert sent.reply.positive
    assert server.mails[0].mail_from.endswith(" BODY=8BITMIME SMTPUTF8")
    assert server.mails[0].recipients == ("TO:<jörg@x.test>",)


def test_a_server_that_knows_only_helo() -> None:
    sent, server = send(Script(replies={"EHLO": ["502 5.5.1 what?"]}))
    assert sent.reply.positive
    assert "HELO localhost" in server.commands


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_login(method: str) -> None:
    sent, server = send(Script(logins={"us": "pä55"}, auth=method), username="us", password="pä55")
    assert sent.reply.positive
    assert server.mails[0].user == "us"


@pytest.mark.parametrize(("script", "status"), [({"auth": "XYZ"}, "4.7.4"), ({"auth": "PLAIN"}, "4.7.8")])
def test_a_login_that_fails_is_our_trouble_and_temporary(script: dict[str, Any], status: str) -> None:
    sent, server = send(Script(logins={"us": "right"}, **script), username="us", password="wrong")
    assert (sent.stage, sent.reply.code, sent.reply.status) == ("auth", None, status)
    assert "wrong" not in sent.reply.text
    assert not server.mails


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return self_signed(tmp_path)


def test_starttls_with_a_private_ca(certificate: tuple[Path, Path]) -> None:
    script = Script(tls=server_context(*certificate))
    sent, server = send(script, policy="required", ca=str(certificate[0]), host="localhost")
    assert sent.reply.positive
    assert sent.tls == "TLSv1.3"
    assert server.mails[0].tls


def test_implicit_tls(certificate: tuple[Path, Path]) -> None:
    script = Script(tls=server_context(*certificate), implicit=True)
    sent, server = send(script, policy="required", ca=str(certificate[0]), implicit_tls=True)
    assert sent.reply.positive
    assert (sent.tls, server.mails[0].tls) == ("TLSv1.3", True)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_is_of_the_name_also_where_its_address_was_looked_up(tmp_path: Path, implicit: bool) -> None:
    certificate = self_signed(tmp_path, "localhost", "192.0.2.1")
    script = Script(tls=server_context(*certificate), implicit=implicit)
    place: dict[str, Any] = {
        "address": "127.0.0.1",
        "ca": str(certificate[0]),
        "implicit_tls": implicit,
        "policy": "required",
    }
    sent, server = send(script, host="localhost", **place)
    assert (sent.reply.code, sent.remote_host, len(server.mails)) == (250, "localhost [127.0.0.1]", 1)
    wrong, server = send(Script(tls=server_context(*certificate), implicit=implicit), host="other.test", **place)
    assert (wrong.reply.status, len(server.mails)) == ("4.7.5", 0)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_nobody_vouches_for(certificate: tuple[Path, Path], implicit: bool) -> None:
    script = Script(tls=server_context(*certificate), implicit=implicit)
    sent, server = send(script, policy="required", implicit_tls=implicit)
    assert (sent.stage, sent.reply.code, sent.reply.status) == ("tls", None, "4.7.5")
    assert "self-signed certificate" in sent.reply.text
    assert not server.mails


def test_tls_required_but_not_offered() -> None:
    sent, server = send(Script(), policy="required")
    assert (sent.stage, sent.reply.status, sent.reply.temporary) == ("tls", "4.7.10", True)
    assert not any(line.startswith("MAIL") for line in server.commands)


def test_opportunistic_takes_any_certificate(certificate: tuple[Path, Path]) -> None:
    sent, server = send(Script(tls=server_context(*certificate)), policy="opportunistic")
    assert sent.reply.positive
    assert server.mails[0].tls


def test_opportunistic_goes_on_in_the_clear(certificate: tuple[Path, Path]) -> None:
    assert send(Script(), policy="opportunistic")[0].tls is None
    script = Script(tls=server_context(*certificate), replies={"STARTTLS": ["454 4.7.0 no TLS today"]})
    sent, server = send(script, policy="opportunistic")
    assert (sent.reply.code, sent.tls, server.connections) == (250, None, 2)


def test_a_password_never_travels_in_the_clear_unless_told() -> None:
    sent, server = send(Script(logins={"us": "pw"}), policy="opportunistic", username="us", password="pw")
    assert (sent.stage, sent.reply.status) == ("tls", "4.7.10")
    assert not any(line.startswith("AUTH") for line in server.commands)


def test_an_unreadable_ca_file_is_temporary() -> None:
    sent, _ = send(Script(), policy="required", ca="/nonexistent/ca.pem", implicit_tls=True)
    assert sent.reply.temporary
    assert not sent.uncertain


def test_the_same_on_uvloop(certificate: tuple[Path, Path]) -> None:
    async def scenario() -> list[tuple[int | None, str, bool, int]]:
        found = []
        content = MAIL + (b"y" * 76 + b"\r\n") * 50_000
        for script in (Script(tls=tls), Script(tls=tls, cut=["DOT"]), Script(tls=tls, early="552 5.3.4 no")):
            async with smtp_server(script) as server:
                hop = Hop("localhost", server.port, ca=str(certificate[0]))
                sent = await transact(hop, "a@x.test", "b@x.test", content, timeouts=QUICK)
                found.append((sent.reply.code, sent.stage, sent.uncertain, len(server.mails)))
        return found

    tls = server_context(*certificate)
    assert uvloop.run(scenario()) == [(250, "dot", False, 1), (None, "dot", True, 0), (552, "data", False, 0)]


def test_cancelling_closes_the_connection() -> None:
    async def scenario() -> None:
        async with smtp_server(Script(delays={"DATA": 60})) as server:
            hop = Hop("127.0.0.1", server.port, starttls="none")
            task = asyncio.create_task(transact(hop, "a@x.test", "b@x.test", MAIL, pool=Pool()))
            while "DATA" not in server.commands:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(scenario(), 20))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"a", b"\r\n.\r\n", b"\x00"]), max_size=40),
    st.integers(1, 7),
)
def test_no_stray_line_end_and_no_early_end_of_data(pieces: list[bytes], block: int) -> None:
    content = b"".join(pieces)
    wire = b"".join(stuffed(content, block))
    assert wire.count(b"\n") == wire.count(b"\r") == wire.count(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    lines = wire.split(b"\r\n")
    unstuffed = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    expected = canonical(content)
    assert unstuffed == (expected if expected.endswith(b"\r\n") or not expected else expected + b"\r\n")
