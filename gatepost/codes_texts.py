"""What servers write beside their codes, and which entry each text means: data only, read by `gatepost.codes`."""

from typing import NamedTuple

from gatepost.codes_data import (
    DISABLED,
    FULL,
    GREYLISTED,
    LOGIN,
    LOOP,
    NO_DOMAIN,
    NULL_MX,
    POLICY,
    RATE,
    RELAY,
    REPUTATION,
    SPAM,
    STATUSES,
    TOO_BIG,
    UNAUTHENTICATED,
    UNKNOWN_USER,
)
from gatepost.codes_entry import Entry
from gatepost.codes_sending import LOGIN_BY_TOKEN, LOGIN_OFF, LOGIN_POLICY, SEND_AS, SENDING_LIMIT


class Saying(NamedTuple):
    """An answer as a provider or server program is known to give it, shortened, and the entry that explains it."""

    who: str
    text: str
    entry: Entry


PHRASES: tuple[tuple[Entry, str], ...] = (
    (LOGIN_OFF, "smtpclientauthentication is disabled|security defaults policy"),
    (LOGIN_BY_TOKEN, "basic authentication is disabled|basic authentication is not supported"),
    (LOGIN_POLICY, "did not meet the criteria to be authenticated|conditional access"),
    (LOGIN, "authentication unsuccessful|credentials were incorrect"),
    (SEND_AS, "sendasdenied|permissions to send as this sender|not allowed to send as"),
    (SENDING_LIMIT, "user sending limit exceeded|daily sending quota exceeded|submissionquotaexceeded"),
    (SENDING_LIMIT, "provider's sending limit|reached your daily limit|exceeded sending limits"),
    (SENDING_LIMIT, "sending limit of the mailbox|recipient limit exceeded"),
    (GREYLISTED, "greylist|graylist|grey listed|gray listed"),
    (FULL, "mailbox full|mailbox is full|inbox is full|over quota|overquota|quota exceeded|exceeded storage"),
    (FULL, "out of storage|insufficient storage for"),
    (TOO_BIG, "message size exceeds|message too large|message too big|message is too large|exceeded size limit"),
    (TOO_BIG, "exceeds fixed maximum message size|size limit exceeded"),
    (REPUTATION, "blocklist|blacklist|block list|blocked using|spamhaus|barracuda|spamcop|ip address is blocked"),
    (REPUTATION, "poor reputation|bad reputation|low reputation|banned sending ip|ipcheck.proofpoint"),
    (REPUTATION, "traffic not accepted from this ip"),
    (UNAUTHENTICATED, "spf check failed|spf fail|dmarc|dkim|unauthenticated email|unauthenticated mail"),
    (UNAUTHENTICATED, "sender is unauthenticated|required authentication level|anti-spoofing policy"),
    (RELAY, "relay access denied|relaying denied|relay denied|unable to relay|relay not permitted"),
    (LOGIN, "authentication required"),
    (SPAM, "spam|unsolicited|bulk mail|junk mail"),
    (UNKNOWN_USER, "user unknown|unknown user|no such user|no such mailbox|no such recipient|unknown recipient"),
    (UNKNOWN_USER, "user not found|recipient not found|mailbox not found|mailbox does not exist|user does not exist"),
    (UNKNOWN_USER, "account that you tried to reach does not exist|recipient address rejected: access denied"),
    (UNKNOWN_USER, "invalid mailbox|not a valid mailbox|does not have an account here|unrouteable address"),
    (UNKNOWN_USER, "unknown local part|address unknown|invalid recipient|recipientnotfound|this user doesn't have a"),
    (UNKNOWN_USER, "no mailbox here by that name"),
    (DISABLED, "mailbox disabled|mailbox is disabled|account disabled|account has been disabled|account is disabled"),
    (DISABLED, "tried to reach is disabled|user is suspended|mailbox is inactive|account inactive"),
    (NULL_MX, "null mx|nullmx"),
    (NO_DOMAIN, "domain not found|host not found|no such domain|domain does not exist"),
    (RATE, "too many connections|rate limit|throttl|too many messages|sending too fast|unexpected volume"),
    (RATE, "receiving mail at a rate|receiving email at a rate"),
    (LOOP, "mail loop|too many hops|routing loop|loops back to myself|hop count exceeded"),
    (POLICY, "policy reasons|local policy"),
)
"""Phrases of common servers in lower case, the most telling first, separated by bars."""

GMAIL, MICROSOFT, YAHOO, ICLOUD = "Gmail", "Outlook and Microsoft 365", "Yahoo and AOL", "iCloud"
SAYINGS: tuple[Saying, ...] = (
    Saying(GMAIL, "550 5.1.1 The email account that you tried to reach does not exist", UNKNOWN_USER),
    Saying(GMAIL, "550 5.2.1 The email account that you tried to reach is disabled", DISABLED),
    Saying(GMAIL, "452 4.2.2 The recipient's inbox is out of storage space", FULL),
    Saying(GMAIL, "450 4.2.1 The user is receiving mail at a rate that prevents more", STATUSES["4.2.1"]),
    Saying(GMAIL, "421 4.7.28 An unusual rate of unsolicited mail from your IP address", RATE),
    Saying(GMAIL, "550 5.7.1 This message is likely unsolicited mail", SPAM),
    Saying(GMAIL, "550 5.7.25 The sending IP does not have a PTR record", STATUSES["7.25"]),
    Saying(GMAIL, "550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy", UNAUTHENTICATED),
    Saying(GMAIL, "550 5.7.26 This mail was blocked because the sender is unauthenticated", UNAUTHENTICATED),
    Saying(GMAIL, "552 5.3.4 Your message exceeded message size limits", TOO_BIG),
    Saying(GMAIL, "550 5.4.5 Daily user sending limit exceeded", SENDING_LIMIT),
    Saying(
        MICROSOFT,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant",
        LOGIN_OFF,
    ),
    Saying(
        MICROSOFT,
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy",
        LOGIN_OFF,
    ),
    Saying(MICROSOFT, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled", LOGIN_BY_TOKEN),
    Saying(MICROSOFT, "550 5.7.30 Basic authentication is not supported for Client Submission", LOGIN_BY_TOKEN),
    Saying(
        MICROSOFT,
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated",
        LOGIN_POLICY,
    ),
    Saying(MICROSOFT, "535 5.7.3 Authentication unsuccessful", LOGIN),
    Saying(MICROSOFT, "550 5.7.60 Client does not have permissions to send as this sender", SEND_AS),
    Saying(MICROSOFT, "554 5.2.252 SendAsDenied; not allowed to send as this address", SEND_AS),
    Saying(MICROSOFT, "550 5.1.90 Your message can't be sent because you've reached your daily limit", SENDING_LIMIT),
    Saying(
        MICROSOFT,
        "554 5.2.0 STOREDRV.Submission.Exception: SubmissionQuotaExceededException; sending limit of the mailbox",
        SENDING_LIMIT,
    ),
    Saying(MICROSOFT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP lookup", UNKNOWN_USER),
    Saying(MICROSOFT, "550 5.4.1 Recipient address rejected: Access denied", UNKNOWN_USER),
    Saying(MICROSOFT, "550 5.5.0 Requested action not taken: mailbox unavailable, user not found", UNKNOWN_USER),
    Saying(MICROSOFT, "554 5.2.2 mailbox full", FULL),
    Saying(MICROSOFT, "552 5.2.3 Message too large for this recipient", TOO_BIG),
    Saying(MICROSOFT, "550 5.7.1 Part of your network is on our block list (S3150)", REPUTATION),
    Saying(MICROSOFT, "550 5.7.606 Access denied, banned sending IP", REPUTATION),
    Saying(MICROSOFT, "550 5.7.708 Access denied, traffic not accepted from this IP", REPUTATION),
    Saying(MICROSOFT, "550 5.7.509 Access denied, sending domain does not pass DMARC", UNAUTHENTICATED),
    Saying(MICROSOFT, "550 5.7.515 Sending domain does not meet the required authentication level", UNAUTHENTICATED),
    Saying(MICROSOFT, "554 5.4.14 Hop count exceeded - possible mail loop", LOOP),
    Saying(YAHOO, "554 delivery error: dd This user doesn't have a yahoo.com account", UNKNOWN_USER),
    Saying(YAHOO, "421 4.7.0 [TSS04] Temporarily deferred due to unexpected volume or user complaints", RATE),
    Saying(YAHOO, "553 5.7.1 [BL21] Connections not accepted, the IP is in Spamhaus's list", REPUTATION),
    Saying(YAHOO, "554 Message not allowed - [PH01] Email not accepted for policy reasons", POLICY),
    Saying(ICLOUD, "552 5.2.2 user is over quota", FULL),
    Saying(ICLOUD, "554 5.7.1 [CS01] Message rejected due to local policy", POLICY),
    Saying("Mimecast", "550 Rejected by header based Anti-Spoofing policy", UNAUTHENTICATED),
    Saying("Proofpoint", "554 5.7.1 Blocked - see https://ipcheck.proofpoint.com/", REPUTATION),
    Saying("Postfix", "550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table", UNKNOWN_USER),
    Saying("Postfix", "554 5.7.1 Relay access denied", RELAY),
    Saying("Postfix", "450 4.2.0 Recipient address rejected: Greylisted", GREYLISTED),
    Saying("Postfix", "552 5.3.4 Message size exceeds fixed limit", TOO_BIG),
    Saying("Postfix", "554 5.4.0 Error: too many hops", LOOP),
    Saying("Exim", "550 Unrouteable address", UNKNOWN_USER),
    Saying("Exim", "550 relay not permitted", RELAY),
    Saying("qmail", "550 sorry, no mailbox here by that name. (#5.1.1)", UNKNOWN_USER),
)
"""A test holds that each is explained by its entry."""
