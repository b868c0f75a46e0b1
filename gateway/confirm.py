"""The mail that asks the owner of an address whether it may stand in From; what its link does is the page's."""

from datetime import datetime

from gatepost.address import Address
from gatepost.compose import compose
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.canonical import split_mail
from gatepost.gateway.confirm_agent import TRIGGER as AGENT
from gatepost.gateway.put import Submission
from gatepost.ids import new_id
from gatepost.model import Message
from gatepost.settings import Settings
from gatepost.store.senders import LINK_LIFE, ask, new_token
from gatepost.tokens import mint_message_id

TRIGGER = "sender confirmation"
TEXT = """Somebody at {domain} wants to send mail as {address} with Gatepost.

Is that right? Then open this link and press Confirm. It works once, until {until}:

  {link}

If you do not know about it, do nothing: no mail is sent with your address.
"""
HIDDEN = b"The link in this mail is for the owner of the address alone, so it is not shown here.\r\n"


def ask_to_confirm(gate: Gate, address: Address, now: datetime) -> str:
    """Send the mail; its id. An earlier link to the same address ends. Raises AskedOften, Refused."""
    token, row_id = new_token(), new_id("msg")
    gate.ledger.write(lambda session: ask(session, address.key, token, row_id, now))
    author = f"no-reply@{gate.settings.domain}"
    content = compose(
        from_=("Gatepost", author),
        to=[("", str(address))],
        subject=f"Confirm {address.key} as a sender",
        text=TEXT.format(
            domain=gate.settings.domain,
            address=address.key,
            until=f"{now + LINK_LIFE:%Y-%m-%d %H:%M} UTC",
            link=link_of(gate, token),
        ),
        message_id=mint_message_id(gate.keys, row_id, gate.settings.domain),
        date=now,
        extra_headers={"Auto-Submitted": "auto-generated"},
    )
    submission = Submission(
        Envelope("", (str(address),), content),
        senders=(author,),
        trigger=TRIGGER,
        row_id=row_id,
        snippet=f"Asks {address.key} to be confirmed as a sender",
    )
    return accept(gate, submission, now).result()


def without_link(settings: Settings, message: Message, raw: bytes) -> bytes:
    """A mail as pages show it: whoever asked for a confirmation does not read the link, which proves its reader.

    Where all mail stays in the sandbox, that is the only place to find it.
    """
    if message.trigger not in (TRIGGER, AGENT) or settings.route == "sandbox":
        return raw
    fields = [name + b":" + value for name, value in split_mail(raw)[0] if not name.lower().startswith(b"content-")]
    return b"".join(fields) + b"\r\n" + HIDDEN


def link_of(gate: Gate, token: str) -> str:
    """Where the owner confirms."""
    return f"{gate.settings.base_url}/confirm/{token}"
