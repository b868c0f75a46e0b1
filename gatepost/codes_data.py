"""Delivery codes explained in our own words: data only, read by `gatepost.codes`; `codes_texts` has what servers write.

Statuses are those of RFC 3463 and the IANA registry, without their class: `1.1` stands for 4.1.1 and 5.1.1; an entry
with its class (`4.7.1`) comes before. `{address}` and `{domain}` are the recipient's.
"""

from gatepost.codes_entry import Entry
from gatepost.codes_sending import SEND_AS, SENDING_LIMIT

WAIT = "Nothing to do while it is tried again by itself; if it has ended, send again later."
CHECK = "Check the part after the @ for typing errors, correct it in the contact and send again."
NEW_ADDRESS = "Do not send there any more; ask the person for the new address."
PLAIN = "Send it again as plain text and without unusual attachments."
UNKNOWN_USER = Entry(
    "The address {address} does not exist",
    "Check the address for typing errors, correct it in the contact and send again; or reach the person another way.",
    "sender",
)
NO_DOMAIN = Entry("The domain {domain} does not exist or takes no mail", CHECK, "sender")
NULL_MX = Entry(
    "The domain {domain} says that it takes no mail at all",
    "Check the part after the @ for typing errors, or ask the person for another address.",
    "sender",
)
BAD_ADDRESS = Entry(
    "The address {address} is not written correctly", "Correct the address in the contact and send again.", "sender"
)
FULL = Entry(
    "The mailbox of {address} is full",
    "Tell the person another way, or use another address of theirs; after they have made room, send again.",
    "recipient",
    True,
)
DISABLED = Entry(
    "The mailbox of {address} is switched off", "Reach the person another way and ask for another address.", "recipient"
)
MOVED = Entry(
    "{address} has moved and mail is not forwarded",
    "Ask the person for the new address and correct it in the contact.",
    "sender",
)
TOO_BIG = Entry(
    "The mail is too large for the recipient's server",
    "Send it again without the large attachments, or put them where they can be fetched and send a link.",
    "sender",
)
SPAM = Entry(
    "The recipient's server took the mail for spam",
    "Read the server's text for a reason, change wording or links and send again; if it stays so, an administrator "
    "should check the sending domain's SPF, DKIM and reputation.",
    "admin",
)
REPUTATION = Entry(
    "The recipient's server blocks mail from our sending server or domain because of its reputation",
    "An administrator should look up the block list that the text names, remove the cause and ask for removal.",
    "admin",
)
UNAUTHENTICATED = Entry(
    "The recipient's server could not confirm that the mail comes from our domain",
    "An administrator should check the domain's SPF, DKIM and DMARC records on the domain page, then send again.",
    "admin",
    True,
)
POLICY = Entry(
    "The recipient's server does not accept this mail under its rules",
    "Read the server's text for the reason; if you can change nothing, ask the recipient to allow your address.",
    "admin",
)
NOT_ALLOWED = Entry(
    "{address} accepts mail only from certain senders",
    "Ask the recipient to allow your address, or reach them another way.",
    "recipient",
)
GREYLISTED = Entry(
    "The recipient's server asks unknown senders to come back later (greylisting)",
    "Nothing to do: it is tried again by itself, usually with success within the hour.",
    "wait",
)
RATE = Entry(
    "The recipient's server takes no more mail from us or for {address} for now",
    "Nothing to do: it is tried again by itself. If it happens often, an administrator should slow down the sending.",
    "wait",
    True,
)
BUSY = Entry("The next mail server is not accepting mail at the moment", WAIT, "wait", True)
NAME_LOOKUP = Entry("The name of the next mail server could not be looked up", WAIT, "wait", True)
UNREACHABLE = Entry("The next mail server could not be reached", WAIT, "wait", True)
LOGIN = Entry(
    "The mail server that we send through does not accept our login",
    "An administrator should correct the user name and password of the outgoing route; then send again.",
    "admin",
    True,
)
RELAY = Entry(
    "The mail server does not pass on mail for {domain}",
    "Check the address for typing errors; if it is right, an administrator should check the outgoing route's login.",
    "admin",
)
TLS = Entry(
    "No encrypted connection to the next mail server could be made",
    "An administrator should check the certificate and the TLS settings of the outgoing route, or tell the other side.",
    "admin",
    True,
)
LOOP = Entry(
    "The mail went round in a circle between mail servers",
    "An administrator of the domain {domain} has to correct its forwarding; reach the person another way meanwhile.",
    "admin",
)
TECHNICAL = Entry(
    "The two mail servers did not understand each other",
    "An administrator should look at the server's text and report it to the other side.",
    "admin",
)
CONTENT = Entry("The recipient's server cannot handle the form of the mail", PLAIN, "sender")
SENDER_ADDRESS = Entry(
    "The recipient's server does not accept the sender's address",
    "An administrator should check that the sender's domain exists, has an MX record and accepts mail.",
    "admin",
)
SYSTEM = Entry(
    "A mail server on the way has a fault",
    "Send again later; if it stays so, reach the recipient another way.",
    "wait",
    True,
)

STATUSES: dict[str, Entry] = {
    "1.0": Entry("There is something wrong with the address {address}", UNKNOWN_USER.advice, "sender"),
    "1.1": UNKNOWN_USER,
    "4.1.1": Entry("The recipient's server could not confirm yet that {address} exists", WAIT, "wait"),
    "1.2": NO_DOMAIN,
    "4.1.2": NAME_LOOKUP,
    "1.3": BAD_ADDRESS,
    "1.4": Entry(
        "The address {address} fits more than one mailbox",
        "Ask the recipient for the exact address and correct it in the contact.",
        "sender",
    ),
    "1.5": Entry("The address {address} is valid", "Nothing to do.", "wait"),
    "1.6": MOVED,
    "1.7": Entry(
        "The sender's address is not written correctly", "Correct the sender's address in its settings.", "admin"
    ),
    "1.8": SENDER_ADDRESS,
    "1.9": Entry(
        "The mail was passed on to a system that reports nothing back", "Ask the recipient whether it arrived.", "wait"
    ),
    "1.10": NULL_MX,
    "2.0": Entry("The mailbox of {address} did not take the mail", "Reach the person another way.", "recipient"),
    "2.1": DISABLED,
    "4.2.1": Entry("The mailbox of {address} cannot take mail for now", WAIT, "wait"),
    "2.2": FULL,
    "2.3": TOO_BIG,
    "2.4": Entry(
        "The mailing list {address} could not be resolved",
        "Ask the owner of the list to correct it.",
        "recipient",
        True,
    ),
    "3.0": SYSTEM,
    "3.1": Entry("The recipient's mail system has no more room", WAIT, "wait", True),
    "3.2": BUSY,
    "3.3": Entry(
        "The recipient's mail system lacks something that this mail needs",
        "Send it again as plain text; if it stays so, tell the recipient's administrator.",
        "sender",
    ),
    "3.4": TOO_BIG,
    "3.5": Entry(
        "The recipient's mail system is set up wrongly",
        "The administrator of {domain} has to correct it; reach the person another way meanwhile.",
        "admin",
        True,
    ),
    "3.6": Entry("The mail was accepted with another priority", "Nothing to do.", "wait"),
    "4.0": UNREACHABLE,
    "4.1": UNREACHABLE,
    "4.2": Entry("The connection to the next mail server broke off", WAIT, "wait", True),
    "4.3": NAME_LOOKUP,
    "4.4": Entry("No way to deliver mail for {domain} was found", CHECK, "sender"),
    "4.5": RATE,
    "4.6": LOOP,
    "4.7": Entry(
        "The mail could not be delivered within the time that it had",
        "Send it again, or reach the person another way.",
        "sender",
        True,
    ),
    "5.0": TECHNICAL,
    "5.1": TECHNICAL,
    "5.2": TECHNICAL,
    "5.3": Entry(
        "The mail has more recipients than the server takes at once",
        "Send it to fewer recipients at a time.",
        "sender",
        True,
    ),
    "5.4": TECHNICAL,
    "5.5": TECHNICAL,
    "5.6": Entry(
        "The login of the outgoing route is longer than the server takes",
        "An administrator should shorten the password or the token of the outgoing route.",
        "admin",
        True,
    ),
    "6.0": CONTENT,
    "6.1": Entry(
        "The recipient's server does not accept this kind of content or attachment",
        "Send it again without the attachment, or put it where it can be fetched and send a link.",
        "sender",
    ),
    "6.2": CONTENT,
    "6.3": CONTENT,
    "6.4": CONTENT,
    "6.5": CONTENT,
    "6.6": Entry("The content of the mail could not be fetched on its way", "Send it again.", "sender", True),
    "6.7": Entry(
        "The recipient's server takes no addresses with letters beyond a-z",
        "Ask the person for an address in plain letters.",
        "sender",
    ),
    "6.8": CONTENT,
    "6.9": Entry(
        "The recipient's server takes no headers with letters beyond a-z",
        "Send it again with plain letters in names and addresses.",
        "sender",
    ),
    "6.10": CONTENT,
    "7.0": POLICY,
    "4.7.0": RATE,
    "7.1": POLICY,
    "4.7.1": Entry(
        "The recipient's server does not accept this mail for now",
        "Nothing to do: it is tried again by itself. If it stays so, the server's text tells why.",
        "wait",
    ),
    "7.2": Entry(
        "You may not send to the mailing list {address}",
        "Ask the owner of the list to allow your address.",
        "recipient",
    ),
    "7.3": TLS,
    "7.4": TLS,
    "7.5": TLS,
    "7.6": TLS,
    "7.7": Entry(
        "The mail was changed on its way, its signature is broken",
        "An administrator should look for a server in between that rewrites mail, then send again.",
        "admin",
        True,
    ),
    "7.8": LOGIN,
    "7.9": LOGIN,
    "7.10": TLS,
    "7.11": TLS,
    "7.12": LOGIN,
    "7.13": Entry(
        "The account that we send with is switched off",
        "An administrator should ask the provider of the outgoing route to switch it on again.",
        "admin",
        True,
    ),
    "7.14": LOGIN,
    "7.15": Entry("The recipient's server takes only urgent mail at the moment", "Send it again later.", "wait", True),
    "7.16": TOO_BIG,
    "7.17": Entry("The mailbox {address} now belongs to somebody else", NEW_ADDRESS, "sender"),
    "7.18": Entry("The domain {domain} now belongs to somebody else", NEW_ADDRESS, "sender"),
    "7.19": Entry("The recipient's server could not check who owns the mailbox", "Send it again later.", "wait", True),
    "7.20": UNAUTHENTICATED,
    "7.21": UNAUTHENTICATED,
    "7.22": UNAUTHENTICATED,
    "7.23": UNAUTHENTICATED,
    "7.24": UNAUTHENTICATED,
    "7.25": Entry(
        "The recipient's server wants our sending server to have a proper name in DNS",
        "An administrator should set the PTR record of the sending address to the server's name.",
        "admin",
        True,
    ),
    "7.26": UNAUTHENTICATED,
    "7.27": Entry(
        "The sender's domain says that it takes no mail, so mail from it is refused",
        "An administrator should give the sender's domain an MX record that takes answers.",
        "admin",
        True,
    ),
    "7.28": RATE,
    "7.29": UNAUTHENTICATED,
    "7.30": TLS,
    # not in the registry, but in use by large providers
    "7.40": UNAUTHENTICATED,
    "7.57": LOGIN,
    "7.60": SEND_AS,
    "2.252": SEND_AS,
    "1.90": SENDING_LIMIT,
    "7.124": NOT_ALLOWED,
    "7.133": NOT_ALLOWED,
    "7.134": NOT_ALLOWED,
    "7.135": NOT_ALLOWED,
    "7.136": NOT_ALLOWED,
    "7.139": LOGIN,
    "7.508": REPUTATION,
    "7.509": UNAUTHENTICATED,
    "7.511": REPUTATION,
    "7.515": UNAUTHENTICATED,
    "7.606": REPUTATION,
    "7.700": RATE,
    "7.708": REPUTATION,
    "7.750": SENDER_ADDRESS,
    "1.351": UNKNOWN_USER,
    "4.14": LOOP,
    "4.310": NO_DOMAIN,
    "4.312": UNREACHABLE,
    "4.316": UNREACHABLE,
}

VAGUE = frozenset(("0.0", "1.0", "1.10", "2.0", "3.0", "4.0", "4.1", "4.5", "5.0", "6.0", "7.0", "7.1"))
VAGUE |= {"7.3", "7.30", "7.139"}
"""Statuses that say so little that a known phrase in the text comes first (large providers use 5.1.10 and 5.4.1 so).

The last three mean several things at Microsoft, and others in the registry.
"""

CODES: dict[int, Entry] = {
    421: BUSY,
    450: Entry("The mailbox of {address} cannot be reached for now", WAIT, "wait", True),
    451: SYSTEM,
    452: Entry("The recipient's mail system has no room or no time for the mail just now", WAIT, "wait", True),
    454: TLS,
    455: TECHNICAL,
    500: TECHNICAL,
    501: TECHNICAL,
    502: TECHNICAL,
    503: TECHNICAL,
    504: TECHNICAL,
    521: Entry("The server of {domain} takes no mail", CHECK, "sender"),
    530: LOGIN,
    534: LOGIN,
    535: LOGIN,
    538: TLS,
    550: Entry(
        "The recipient's server refused the mail for {address}",
        "Check the address for typing errors first; if it is right, the server's text tells why.",
        "sender",
    ),
    551: MOVED,
    552: Entry(
        "The mail is too large, or the mailbox of {address} is full",
        "Send it again without large attachments; if it fails again, reach the person another way.",
        "sender",
    ),
    553: BAD_ADDRESS,
    554: Entry("The recipient's server refused the mail", POLICY.advice, "admin"),
    555: TECHNICAL,
    556: NO_DOMAIN,
}

CLASSES: dict[int, Entry] = {
    2: Entry("The mail was accepted", "Nothing to do.", "wait", False),
    4: Entry(
        "The recipient's server did not take the mail yet", "Nothing to do: it is tried again by itself.", "wait", True
    ),
    5: Entry("The recipient's server refused the mail", POLICY.advice, "admin", False),
}
