"""What went wrong with a mailbox, in words that name the field and the fix; server texts are read, never shown."""

import imaplib
import ssl

from gatepost.connectors.refusals import find_refusal, wait_asked

SECURITIES = ("tls", "starttls", "none")


class Trouble(Exception):
    """A mailbox that cannot be read now.

    `field` is the form's field or "server"; `lasting`: a person must act; `broken`: what the server said makes no
    sense, so the mail that was asked for may be the cause. `wait`: seconds that the server wants to be left alone, 0
    where it does not say. `state`: the account's state from now on, where that is certain at once.
    """

    def __init__(
        self,
        field: str,
        what: str,
        fix: str,
        *,
        lasting: bool = False,
        broken: bool = False,
        wait: float = 0,
        state: str = "",
    ) -> None:
        super().__init__(f"{what} {fix}")
        self.field = field
        self.what = what
        self.fix = fix
        self.lasting = lasting
        self.broken = broken
        self.wait = wait
        self.state = state


class TokenRefused(Trouble):
    """The mail server refused a token that the provider gave; `text` is what it said.

    Never a reason to ask a person to log in again: IMAP may be switched off, or the provider may have trouble.
    """

    def __init__(self, host: str, username: str, text: str) -> None:
        super().__init__(
            "username",
            f"{host} does not open the mailbox {username} with this login.",
            "Check that IMAP is switched on for it, and that whoever logged in may open it. Gatepost tries again.",
        )
        self.text = text


class DayUsedUp(Trouble):
    """As much as a provider lets us fetch in a day is fetched; it goes on by itself."""

    def __init__(self, host: str, octets: int) -> None:
        what = f"{host} lets {octets // 10**6:,} MB be fetched in a day, and they are used up."
        super().__init__("server", what, "Fetching goes on by itself in some hours.", wait=3600)


class Nonsense(Exception):
    """A server's answer that breaks a limit or the protocol."""


LATER = "Gatepost tries again by itself."
HOST_FIXES = (
    ("gmail.com", "Gmail wants an app password (Google Account, Security, 2-Step Verification)."),
    ("googlemail.com", "Gmail wants an app password (Google Account, Security, 2-Step Verification)."),
    ("office365.com", "Microsoft 365 takes no passwords for IMAP: its own login is needed."),
    ("outlook.com", "Outlook.com takes no passwords for IMAP: its own login is needed."),
    ("mail.yahoo.com", "Yahoo wants an app password (Account security, Generate app password)."),
    ("mail.me.com", "iCloud wants an app-specific password (Apple Account, Sign-In and Security)."),
)


def recognise(text: str) -> Trouble | None:
    """The trouble that a server's refusal names, if we know its words."""
    known = find_refusal(text)
    if known is None:
        return None
    return Trouble(known.field, known.what, known.fix or LATER, lasting=known.lasting, wait=wait_asked(text))


def explain(stage: str, error: Exception, host: str, port: int, security: str) -> Trouble:
    """The trouble behind an exception at a stage: connect, tls, greeting, starttls, login, folder or fetch."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return bad_certificate(error, host)
    if isinstance(error, Nonsense):
        return Trouble("server", f"{host} broke the rules of IMAP: {error}.", LATER, broken=True)
    if stage == "connect":
        return nothing_answers(host, port)
    if isinstance(error, ssl.SSLError) or stage == "tls":
        return no_tls(host, port, security)
    if stage == "greeting":
        return no_greeting(error, host, port, security)
    if isinstance(error.__context__, imaplib.IMAP4.abort):  # imapclient calls every end of a login a refusal
        error = error.__context__
    known = recognise(str(error)) if isinstance(error, imaplib.IMAP4.error) else None
    if known:
        return known
    if stage == "login" and isinstance(error, imaplib.IMAP4.error) and not isinstance(error, imaplib.IMAP4.abort):
        return refused_login(host)
    return broken_off(error, host)


def bad_certificate(error: ssl.SSLCertVerificationError, host: str) -> Trouble:
    """A certificate that does not prove the host."""
    reason = (getattr(error, "verify_message", "") or "it cannot be checked").rstrip(".")
    what = f"The certificate of {host} is not trusted: {reason}."
    return Trouble(
        "host", what, "Check Host: it must be a name in the certificate, signed by a known authority.", lasting=True
    )


def nothing_answers(host: str, port: int) -> Trouble:
    """Nobody listens; refused and filtered read alike, so that this form does not scan networks."""
    fix = "Check Host and Port: IMAP uses 993 with TLS and 143 with STARTTLS."
    return Trouble("port", f"Nothing answers on port {port} of {host}.", fix)


def no_tls(host: str, port: int, security: str) -> Trouble:
    """The TLS handshake failed for another reason than the certificate."""
    if security == "tls":
        fix = "Set Security to STARTTLS, or Port to 993."
        return Trouble("security", f"Port {port} of {host} does not speak TLS from the first byte.", fix)
    return Trouble(
        "security", f"{host} offers STARTTLS, but no TLS came about.", "Set Security to TLS and Port to 993."
    )


def no_greeting(error: Exception, host: str, port: int, security: str) -> Trouble:
    """Connected, but what came was no IMAP greeting (RFC 3501 section 7.1)."""
    if "BYE" in str(error)[:40] or recognise(str(error)):
        return Trouble("server", f"{host} turned us away.", LATER)
    if security != "tls" and isinstance(error, TimeoutError | ConnectionError):
        fix = "Set Security to TLS, and Port to 993."
        return Trouble(
            "security", f"Port {port} of {host} says nothing: it seems to want TLS from the first byte.", fix
        )
    fix = "Check Port: IMAP uses 993 with TLS and 143 with STARTTLS."
    return Trouble("port", f"What answers on port {port} of {host} is not an IMAP server.", fix)


def refused_login(host: str) -> Trouble:
    """The server said no to the user name or the password."""
    hint = next((fix for end, fix in HOST_FIXES if host == end or host.endswith(f".{end}")), None)
    fix = hint or "Check User name and Password; a provider with two-step login wants an app password instead."
    return Trouble("password", f"{host} refused the user name or the password.", fix, lasting=True)


def broken_off(error: Exception, host: str) -> Trouble:
    """Anything else: the connection ended, or an answer that nobody understands."""
    if isinstance(error, TimeoutError):
        return Trouble("server", f"{host} stopped answering.", LATER)
    if isinstance(error, OSError | imaplib.IMAP4.abort):
        return Trouble("server", f"{host} ended the connection.", LATER)
    if isinstance(error, imaplib.IMAP4.error):
        return Trouble("server", f"{host} refused a request.", LATER, broken=True)
    return Trouble("server", f"{host} gave an answer that makes no sense.", LATER, broken=True)


def refused(trouble: Trouble) -> bool:
    """Whether the server said no, in order, and the connection is as good as before."""
    cause = trouble.__cause__
    return trouble.broken and isinstance(cause, imaplib.IMAP4.error) and not isinstance(cause, imaplib.IMAP4.abort)
