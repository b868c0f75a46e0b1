"""`gatepost mailbox`: the addresses that people write to, and the IMAP accounts that are fetched into them."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlmodel import Session

from gatepost.account_states import meaning_of
from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say
from gatepost.model import Account, Channel
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import accounts, channels
from gatepost.store.mailboxes import change_channel


def add_mailbox(
    settings: Settings, address: str, name: str, sender_name: str, aliases: Sequence[str], by_mx: bool, as_json: bool
) -> None:
    """A new address that people write to."""
    key = key_of("ADDRESS", address)
    further = [key_of("--alias", alias) for alias in aliases]

    def write(session: Session) -> Channel:
        channel = channels.create_channel(
            session, name=name or key, address=key, sender_name=sender_name, by_mx=by_mx, now=clock()
        )
        channels.set_aliases(session, channel.id, further)
        return channel

    with opened(settings) as parts, naming(f"ADDRESS {address}"):
        channel = parts.ledger.write(write)
    if as_json:
        print_object({"address": channel.address, "name": channel.name, "aliases": further, "id": channel.id})
        return
    say(f"The mailbox {channel.address} is ready.")
    if not by_mx:
        say(f"It takes no mail by MX: connect its account with `gatepost mailbox connect {channel.address} --host ...`")


def key_of(option: str, address: str) -> str:
    with naming(f"{option} {address}"):
        return parse_address(address).key


def list_mailboxes(settings: Settings, as_json: bool) -> None:
    """All mailboxes with their inlets and their account's state."""
    with opened(settings) as parts, parts.database.session() as session:
        by_channel = {account.channel_id: account for account in accounts.list_accounts(session)}
        rows = [
            row_of(channel, by_channel.get(channel.id), channels.aliases_of(session, channel.id))
            for channel in channels.list_channels(session)
        ]
    print_rows(rows, as_json, "There are no mailboxes: run `gatepost mailbox add support@example.com`.")


def row_of(channel: Channel, account: Account | None, aliases: Sequence[str]) -> dict[str, Any]:
    return {
        "address": channel.address,
        "name": channel.name,
        "state": channel.state,
        "mx": channel.by_mx,
        "account": f"{account.username} at {account.host}:{account.port}" if account else None,
        "account_state": account.state if account else None,
        "since": account.state_since if account else None,
        "why": account.state_why if account else None,
        "next_step": meaning_of(account.state)[1] if account else None,
        "last_sync_at": account.last_sync_at if account else None,
        "aliases": list(aliases),
        "id": channel.id,
    }


def known_channel(session: Session, option: str, address: str) -> Channel:
    """The mailbox with this address. Raises BadInput with those that there are."""
    channel = channels.channel_by_address(session, address.strip().lower())
    if channel:
        return channel
    there = [channel.address for channel in channels.list_channels(session)]
    known = f"there are {', '.join(there[:10])}" if there else "there is none yet"
    raise BadInput(f"{option} {address}: no such mailbox ({known}); `gatepost mailbox add {address}` makes it")


def account_of(session: Session, address: str) -> Account:
    """The account that is fetched into a mailbox. Raises BadInput."""
    channel = known_channel(session, "ADDRESS", address)
    account = next(iter(accounts.list_accounts(session, channel.id)), None)
    if account is None:
        raise BadInput(f"ADDRESS {address}: no account is connected; run `gatepost mailbox connect {address}`")
    return account


def poll(settings: Settings, address: str, as_json: bool) -> None:
    """Have the serving process fetch now; a disabled account is enabled."""
    change(settings, address, lambda session, account, now: start(session, account))
    tell(address, as_json, "due", "is due now: the running `gatepost serve` fetches it within seconds")


def start(session: Session, account: Account) -> None:
    act = accounts.enable if account.state == accounts.AccountState.DISABLED else accounts.poll_now
    act(session, account, clock())


def change(settings: Settings, address: str, act: Callable[[Session, Account, Any], None]) -> None:
    with opened(settings) as parts:
        parts.ledger.write(lambda session: act(session, account_of(session, address), clock()))


def remove(settings: Settings, address: str, as_json: bool) -> None:
    """Delete a mailbox that nothing hangs on; one with history is switched off, and the history stays."""
    with opened(settings) as parts:
        try:
            parts.ledger.write(
                lambda session: channels.delete_channel(session, known_channel(session, "ADDRESS", address).id)
            )
        except ValueError:
            switch_off(parts, address)
            tell(address, as_json, "switched off", "has history, so it is switched off instead; the history stays")
            return
    tell(address, as_json, "deleted", "is deleted")


def switch_off(parts: Parts, address: str) -> None:
    """No mail by MX, none fetched."""

    def write(session: Session) -> None:
        channel = known_channel(session, "ADDRESS", address)
        for account in accounts.list_accounts(session, channel.id):
            accounts.disable(session, account, clock())
        change_channel(
            session,
            channel.id,
            name=channel.name,
            address=channel.address,
            sender_name=channel.sender_name,
            footer=channel.footer,
            by_mx=False,
            state="inactive",
        )

    parts.ledger.write(write)


def tell(address: str, as_json: bool, result: str, sentence: str) -> None:
    if as_json:
        print_object({"address": address.strip().lower(), "result": result})
    else:
        say(f"{address} {sentence}.")
