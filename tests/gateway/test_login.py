"""AUTH messages: user name and secret, or a reply."""

import asyncio
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.login import decode, read_login, read_plain
from gatepost.reply import Refused


def log_in(argument: str, *lines: bytes) -> tuple[tuple[str, str], list[bytes]]:
    challenges: list[bytes] = []
    waiting = list(lines)

    async def ask(challenge: bytes) -> bytes:
        challenges.append(challenge)
        return waiting.pop(0)

    return asyncio.run(read_login(argument, ask)), challenges


def test_plain_and_login_with_and_without_initial_response() -> None:
    message = b64encode("\0shöp\0s3cret".encode())
    name, secret = b64encode("shöp".encode()), b64encode(b"s3cret")
    both = ("shöp", "s3cret")
    assert log_in("plain " + message.decode()) == (both, [])
    assert log_in("PLAIN", message) == (both, [b""])
    assert log_in("LOGIN", name, secret) == (both, [b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"])
    assert log_in("LOGIN " + name.decode(), secret) == (both, [b"UGFzc3dvcmQ6"])


def test_nobody_acts_for_somebody_else() -> None:
    assert read_plain(b"shop\0shop\0s") == ("shop", "s")
    with pytest.raises(Refused, match=r"^501 5\.5\.2"):
        read_plain(b"admin\0shop\0s")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_any_message_is_read_or_refused(line: bytes) -> None:
    code = 0
    try:
        read_plain(decode(line))
    except Refused as refused:
        code = refused.reply.code or 0
    assert code in (0, 501)
