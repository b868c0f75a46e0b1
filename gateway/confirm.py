"""The mails that ask the owner of an address whether it may stand in From, or whether an agent works from there.

What their links do is the page's.
"""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from gatepost.address import Address
from gatepost.gateway.accept import Gate
from gatepost.gateway.canonical import split_mail
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import put
from gatepost.ids import new_id
from gatepost.model import Message, User
from gatepost.settings import Settings
from gatepost.store.agents import ask_agent
from gatepost.store.links import LINK_LIFE
from gatepost.store.senders import ask
from gatepost.store.users import new_token

TRIGGER = "sender confirmation"
TEXT = """Somebody at {domain} wants to send mail as {address} with Gatepost.

Is that right? Then open this link and press Confirm. It works once, until {until}:

  {link}

If you do not know about it, do nothing: no mail is sent with your address.
"""
AGENT_TRIGGER = "agent confirmation"
AGENT_TEXT = """{name} of {domain} wants to work by mail from {address} with Gatepost: to get the mail of conversations
there, and to answer customers from there.

Is that you? Then open this link and press Confirm. It works once, until {until}:

  {link}

If you do not know about it, do nothing: nothing is sent to you, and nothing you write is acted upon.
"""
HIDDEN = b"The link in this mail is for the owner of the address alone, so it is not shown here.\r\n"


def ask_to_confirm(gate: Gate, address: Address, now: datetime) -> str:
    """Ask whether an address may stand in From; the mail's id. An earlier link ends. Raises AskedOften, Refused."""
    token, row_id = new_token(), new_id("msg")
    letter = Letter(
        to=("", str(address)),
        subject=f"Confirm {address.key} as a sender",
        text=TEXT.format(link=f"{gate.settings.base_url}/confirm/{token}", **words_of(gate, address, now)),
        trigger=TRIGGER,
        row_id=row_id,
        snippet=f"Asks {address.key} to be confirmed as a sender",
    )
    return send_asking(gate, letter, lambda session: ask(session, address.key, token, row_id, now), now)


def ask_agent_to_confirm(gate: Gate, user: User, address: Address, now: datetime) -> str:
    """Ask whether an agent may work by mail from an address; the mail's id. An earlier link ends.

    Raises ValueError with a sentence, Refused.
    """
    token, user_id = new_token(), user.id
    link = f"{gate.settings.base_url}/agent-address/{token}"
    letter = Letter(
        to=("", str(address)),
        subject=f"Confirm {address.key} to work by mail",
        text=AGENT_TEXT.format(link=link, name=user.name, **words_of(gate, address, now)),
        trigger=AGENT_TRIGGER,
        snippet=f"Asks {address.key} to be confirmed for {user.name}",
    )
    return send_asking(gate, letter, lambda session: ask_agent(session, user_id, address.key, token, now), now)


def words_of(gate: Gate, address: Address, now: datetime) -> dict[str, str]:
    """What both mails say: who asks, for which address, until when."""
    until = f"{now + LINK_LIFE:%Y-%m-%d %H:%M} UTC"
    return {"domain": gate.settings.domain, "address": address.key, "until": until}


def send_asking(gate: Gate, letter: Letter, note: Callable[[Session], None], now: datetime) -> str:
    """Note that an address was asked, and send the mail, both or neither; its id."""
    prepared = prepare_letter(gate, letter, now)

    def both(session: Session) -> str:
        note(session)
        return put(session, prepared, now)

    message_id = gate.ledger.write(both)
    gate.wake()
    return message_id


def without_link(settings: Settings, message: Message, raw: bytes) -> bytes:
    """A mail as pages show it: whoever asked for a confirmation does not read the link, which proves its reader.

    Where all mail stays in the sandbox, that is the only place to find it.
    """
    if message.trigger not in (TRIGGER, AGENT_TRIGGER) or settings.route == "sandbox":
        return raw
    fields = [name + b":" + value for name, value in split_mail(raw)[0] if not name.lower().startswith(b"content-")]
    return b"".join(fields) + b"\r\n" + HIDDEN
