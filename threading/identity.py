"""Who wrote a mail: From only, one field with one mailbox (a Reply-To is no identity)."""

from gatepost.mail import Mail
from gatepost.threading.place import Sender
from gatepost.words import Strength


def sender_of(mail: Mail, strength: Strength) -> Sender:
    """The sender as far as he is proven; without exactly one From with one address he is nobody."""
    addresses = [mailbox.address for mailbox in mail.from_ if mailbox.address]
    if len(addresses) != 1 or len(mail.all("from")) != 1:
        return Sender("", "", Strength.NONE)
    return Sender(addresses[0].key, addresses[0].domain, strength)


def name_of(mail: Mail) -> str:
    """The name in From, or empty."""
    return mail.from_[0].name if mail.from_ else ""
