"""AUTH PLAIN (RFC 4616) and LOGIN: user name and secret out of the exchange (RFC 4954). No I/O but `ask`."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable

from gatepost.reply import Refused

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a base64 challenge after 334 and returns the client's line."""

USERNAME = b"VXNlcm5hbWU6"
PASSWORD = b"UGFzc3dvcmQ6"


async def read_login(argument: str, ask: Ask) -> tuple[str, str]:
    """The user name and secret that the client gives. Raises Refused."""
    mechanism, _, initial = argument.partition(" ")
    first = initial.strip().encode("ascii", "replace")
    if mechanism.upper() == "PLAIN":
        return read_plain(decode(first or await ask(b"")))
    if mechanism.upper() == "LOGIN":
        username = decode(first or await ask(USERNAME))
        return as_text(username), as_text(decode(await ask(PASSWORD)))
    raise Refused(504, "5.5.4", "Use AUTH PLAIN or AUTH LOGIN")


def read_plain(message: bytes) -> tuple[str, str]:
    """`authzid NUL authcid NUL password`; acting for somebody else is not offered. Raises Refused."""
    fields = message.split(b"\0")
    if len(fields) != 3 or fields[0] not in (b"", fields[1]):
        raise Refused(501, "5.5.2", "The AUTH PLAIN message must be NUL, user name, NUL, secret in base64")
    return as_text(fields[1]), as_text(fields[2])


def decode(line: bytes) -> bytes:
    """One base64 line; `=` is the empty string, `*` gives up. Raises Refused."""
    if line == b"*":
        raise Refused(501, "5.7.0", "The log-in was cancelled")
    if line == b"=":
        return b""
    try:
        return b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(501, "5.5.2", "The AUTH message is not base64") from None


def as_text(octets: bytes) -> str:
    """UTF-8 text. Raises Refused."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise Refused(501, "5.5.2", "The AUTH message is not UTF-8 text") from None
