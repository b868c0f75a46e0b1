"""The mails around connecting a mailbox: a colleague's link, and the news that an administrator has approved."""

from datetime import datetime

from gatepost.gateway.accept import Gate
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import put

LINK_TRIGGER = "connect link"
APPROVED_TRIGGER = "admin approval"
LINK_TEXT = """{sender} asks you to connect the mailbox {address} to Gatepost of {domain}, so that its mail can be
answered there.

Open this link and log in at your provider yourself; nobody here sees your password. It connects this mailbox only,
works once, and until {until}:

  {link}

What Gatepost asks for, what it does with it and how it is protected, also for your IT team:

  {it}

If you do not know about it, do nothing.
"""
APPROVED_TEXT = """The approval link for {tenant} was opened and came back with the word that Gatepost is approved.
Whether that holds shows when you try: open this page, press the button and log in as {address}.

  {link}

If Microsoft still asks for an approval then, it was not given: send the link to your administrator once more.
"""
REFUSED_TEXT = """The approval link for {tenant} came back. {tenant} gives Gatepost a token, but the mailbox
{address} cannot be opened with it, or not yet:

  {why}

Once that is mended, try it on this page, with the button under "Without a person":

  {link}
"""
DONE_TEXT = """An administrator has approved Gatepost for {tenant}, and {address} is connected. Nothing is left to do.

  {link}
"""
CONNECTED_TRIGGER = "mailbox connected"
CONNECTED_TEXT = """The owner of {address} has connected the mailbox by your link. Nothing is fetched before you say
which of its mail is wanted:

  {link}
"""


def send_link(gate: Gate, *, address: str, sender: str, link: str, it: str, until: datetime, now: datetime) -> None:
    """Send a colleague the link that connects the mailbox. Raises Refused."""
    words = {"sender": sender, "address": address, "domain": gate.settings.domain, "link": link, "it": it}
    text = LINK_TEXT.format(until=f"{until:%Y-%m-%d %H:%M} UTC", **words)
    subject = f"Connect {address} to Gatepost"
    send(gate, Letter(("", address), subject, text, LINK_TRIGGER, snippet=f"A link to connect {address}"), now)


def tell_approved(
    gate: Gate, *, to: str, address: str, tenant: str, link: str, connected: bool, now: datetime, why: str = ""
) -> None:
    """Tell who asked that an approval link came back, and what is left to do. Raises Refused.

    `why` the mailbox could not be opened although the organisation lets us in; nothing where nobody tried.
    """
    text = DONE_TEXT if connected else REFUSED_TEXT if why else APPROVED_TEXT
    subject = f"{address} is connected" if connected else f"The approval link came back: try to connect {address}"
    letter = Letter(
        ("", to),
        subject,
        text.format(tenant=tenant, address=address, link=link, why=why),
        APPROVED_TRIGGER,
        snippet=f"Approval of {tenant}",
    )
    send(gate, letter, now)


def tell_connected(gate: Gate, *, to: str, address: str, link: str, now: datetime) -> None:
    """Tell who sent a link that the colleague has connected the mailbox. Raises Refused."""
    text = CONNECTED_TEXT.format(address=address, link=link)
    letter = Letter(("", to), f"{address} is connected", text, CONNECTED_TRIGGER, snippet=f"{address} is connected")
    send(gate, letter, now)


def send(gate: Gate, letter: Letter, now: datetime) -> None:
    """Put a letter in the outbox."""
    prepared = prepare_letter(gate, letter, now)
    gate.ledger.write(lambda session: put(session, prepared, now))
    gate.wake()
