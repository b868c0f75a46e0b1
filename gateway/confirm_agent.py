"""The mail that asks the owner of an address whether an agent may work by mail from there."""

from datetime import datetime

from gatepost.address import Address
from gatepost.gateway.accept import Gate
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import put
from gatepost.ids import new_id
from gatepost.model import User
from gatepost.store.agents import ask_agent
from gatepost.store.senders import LINK_LIFE, new_token

TRIGGER = "agent confirmation"
TEXT = """{name} of {domain} wants to work by mail from {address} with Gatepost: to get the mail of conversations
there, and to answer customers from there.

Is that you? Then open this link and press Confirm. It works once, until {until}:

  {link}

If you do not know about it, do nothing: nothing is sent to you, and nothing you write is acted upon.
"""


def ask_agent_to_confirm(gate: Gate, user: User, address: Address, now: datetime) -> str:
    """Send the mail; its id. An earlier link ends. Raises ValueError with a sentence, Refused."""
    token, row_id = new_token(), new_id("msg")
    text = TEXT.format(
        name=user.name,
        domain=gate.settings.domain,
        address=address.key,
        until=f"{now + LINK_LIFE:%Y-%m-%d %H:%M} UTC",
        link=f"{gate.settings.base_url}/agent-address/{token}",
    )
    letter = Letter(
        to=("", str(address)),
        subject=f"Confirm {address.key} to work by mail",
        text=text,
        trigger=TRIGGER,
        row_id=row_id,
        snippet=f"Asks {address.key} to be confirmed for {user.name}",
    )
    prepared = prepare_letter(gate, letter, now)
    user_id = user.id
    gate.ledger.write(lambda session: ask_agent(session, user_id, address.key, token, now))
    gate.ledger.write(lambda session: put(session, prepared, now))
    gate.wake()
    return row_id
