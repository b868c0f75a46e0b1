"""Whom a mail claims to be from: the one mailbox of its one From, or nobody (RFC 9989 section 5.3.1)."""

import re

from gatepost.address import Address, parse_mailboxes
from gatepost.gateway.canonical import Field, values

MOST_FROM = 4096
WORD = re.compile(r'"(?:[^"\\]|\\.){0,500}"|=\?[^? ]{1,40}\?[bBqQ]\?[^? ]{0,200}\?=')


def author(fields: list[Field]) -> tuple[Address | None, str]:
    """The author's address, or None and the reason; groups, two addresses and two From fields are nobody."""
    found = values(fields, b"from")
    if len(found) != 1:
        return None, "it has no From" if not found else f"it has {len(found)} From fields"
    if len(found[0]) > MOST_FROM:
        return None, "its From is over 4 KB"
    text = found[0].decode("utf-8", "replace").replace("\r\n", "").strip()
    bare = _without_comments(WORD.sub("x", text))
    if ":" in bare or ";" in bare or bare.count("<") > 1:
        return None, "its From is a group, or has more than one address in brackets"
    if "<" not in bare and len(bare.split()) > 1:
        return None, "its From has more than an address, but no brackets"
    mailboxes = parse_mailboxes(text)
    if len(mailboxes) != 1:
        return None, f"its From has {len(mailboxes)} mailboxes"
    return mailboxes[0].address, "" if mailboxes[0].address else "its From has no usable address"


def _without_comments(text: str) -> str:
    depth, kept = 0, []
    for char in text:
        if char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return "".join(kept)
