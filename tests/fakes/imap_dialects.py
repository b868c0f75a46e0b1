"""How single providers and broken servers speak IMAP, as data: each takes mails by UID and gives a script.

Lines of Gmail and Exchange are written as those servers send them; names of folders are localised there.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.fakes.imap import Script
from tests.fakes.imap_box import Box

Mails = Mapping[int, bytes]

GMAIL_BEFORE = (
    "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN "
    "AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER"
)
GMAIL_AFTER = (
    "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE "
    "CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
)
GMAIL_TOO_MANY = b"{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n"
GMAIL_OVER_QUOTA = b"{tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)\r\n"
GMAIL_EXPIRED = b"+ idling\r\n* BYE Session expired, please login again.\r\n"
EXCHANGE = (
    "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+ ENABLE "
    "IMAP4rev2"
)
EXCHANGE_THROTTLED = b"{tag} BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n"
EXCHANGE_NOT_CONNECTED = b"{tag} BAD User is authenticated but not connected.\r\n"
EXCHANGE_UNAVAILABLE = b"Server Unavailable. 15\r\n"
EXCHANGE_STAND_IN = (
    b"Subject: Retrieval using the IMAP4 protocol failed for the following message: 17\r\n"
    b"From: Microsoft Exchange Server\r\n\r\nThe server couldn't retrieve the following message:\r\n\r\nSubject: x\r\n"
)
NESTED = "\\HasChildren \\Noselect"


def gmail(mails: Mails, labels: Mapping[int, str] | None = None) -> Script:
    """Gmail in German: every mail in All Mail with its labels, some again in INBOX and Sent under other UIDs."""
    gm_ids = {uid: 1278455344230334800 + uid for uid in mails}
    said = labels or dict.fromkeys(mails, "\\Inbox")
    everything = Box(
        mails, "\\All \\HasNoChildren", uidvalidity=11, gm_ids=gm_ids, labels=said,
        modseqs={uid: 5000 + uid for uid in mails},
    )  # fmt: skip
    inbox = {uid + 1000: raw for uid, raw in mails.items() if "\\Inbox" in said[uid]}
    sent = {uid + 2000: raw for uid, raw in mails.items() if "\\Sent" in said[uid]}
    return Script(
        greeting=b"* OK Gimap ready for requests from 192.0.2.1 a1mb1234567qkb\r\n",
        capability=GMAIL_BEFORE,
        capability_after=GMAIL_AFTER,
        folders={
            "INBOX": Box(inbox, uidvalidity=1, gm_ids={uid: gm_ids[uid - 1000] for uid in inbox}),
            "[Gmail]": Box({}, NESTED),
            "[Gmail]/Alle Nachrichten": everything,
            "[Gmail]/Entw&APw-rfe": Box({}, "\\Drafts \\HasNoChildren", 6),
            "[Gmail]/Gesendet": Box(
                sent, "\\HasNoChildren \\Sent", 5, gm_ids={uid: gm_ids[uid - 2000] for uid in sent}
            ),
            "[Gmail]/Papierkorb": Box({}, "\\HasNoChildren \\Trash", 2),
            "[Gmail]/Spam": Box({}, "\\HasNoChildren \\Junk", 3),
            "[Gmail]/Markiert": Box({}, "\\Flagged \\HasNoChildren", 4),
            "Kunden": Box(inbox, uidvalidity=7),
        },
    )


def exchange(mails: Mails, sent: Mails | None = None) -> Script:
    """Exchange Online in Spanish: no SPECIAL-USE, no CONDSTORE; it says EXISTS again after every command."""
    return Script(
        greeting=b"* OK The Microsoft Exchange IMAP4 service is ready. [TQBB=]\r\n",
        capability=EXCHANGE,
        rewrites={"NOOP": ((rb"\A", f"* {len(mails)} EXISTS\r\n".encode()),)},
        folders={
            "INBOX": Box(mails, "\\Marked \\HasNoChildren", 14),
            "Borradores": Box({}, "\\HasNoChildren", 15),
            "Elementos enviados": Box(sent or {}, "\\HasNoChildren", 16),
            "Elementos eliminados": Box({1: b"Subject: thrown away\r\n\r\n"}, "\\HasNoChildren", 17),
            "Correo no deseado": Box({1: b"Subject: spam\r\n\r\n"}, "\\HasNoChildren", 18),
            "Calendario": Box({1: b"Subject: meeting\r\n\r\n"}, "\\HasNoChildren", 19),
        },
    )


def plain(mails: Mails) -> Script:
    """A server of IMAP4rev1 and nothing else."""
    return Script(messages=mails, capability="IMAP4rev1")


FETCH = rb"(?m)^\* (\d+) FETCH \("
WITHOUT_WORDS = ((rb"(?m)^(\w+ OK) .*$", b"\\1\r"),)
NO_NUMBER = ((rb"UIDVALIDITY \d+", b"UIDVALIDITY x"),)
Rewrites = Mapping[str, tuple[tuple[bytes, bytes], ...]]
HARMLESS: dict[str, Rewrites] = {
    "untagged lines between": {"UID FETCH": ((FETCH, b"* OK Still here\r\n* 9 RECENT\r\n* \\1 FETCH ("),)},
    "flags of others between": {"UID FETCH": ((FETCH, b"* 1 FETCH (FLAGS (\\\\Seen))\r\n* \\1 FETCH ("),)},
    "a mail that nobody asked for": {"UID FETCH": ((rb"\A", b"* 9 FETCH (UID 900 BODY[] {3}\r\nabc)\r\n"),)},
    "a continuation in the middle": {"UID FETCH": ((rb"\A", b"+ go on\r\n"),)},
    "sizes of nothing": {"UID FETCH": ((rb"RFC822\.SIZE \d+", b"RFC822.SIZE 0"),)},
    "dates of nonsense": {"UID FETCH": ((rb'INTERNALDATE "[^"]*"', b'INTERNALDATE "99-Foo-2026 99:99:99 +9999"'),)},
    "no dates": {"UID FETCH": ((rb'INTERNALDATE "[^"]*"', b"INTERNALDATE NIL"),)},
    "search with a blank at its end": {"UID SEARCH": ((rb"\r\n", b" \r\n"),)},
    "no UIDNEXT": {"EXAMINE": ((rb"\* OK \[UIDNEXT \d+\] ok\r\n", b""),), "STATUS": ((rb" UIDNEXT \d+", b""),)},
    "no delimiter": {"LIST": ((rb'"/"', b"NIL"),)},
    "names as literals": {"LIST": ((rb'"INBOX"', b"{5}\r\nINBOX"),)},
    "the inbox in small letters": {"LIST": ((rb'"INBOX"', b"Inbox"),)},
    "an answer without words": dict.fromkeys(("UID FETCH", "UID SEARCH", "NOOP"), WITHOUT_WORDS),
    "capabilities with every answer": {"LOGIN": ((rb"(?m)^(\w+ OK) ", b"\\1 [CAPABILITY IMAP4rev1 IDLE] "),)},
}
"""Servers that break or bend the rules, and whose mail is fetched all the same."""
HARMFUL: dict[str, Rewrites] = {
    "no UID": {"UID FETCH": ((rb"UID \d+ ?", b""),)},
    "small letters": {"UID FETCH": ((rb"(?m)^(\* \d+) FETCH", b"\\1 fetch"),)},
    "no body": {"UID FETCH": ((rb"(?s)BODY\[\] \{.*?\r\n\)", b"BODY[] NIL)"),)},
    "a body that is a number": {"UID FETCH": ((rb"(?s)BODY\[\] \{.*?\r\n\)", b"BODY[] 12)"),)},
    "a literal that never ends": {"UID FETCH": ((rb"BODY\[\] \{\d+\}", b"BODY[] {90000}"),)},
    "a bye in the middle": {"UID FETCH": ((rb"\A", b"* BYE [UNAVAILABLE] maintenance\r\n"),)},
    "exchange's bare line": {"UID FETCH": ((rb"(?s)\A.*", EXCHANGE_UNAVAILABLE),)},
    "search in lines": {"UID SEARCH": ((rb"(?<=\d) (?=\d)", b"\r\n* SEARCH "),)},
    "search of words": {"UID SEARCH": ((rb"SEARCH .*", b"SEARCH one two\r"),)},
    "search without an end": {"UID SEARCH": ((rb"(?m)^\w+ OK.*$", b"\r"),)},
    "UIDVALIDITY of words": {"EXAMINE": NO_NUMBER, "STATUS": NO_NUMBER},
    "brackets": {"LIST": ((rb"\(", b"(" * 5000),)},
}  # fmt: skip
"""Servers whose mail cannot be fetched while they speak so; nothing wrong may be stored meanwhile."""


def speaking(mails: Mails, rewrites: Rewrites) -> Script:
    """A plain server whose answers are rewritten."""
    return replace(plain(mails), rewrites=rewrites)


DIALECTS: dict[str, Callable[[Mails], Script]] = {"gmail": gmail, "exchange": exchange, "plain": plain}
