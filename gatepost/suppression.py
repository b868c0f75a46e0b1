"""Whether a failure counts against an address, so that it is not written to again for a while: one pure decision."""

from datetime import timedelta

from gatepost.codes import by_words, normal
from gatepost.codes_data import DISABLED, FULL, MOVED, NO_DOMAIN, NULL_MX, UNKNOWN_USER
from gatepost.codes_entry import Entry
from gatepost.reply import Reply

EXPIRES = timedelta(days=90)
REMEMBERED = timedelta(days=30)
NEEDED = 2
PROOFS = ("dialogue", "return path")
AT_ONCE = frozenset(("1.1",))
ADDRESS_STATUSES = frozenset(("1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "7.17", "7.18"))
"""Statuses (RFC 3463, RFC 7505, RFC 7293) that say of the address itself that it takes no mail, now and later."""

ADDRESS_WORDS: tuple[Entry, ...] = (UNKNOWN_USER, DISABLED, MOVED, NO_DOMAIN, NULL_MX)


def would_suppress(reply: Reply, source: str, earlier: int = 0) -> tuple[bool, str]:
    """Whether this failure puts its address on the suppression list, and why.

    `source` is `dialogue` (our own SMTP session) or `return path` (a bounce at our signed address); no other is proof.
    `earlier` counts the address's other hard failures of the last 30 days, none of which a success came after.
    """
    hard, why = is_hard(reply)
    if not hard:
        return False, why
    if source not in PROOFS:
        return False, "Only our own dialogue or a bounce at a signed return path counts; this may be forged"
    if source == "dialogue" and normal(reply.status) in AT_ONCE:
        return True, "The server said while we spoke with it that the address does not exist"
    if earlier + 1 >= NEEDED:
        return True, f"This is hard failure {earlier + 1} of the address; {NEEDED} are enough"
    return False, f"The first hard failure of the address; {NEEDED} are needed"


def is_hard(reply: Reply) -> tuple[bool, str]:
    """Whether a reply says that the address itself takes no mail, and why (not).

    What the words tell of content, reputation, room or our own login comes before any code: servers misuse codes.
    """
    if not reply.permanent:
        return False, "Only a permanent failure counts"
    worded = by_words(reply.text)
    if worded is FULL or (worded is None and normal(reply.status) == "2.2"):
        return False, "A full mailbox may have room again"
    if worded and worded not in ADDRESS_WORDS:
        return False, f"The failure is not about the address: {worded.reason.format(address='it', domain='the domain')}"
    if normal(reply.status) in ADDRESS_STATUSES or (worded and not tells(reply)):
        return True, "The failure is about the address itself"
    return False, "The failure is about the content, the sender or the server, not about the address"


def tells(reply: Reply) -> bool:
    """Whether the status names something else than an address or a mailbox, whatever the words say."""
    return normal(reply.status).partition(".")[0] in ("3", "6", "7")
