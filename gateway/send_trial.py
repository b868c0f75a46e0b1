"""Trying the server that a mailbox sends over: connect, encrypt, log in, and hand in a mail where one is given."""

import asyncio
import hashlib
from dataclasses import replace

from gatepost.codes import explain
from gatepost.gateway.route import Hop
from gatepost.gateway.send import transact
from gatepost.gateway.send_connection import Timeouts, open_connection
from gatepost.gateway.send_trouble import Trouble
from gatepost.reply import Reply

TIMEOUTS = Timeouts(connect=10, command=15, data=20, block=20, dot=60, until_dot=90)
CLOSING_SECONDS = 0.1
WRONG_TLS = ("wrong version number", "wrong_version_number", "record layer failure", "http request")
UNTRUSTED = ("certificate", "hostname mismatch", "self-signed", "self signed")

Tried = tuple[bool, str, str, str]
"""Whether it worked, what happened, the fix, and the form's field to look at."""


def try_sending(hop: Hop, address: str, content: bytes | None = None) -> Tried:
    """Log in as mail would; with `content` hand it in from `address` to itself. Nothing raises; it takes two minutes
    at most.
    """
    return asyncio.run(try_and_close(hop, address, content))


def try_login(hop: Hop) -> tuple[Tried, bool]:
    """Log in, and whether a failure may pass by itself: a server that does not answer, or says 4xx."""
    return asyncio.run(login_and_close(hop))


async def login_and_close(hop: Hop) -> tuple[Tried, bool]:
    try:
        return await login_now(hop)
    finally:
        await asyncio.sleep(CLOSING_SECONDS)


async def try_and_close(hop: Hop, address: str, content: bytes | None) -> Tried:
    """As `try_now`; the loop lives until what was closed is closed."""
    try:
        return await try_now(hop, address, content)
    finally:
        await asyncio.sleep(CLOSING_SECONDS)


async def try_now(hop: Hop, address: str, content: bytes | None) -> Tried:
    if content is None:
        return (await login_now(hop))[0]
    sent = await transact(hop, address, address, content, timeouts=TIMEOUTS)
    if sent.reply.positive:
        return True, f"{hop.host} took a mail to {address}.", "", ""
    return await refused(hop, sent.stage, sent.reply, address)


async def login_now(hop: Hop) -> tuple[Tried, bool]:
    try:
        connection = await open_connection(hop, TIMEOUTS)
    except Trouble as trouble:
        return await refused(hop, trouble.stage, trouble.reply), may_pass(trouble.stage, trouble.reply)
    said = f"{hop.host} takes our login for sending, over {connection.tls or 'a connection without TLS'}."
    await connection.leave()
    return (True, said, "", ""), False


def may_pass(stage: str, reply: Reply) -> bool:
    """Whether the same settings may work later: after 4xx, or silence; wrong names, TLS and logins are wrong then, too.

    What the server refused for good comes without its code (`refusal`).
    """
    silent = (reply.status or "").startswith("4.4.") and reply.status != "4.4.3"
    return stage != "tls" and (reply.temporary if reply.code else silent)


async def refused(hop: Hop, stage: str, reply: Reply, address: str = "") -> Tried:
    """What went wrong, in words that name the setting."""
    text = reply.text.lower()
    if stage == "tls" and any(words in text for words in WRONG_TLS):
        what = f"{hop.host} does not speak TLS from the first byte on port {hop.port}."
        return False, what, "Set Security for sending to STARTTLS, or Port to 465.", "smtp_security"
    if stage == "tls" and reply.status == "4.7.10":
        what = f"{hop.host} does not offer STARTTLS on port {hop.port}."
        return False, what, "Set Security for sending to TLS and Port to 465.", "smtp_security"
    if stage == "tls" and any(words in text for words in UNTRUSTED):
        what = f"The certificate of {hop.host} is not trusted: {reply.text}.{await fingerprint(hop)}"
        return False, what, "Check the server's name: it must be one in the certificate.", "smtp_host"
    if stage == "connect" and reply.status == "4.4.3":
        return False, f"There is no server named {hop.host}.", "Check its name for typing errors.", "smtp_host"
    if stage == "connect":
        fix = "Check server and port: sending uses 465 with TLS and 587 with STARTTLS."
        if reply.status == "4.4.2" and not hop.implicit_tls and hop.port == 465:
            fix = "Set Security for sending to TLS: port 465 speaks it from the first byte."
        return False, f"No mail server answers on port {hop.port} of {hop.host}.", fix, "smtp_port"
    explained = explain(reply, address)
    field = "smtp_password" if stage == "auth" else "smtp_host"
    return False, f"{hop.host} refused: {explained.reason} ({reply}).", explained.advice, field


async def fingerprint(hop: Hop) -> str:
    """A sentence with the certificate's SHA-256 fingerprint, read over a connection that does not log in."""
    bare = replace(hop, username="", password="", auth="password", starttls="encrypted", ca=None)
    try:
        connection = await open_connection(bare, TIMEOUTS)
    except Trouble:
        return ""
    secured = connection.wire.transport.get_extra_info("ssl_object")
    octets = secured.getpeercert(True) if secured else b""
    await connection.leave()
    digits = hashlib.sha256(octets or b"").hexdigest().upper()
    shown = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    return f" Its SHA-256 fingerprint is {shown}." if octets else ""
