"""Who may send as whom: a credential's list of addresses and domains against From and the reverse-path."""

from collections.abc import Sequence

from gatepost.address import Address, AddressError, Mailbox, parse_address, parse_domain, parse_mailboxes
from gatepost.reply import Refused


def one_from(values: Sequence[str]) -> Mailbox:
    """The one mailbox of the one From field (RFC 5322 section 3.6.2, narrowed). Raises Refused."""
    if len(values) != 1:
        found = "no From field" if not values else f"{len(values)} From fields"
        raise Refused(550, "5.7.1", f"The mail has {found}; send it with exactly one")
    mailboxes = parse_mailboxes(values[0])
    if len(mailboxes) != 1:
        raise Refused(550, "5.7.1", f"The From field names {len(mailboxes)} mailboxes; send it with exactly one")
    if mailboxes[0].address is None:
        raise Refused(550, "5.7.1", f"The From field is not an address: {mailboxes[0].raw[:100]}")
    return mailboxes[0]


def allowed(address: Address, senders: Sequence[str]) -> bool:
    """Whether an address is in a list of addresses and domains; a listed domain does not cover its subdomains."""
    return address.key in senders or address.domain in senders


def check_sender(mailbox: Mailbox, mail_from: str, senders: Sequence[str]) -> Address:
    """The From address, when this identity may use it and the reverse-path. Raises Refused."""
    sender = mailbox.address
    if sender is None or not allowed(sender, senders):
        raise Refused(550, "5.7.1", f"You may not send as {sender}; allowed: {', '.join(senders) or 'nothing yet'}")
    if not mail_from:
        return sender
    try:
        reverse_path = parse_address(mail_from)
    except AddressError as error:
        raise Refused(501, "5.1.7", f"MAIL FROM cannot be used: {error}") from None
    if not allowed(reverse_path, senders):
        raise Refused(550, "5.7.1", f"You may not use {reverse_path} in MAIL FROM; use one of: {', '.join(senders)}")
    return sender


def read_senders(entries: Sequence[str]) -> list[str]:
    """A credential's list of addresses and domains as people write it. Raises ValueError naming what does not fit."""
    found: list[str] = []
    for entry in entries:
        text = entry.strip()
        if not text:
            continue
        try:
            found.append(parse_address(text).key if "@" in text.lstrip("@") else parse_domain(text.lstrip("@")))
        except AddressError as error:
            raise ValueError(f"{text}: {error}") from None
    if not found:
        raise ValueError("name at least one address or domain that may be used as From")
    return list(dict.fromkeys(found))
