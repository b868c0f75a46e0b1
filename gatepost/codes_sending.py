"""What providers say to a connected mailbox that sends, explained in our own words: data only."""

from gatepost.codes_entry import Entry

LOGIN_OFF = Entry(
    "The provider lets this mailbox send no mail by a login of ours",
    "The provider's administrator should allow authenticated SMTP for the mailbox (at Microsoft: Active users, Mail, "
    "Manage email apps, Authenticated SMTP) and see whether Security Defaults forbid it; then send again.",
    "admin",
    True,
)
LOGIN_BY_TOKEN = Entry(
    "The provider takes no passwords for sending any more",
    "An administrator should connect this mailbox again through the provider's own login, which sends with a token.",
    "admin",
    True,
)
LOGIN_POLICY = Entry(
    "A rule of the provider's organisation forbids our login",
    "The organisation's administrator should allow Gatepost in Conditional Access; then send again.",
    "admin",
    True,
)
SEND_AS = Entry(
    "The mailbox that we send with may not send as this sender's address",
    "Give that mailbox the right to send as this address at the provider (Send As), or connect the sender's mailbox.",
    "admin",
)
SENDING_LIMIT = Entry(
    "The mailbox that we send with has reached its provider's sending limit",
    "Nothing to do: it is tried again by itself, the limit counts a day. If it happens often, send over another route.",
    "wait",
    True,
)
