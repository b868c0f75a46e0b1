"""Who wrote a mail: From only, one field with one mailbox (a Reply-To is no identity)."""

from gatepost.address import Address, parse_mailboxes
from gatepost.mail import Mail
from gatepost.mail_header import Headers
from gatepost.threading.place import Sender
from gatepost.words import Strength


def sender_of(mail: Mail, strength: Strength) -> Sender:
    """The sender as far as he is proven; without exactly one From with one address he is nobody."""
    address = address_of(mail.headers)
    return Sender(address.key, address.domain, strength) if address else Sender("", "", Strength.NONE)


def address_of(headers: Headers) -> Address | None:
    """The one address of the one From field. What is authenticated must be this address and no other reading."""
    values = [value for name, value in headers if name.lower() == "from"]
    if len(values) != 1:
        return None
    addresses = [mailbox.address for mailbox in parse_mailboxes(values[0]) if mailbox.address]
    return addresses[0] if len(addresses) == 1 else None


def name_of(mail: Mail) -> str:
    """The name in From, or empty."""
    return mail.from_[0].name if mail.from_ else ""
