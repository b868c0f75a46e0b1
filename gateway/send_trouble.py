"""What goes wrong while sending, as a Reply: refused connections, names, TLS, silence, and answers that are no SMTP."""

import logging
import socket
import ssl

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from aiosmtplib.response import SMTPResponse

from gatepost.gateway.route import Hop
from gatepost.reply import Reply, clean_text, read_reply

log = logging.getLogger(__name__)
TELLING_LOGINS = ("5.7.3", "5.7.30", "5.7.57", "5.7.139")
"""What Microsoft answers where a login is not taken: wrong, without a token, not at all, or switched off."""


class Trouble(Exception):
    """A transaction that ended early, with the reply that says why and the stage it was in."""

    def __init__(self, reply: Reply, stage: str) -> None:
        super().__init__(str(reply))
        self.reply = reply
        self.stage = stage


def read_response(response: SMTPResponse) -> Reply:
    """The Reply of a response; a code outside 200 to 599 is no SMTP and becomes a temporary 4.5.0."""
    text = response.message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not 200 <= response.code <= 599:
        return Reply(None, "4.5.0", clean_text(f"an answer that is not SMTP: {response.code} {text[:200]}"))
    return read_reply(response.code, text)


def refusal(error: Exception, stage: str, hop: Hop) -> Reply:
    """The reply for trouble before MAIL: never permanent, it says something of the route, not of the recipient."""
    reply = trouble_reply(error, hop)
    if reply.temporary:
        return reply
    if isinstance(error, SMTPAuthenticationError):
        return Reply(None, login_status(reply), clean_text(f"{hop.host} refused our login: {reply}"))
    doing = {"connect": "refused the connection", "tls": "refused STARTTLS"}.get(stage, "refused our login")
    return Reply(None, "4.3.2", clean_text(f"{hop.host} {doing}: {reply}"))


def login_status(reply: Reply) -> str:
    """The status of a refused login: the server's own as temporary, where it tells more than that."""
    return f"4{reply.status[1:]}" if reply.status in TELLING_LOGINS else "4.7.8"


def trouble_reply(error: BaseException, hop: Hop) -> Reply:
    """What an exception means: the server's own words if there were any, else a temporary reply without code."""
    if isinstance(error, SMTPResponseException):
        return read_response(SMTPResponse(error.code, error.message))
    causes = chain(error)
    name = hop.host
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Reply(None, "4.4.3", f"the name {name} could not be looked up")
    if is_tls(error):
        detail = next((cause.verify_message for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), "")
        return Reply(None, "4.7.5", clean_text(f"TLS with {name} failed: {detail or causes[-1]}"))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Reply(None, "4.4.1", f"{name} port {hop.port} refused the connection")
    if isinstance(error, SMTPTimeoutError | TimeoutError):
        return Reply(None, "4.4.2", f"{name} port {hop.port} did not answer in time")
    if isinstance(error, SMTPServerDisconnected | ConnectionError | SMTPException):
        return Reply(None, "4.4.2", clean_text(f"the connection to {name} port {hop.port} was lost: {causes[-1]}"))
    if isinstance(error, OSError):
        return Reply(None, "4.4.1", clean_text(f"{name} port {hop.port} cannot be reached: {error.strerror or error}"))
    log.error("sending to %s failed", hop, exc_info=error)
    return Reply(None, "4.3.0", "internal trouble while sending; it will be tried again")


def is_tls(error: BaseException) -> bool:
    """Whether TLS was what failed."""
    return any(isinstance(cause, ssl.SSLError) for cause in chain(error))


def chain(error: BaseException) -> list[BaseException]:
    """The exception and what caused it, at most ten."""
    causes: list[BaseException] = [error]
    while len(causes) < 10 and (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    return causes
