"""An entry of the consent doctor's table, and the words that many of them share."""

from dataclasses import dataclass
from typing import Literal

Who = Literal["owner", "it", "admin", "nobody"]
Decision = Literal["person", "setup", "wait"]

RECONNECT = "needs reconnect"
APPROVAL = "needs admin approval"
DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One refusal. `who`: the mailbox's owner, the organisation's IT, the admin of Gatepost, or nobody but time.

    `decision`: a person must act at the provider, our own set-up is wrong (logins are not to blame), or it passes.
    """

    key: str
    what: str
    who: Who
    steps: tuple[str, ...]
    state: str = RECONNECT
    decision: Decision = "person"
    admin_link: bool = False


AGAIN = "Press Connect in Gatepost and log in once more."
SEND_LINK = "Send the approval link on the mailbox's page to an administrator of {tenant}; one click there is enough."
SEND_TOO = SEND_LINK[:1].lower() + SEND_LINK[1:]
TOLD = "You are told by mail when it is approved, and finish with one click and your own login."
LATER = "Nothing: Gatepost tries again by itself."
