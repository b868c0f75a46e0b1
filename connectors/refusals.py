"""What mail servers say when they refuse: one table for the form, for how long we stay away, and the consent doctor."""

import re
from dataclasses import dataclass

TEXT_LIMIT = 500
LONGEST_BACKOFF = 900.0
BACKOFF = re.compile(r"back-?off time:? (\d{1,9}) (milliseconds|ms|seconds|s)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal that holds one of `needles` (lower case): the form's field, what happened, the fix.

    `key` is its entry in the consent doctor's table, empty where there is none. Without a fix it passes by itself.
    `lasting`: a person must act. `wait`: so many seconds the server is left alone where it does not say for how long.
    """

    needles: tuple[str, ...]
    key: str
    field: str
    what: str
    fix: str = ""
    lasting: bool = False
    wait: float = 0


REFUSALS = (
    Refusal(
        ("privacyrequired",),
        "",
        "security",
        "The server takes no password without TLS.",
        "Set Security to TLS (port 993).",
        lasting=True,
    ),
    Refusal(
        ("authenticated but not connected",),
        "imap_not_connected",
        "server",
        "The server lets us in, but does not open the mailbox just now.",
        "Gatepost tries again by itself. If it stays so, ask who runs it whether IMAP is allowed for this mailbox.",
        wait=120,
    ),
    Refusal(
        ("application-specific password", "app password"),
        "imap_app_password",
        "password",
        "The provider wants an app password.",
        "Make one in the security settings of the mail account and enter it as Password.",
        lasting=True,
    ),
    Refusal(
        ("basic authentication is disabled",),
        "imap_app_password",
        "password",
        "The provider takes no passwords for IMAP.",
        "Connect this mailbox through the provider's own login.",
        lasting=True,
    ),
    Refusal(
        ("web login required", "via your web browser"),
        "imap_app_password",
        "password",
        "The provider wants a login in the browser, or an app password.",
        "Log in to the mail account in a browser once, or make an app password and enter it as Password.",
        lasting=True,
    ),
    Refusal(
        ("not enabled for imap", "imap is disabled", "imap access is disabled", "imap is not enabled"),
        "imap_off",
        "username",
        "IMAP is switched off for this mailbox.",
        "Switch it on at the provider.",
        lasting=True,
    ),
    Refusal(("throttled",), "imap_throttled", "server", "The server slows us down.", wait=60),
    Refusal(
        ("too many",), "imap_throttled", "server", "The server has too many connections of this mailbox.", wait=300
    ),
    Refusal(
        ("[overquota]", "bandwidth limits"),
        "imap_throttled",
        "server",
        "The mailbox has used up its transfer limit.",
        wait=4 * 3600,
    ),
    Refusal(("[limit]",), "imap_throttled", "server", "The server has reached a limit of this mailbox."),
    Refusal(("[unavailable]",), "imap_busy", "server", "The server cannot check logins just now."),
    Refusal(("[inuse]",), "imap_busy", "server", "The mailbox is locked by another program."),
    Refusal(("server unavailable",), "imap_busy", "server", "The server is not available just now.", wait=60),
    Refusal(("temporar",), "imap_busy", "server", "The server has a temporary problem."),
    Refusal(("[serverbug]",), "imap_busy", "server", "The server has a problem of its own."),
)
"""The first that fits decides."""


def find_refusal(text: str) -> Refusal | None:
    """The refusal whose words a server's text holds, if we know them."""
    lowered = text[:TEXT_LIMIT].lower()
    return next((one for one in REFUSALS if any(needle in lowered for needle in one.needles)), None)


def wait_asked(text: str) -> float:
    """The seconds that a server's words ask us to stay away; 0 where they ask for nothing.

    Exchange: `Request is throttled. Suggested Backoff Time: 299961 milliseconds`; at most 15 minutes are believed.
    """
    found = BACKOFF.search(text[:TEXT_LIMIT])
    if found:
        seconds = int(found[1]) / (1000 if found[2].lower().startswith("m") else 1)
        return min(max(seconds, 1.0), LONGEST_BACKOFF)
    refusal = find_refusal(text)
    return refusal.wait if refusal else 0.0
