"""An agent hands a customer's mail over from his own mail program: the conversation is the customer's.

Only an agent who proves himself may say for whom he writes: else anybody could open conversations in another's name.
"""

from dataclasses import dataclass

from sqlmodel import Session

from gatepost.access import access
from gatepost.mail import Mail
from gatepost.model import User
from gatepost.settings import Settings
from gatepost.store.agents import agent_by_address
from gatepost.store.users import memberships
from gatepost.threading.candidates import channel_for
from gatepost.threading.forwarded import original_author
from gatepost.threading.place import Placement, Sender
from gatepost.words import Kind


@dataclass(frozen=True, slots=True)
class Behalf:
    """The agent who handed a mail over, and the customer: address key and name."""

    agent: User
    address: str
    name: str

    @property
    def why(self) -> str:
        """The sentence that stands with the mail's reasons."""
        return f"{self.agent.name} forwarded it: the customer is {self.address}, from its first forwarded header"


def on_behalf(
    session: Session,
    settings: Settings,
    channel_id: str | None,
    mail: Mail,
    kind: Kind,
    sender: Sender,
    placement: Placement,
) -> Behalf | None:
    """Whom a mail is handed over for; None for every mail that is no new one, of a proven agent of this mailbox.

    The customer stands in the first forwarded header block; who writes there is neither the agent nor one of us.
    """
    new = placement.conversation_id is None and placement.origin_id is None
    if not (new and channel_id and sender.aligned and kind == Kind.MESSAGE and not sender.own):
        return None
    found = original_author(mail)
    if found is None or found[1] == sender.key:
        return None
    name, address = found
    agent = agent_by_address(session, sender.key)
    if agent is None or not access(agent, memberships(session, agent.id), channel_id, "answer"):
        return None
    internal = address.rpartition("@")[2] in (settings.replies, settings.bounces)
    if internal or channel_for(session, address) or agent_by_address(session, address):
        return None
    return Behalf(agent, address, name)
