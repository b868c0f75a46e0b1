"""Channels: the addresses of ours that people write to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, union_all, update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Account, Arrival, Channel, ChannelAlias, Conversation, ConversationChannel, Membership
from gatepost.store.approvals import forget_approvals
from gatepost.store.attempts import forget_connecting
from gatepost.store.together import remembered, together_in


def create_channel(
    session: Session,
    *,
    name: str,
    address: str,
    sender_name: str = "",
    footer: str = "",
    by_mx: bool = True,
    now: datetime,
) -> Channel:
    """A new channel; `address` is an address key. Raises ValueError when the address is taken."""
    if channel_by_address(session, address):
        raise ValueError(f"{address} is already a mailbox of yours")
    channel = Channel(
        id=new_id("chn"),
        name=name,
        address=address,
        sender_name=sender_name or name,
        footer=footer,
        by_mx=by_mx,
        created_at=now,
    )
    session.add(channel)
    session.flush()
    return channel


def channel_by_address(session: Session, address: str) -> Channel | None:
    """The channel with this address or alias (an address key)."""
    if together_in(session):
        ours = remembered(session, "our addresses", lambda: our_addresses(session))
        if address not in ours:
            return None
        return remembered(session, ("channel", address), lambda: find_channel(session, address))
    return find_channel(session, address)


def find_channel(session: Session, address: str) -> Channel | None:
    channel = session.exec(select(Channel).where(Channel.address == address)).first()
    if channel:
        return channel
    alias = session.get(ChannelAlias, address)
    return session.get(Channel, alias.channel_id) if alias else None


def our_addresses(session: Session) -> frozenset[str]:
    """The addresses of all channels, aliases too."""
    ours = union_all(select(Channel.address), select(ChannelAlias.address))
    return frozenset(session.execute(ours).scalars())


def get_channel(session: Session, channel_id: str) -> Channel | None:
    """A channel by its id."""
    return session.get(Channel, channel_id)


def list_channels(session: Session) -> Sequence[Channel]:
    """All channels by address."""
    return session.exec(select(Channel).order_by(Channel.address)).all()


def aliases_of(session: Session, channel_id: str) -> Sequence[str]:
    """A channel's further addresses."""
    return session.exec(
        select(ChannelAlias.address).where(ChannelAlias.channel_id == channel_id).order_by(ChannelAlias.address)
    ).all()


def set_aliases(session: Session, channel_id: str, addresses: Sequence[str]) -> None:
    """Replace a channel's aliases. Raises ValueError when one is taken by another channel."""
    for address in addresses:
        holder = channel_by_address(session, address)
        if holder and holder.id != channel_id:
            raise ValueError(f"{address} already belongs to the mailbox {holder.address}")
    session.execute(delete(ChannelAlias).where(col(ChannelAlias.channel_id) == channel_id))
    for address in dict.fromkeys(addresses):
        session.add(ChannelAlias(address=address, channel_id=channel_id))
    session.flush()


def delete_channel(session: Session, channel_id: str) -> None:
    """Remove a channel that nothing hangs on. Raises ValueError when it has conversations or an account."""
    if session.exec(select(Conversation.id).where(Conversation.channel_id == channel_id).limit(1)).first():
        raise ValueError("this mailbox has conversations; switch it off instead of deleting it")
    if session.exec(select(Account.id).where(Account.channel_id == channel_id).limit(1)).first():
        raise ValueError("disconnect this mailbox's account first")
    session.execute(delete(ChannelAlias).where(col(ChannelAlias.channel_id) == channel_id))
    session.execute(delete(Membership).where(col(Membership.channel_id) == channel_id))
    session.execute(update(Arrival).where(col(Arrival.channel_id) == channel_id).values(channel_id=None))
    session.execute(delete(ConversationChannel).where(col(ConversationChannel.channel_id) == channel_id))
    forget_connecting(session, channel_id)
    forget_approvals(session, channel_id)
    session.execute(delete(Channel).where(col(Channel.id) == channel_id))
