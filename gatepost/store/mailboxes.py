"""Changing a channel's settings from its page."""

from sqlalchemy import update
from sqlmodel import Session, col

from gatepost.model import Channel
from gatepost.store.channels import channel_by_address

STATES = ("active", "inactive")


def change_channel(
    session: Session,
    channel_id: str,
    *,
    name: str,
    address: str,
    sender_name: str,
    footer: str,
    by_mx: bool,
    state: str,
    visible: bool = True,
) -> None:
    """Set what people may change; `address` is an address key. Raises ValueError when another channel has it.

    `state` decides whether mail comes and goes, `visible` whether it is shown to work with; neither needs the other.
    """
    if state not in STATES:
        raise ValueError(f"a mailbox is {' or '.join(STATES)}")
    holder = channel_by_address(session, address)
    if holder and holder.id != channel_id:
        raise ValueError(f"{address} already belongs to the mailbox {holder.address}")
    values = {
        "name": name,
        "address": address,
        "sender_name": sender_name or name,
        "footer": footer,
        "by_mx": by_mx,
        "state": state,
        "visible": visible,
    }
    session.execute(update(Channel).where(col(Channel.id) == channel_id).values(values))
