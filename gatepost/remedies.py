"""What to do about one failed recipient, as concrete as it can be said: one pure decision from the failure's class."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gatepost.codes import find
from gatepost.codes_data import (
    BAD_ADDRESS,
    CODES,
    DISABLED,
    FULL,
    MOVED,
    NO_DOMAIN,
    NULL_MX,
    POLICY,
    REPUTATION,
    SPAM,
    TOO_BIG,
    UNAUTHENTICATED,
    UNKNOWN_USER,
)
from gatepost.failures import Delivered, failed_reply, has_failed
from gatepost.reply import capital
from gatepost.typos import Proposal

MOST = 3
TEXT_READ = 1000
URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~:/?#@!$&*+,;=%-]{3,200}")
LIST = re.compile(
    r"\b(?:[a-z0-9-]{1,40}\.){0,4}(?:spamhaus\.org|spamcop\.net|barracudacentral\.org|surbl\.org|uribl\.com)\b"
)
ABOUT_ADDRESS = (UNKNOWN_USER, NO_DOMAIN, NULL_MX, BAD_ADDRESS, MOVED, DISABLED, CODES[550], CODES[553])
ABOUT_TEXT = (SPAM, REPUTATION, UNAUTHENTICATED, POLICY)
MEANS = (
    (("spf", "dkim", "dmarc", "unauthenticated"), "It names the sending domain's records (SPF, DKIM, DMARC)."),
    (("link", "url", "uri"), "It names a link in the mail: leave the link out, or write its address in full."),
    (("attachment", "executable", "virus", "malware"), "It names an attachment: send the mail without it."),
    (("reputation", "ip address", "sending ip", "your network"), "It names the reputation of our server or domain."),
    (("content", "spam", "unsolicited"), "It names the content: other words and fewer links may pass."),
)


@dataclass(frozen=True, slots=True)
class Remedy:
    """`address`: send it there instead; `contact`: add an address; `answer`: write anew; `text`: read what it says."""

    kind: Literal["address", "contact", "answer", "text"]
    sentence: str
    address: str = ""


def remedies(
    delivery: Delivered, proposals: Sequence[Proposal] = (), size: int = 0, files: Sequence[tuple[str, int]] = ()
) -> tuple[Remedy, ...]:
    """What may help, the likeliest first; nothing for what has not failed.

    `files` are the names and octets of the mail's attachments, `size` its octets.
    """
    if not has_failed(delivery):
        return ()
    entry = find(failed_reply(delivery))
    if entry is FULL:
        return full(proposals)
    if any(entry is known for known in ABOUT_ADDRESS):
        return tuple(
            Remedy("address", f"Did you mean {one.address}? {capital(one.why)}.", one.address)
            for one in proposals[:MOST]
        )
    if entry is TOO_BIG or (entry is CODES[552] and size > 1_000_000):
        return (Remedy("answer", too_big(size, files)),)
    if any(entry is known for known in ABOUT_TEXT):
        return tuple(Remedy("text", sentence) for sentence in said(delivery.text))
    return ()


def full(proposals: Sequence[Proposal]) -> tuple[Remedy, ...]:
    """A full mailbox: the contact's other addresses, or where to note one."""
    if not proposals:
        return (Remedy("contact", "If the person has another address, add it to the contact and send it there."),)
    return tuple(
        Remedy("address", f"Send it to another address of this contact: {one.address}", one.address)
        for one in proposals[:MOST]
    )


def too_big(size: int, files: Sequence[tuple[str, int]]) -> str:
    """What makes a mail large, and how a link is made without a service that stores files."""
    largest = max(files, key=lambda file: file[1], default=None)
    most = f", most of it in {largest[0]} ({megabytes(largest[1])})" if largest and largest[1] * 2 > size else ""
    return (
        f"The mail has {megabytes(size)}{most}. Gatepost keeps no files for recipients: put the file where the person "
        "can fetch it (your file share or web site), then answer with its link instead of the file."
    )


def megabytes(octets: int) -> str:
    return f"{octets / 1_000_000:.1f} MB" if octets >= 100_000 else f"{max(octets // 1000, 1)} KB"


def said(text: str) -> list[str]:
    """What a refusal for spam, reputation or policy tells when it is read closely."""
    text = text[:TEXT_READ]
    bare = URL.sub(" ", text).lower()
    words = LIST.sub(" ", bare)
    found = [f"It names the block list {name}: ask there for removal." for name in dict.fromkeys(LIST.findall(bare))]
    found += [f"It leads to {url.rstrip('.,;:!?')}" for url in dict.fromkeys(URL.findall(text))]
    found += [sentence for signs, sentence in MEANS if any(sign in words for sign in signs)]
    return found[:MOST]
