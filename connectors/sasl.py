"""Logging in to IMAP with an access token: XOAUTH2 (Google, Microsoft) and OAUTHBEARER (RFC 7628)."""

from typing import TYPE_CHECKING

from gatepost.connectors.trouble import TokenRefused, Trouble
from gatepost.connectors.wire import Connect, stage
from gatepost.reply import clean_text

if TYPE_CHECKING:
    from gatepost.connectors.imap import Client

MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
MOST_TEXT = 500


class Bearer:
    """What we say: the token, and to the server's reasons the empty answer that ends the exchange."""

    def __init__(self, mechanism: str, settings: Connect) -> None:
        self.mechanism = mechanism
        self.reasons: list[str] = []
        self.first = first_message(mechanism, settings)
        self.said = False

    def __call__(self, challenge: bytes) -> bytes:
        """The next message. A server that refuses tells why as JSON, and waits."""
        if not self.said:
            self.said = True
            return self.first
        self.reasons.append(clean_text(challenge[:MOST_TEXT].decode("utf-8", "replace")))
        return b"" if self.mechanism == "XOAUTH2" else b"\1"


def first_message(mechanism: str, settings: Connect) -> bytes:
    """The message that carries the token (RFC 7628 section 3.1; XOAUTH2 as Google describes it)."""
    if mechanism == "XOAUTH2":
        return f"user={settings.username}\1auth=Bearer {settings.bearer}\1\1".encode()
    name = settings.username.replace("=", "=3D").replace(",", "=2C")
    where = f"host={settings.host}\1port={settings.port}"
    return f"n,a={name},\1{where}\1auth=Bearer {settings.bearer}\1\1".encode()


def log_in_by_token(client: "Client") -> None:
    """AUTHENTICATE with the first mechanism of ours that the server knows. Raises Trouble; TokenRefused for its no."""
    settings, wire = client.settings, client.wire
    offered = [name for name in MECHANISMS if f"AUTH={name}" in wire.capabilities]
    if not offered:
        what = f"{settings.host} takes no logins by access token."
        raise Trouble("host", what, "Check Host, or connect this mailbox with a password.", lasting=True)
    if "\1" in settings.username or "\1" in settings.bearer:
        raise Trouble("username", "The user name has a control character.", "Write it anew.", lasting=True)
    bearer = Bearer(offered[0], settings)
    try:
        with stage("login", settings):
            wire.allow()
            client.sasl_login(bearer.mechanism, bearer)
    except Trouble as trouble:
        if not bearer.reasons and not trouble.lasting:
            raise  # the connection broke, or the server cannot check logins now
        if trouble.field == "server":
            raise
        said = clean_text(" ".join((str(trouble.__cause__), *bearer.reasons)))[:MOST_TEXT]
        raise TokenRefused(settings.host, settings.username, said) from None
