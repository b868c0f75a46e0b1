"""Sending over the server of a connected mailbox: with its own login, as its own address, with one copy in Sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import Login, NoLogin, stored_password
from gatepost.gateway.given_id import given_id, kept_in_mind
from gatepost.gateway.one_transaction import Gathering
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.route import Hop
from gatepost.gateway.route_config import RouteConfig, config_hop, config_of
from gatepost.gateway.route_ways import Attempt, NoHop, no_hop, pinned, token_refused
from gatepost.gateway.send import Sent
from gatepost.gateway.send_all import last, transact_all
from gatepost.gateway.send_pool import Pool
from gatepost.model import Account, Channel, Route
from gatepost.reply import Reply, clean_text
from gatepost.store.accounts import AccountState, get_account
from gatepost.store.channels import get_channel
from gatepost.store.deliveries import Claim
from gatepost.store.sent_copies import note_sent

SENDING_LIMITS = (
    "daily user sending limit exceeded",
    "daily sending quota exceeded",
    "submissionquotaexceeded",
    "recipient limit exceeded",
    "exceeded sending limits",
    "reached your daily limit",
)
"""What providers write where a mailbox has sent too much, in lower case; some of them with a permanent code."""

Through = Callable[[Sequence[Claim], Callable[[], Awaitable[Sent]]], Awaitable[Sent]]
"""One attempt in its turn, for so many deliveries."""


@dataclass(frozen=True, slots=True)
class Handing:
    """Where an account's mail is handed in, the address that it is sent as, and the account."""

    hop: Hop
    address: str
    account_id: str


def account_way(gate: Gate, row: Route, pool: Pool, clock: Callable[[], datetime], through: Through) -> Attempt:
    """The attempt over a connected mailbox's server: as that mailbox, for its provider allows no other sender.

    Recipients of one mail that begin together share a transaction, so that a provider that keeps copies keeps one.
    Each transaction goes `through` the pace of the server.
    """
    kept: list[tuple[float, Handing]] = []

    async def handing(refused: str = "") -> Handing:
        if refused or not kept or time.monotonic() >= kept[0][0]:
            kept[:] = [(time.monotonic() + 1, await asyncio.to_thread(account_hop, gate, row, refused))]
        return kept[0][1]

    async def send(group: Sequence[Outgoing]) -> dict[str, Sent]:
        found: dict[str, Sent] = {}

        async def once() -> Sent:
            found.update(await send_as_account(gate, row, group, handing, pool, clock))
            return last(found)

        sent = await through([each.claim for each in group], once)
        return found or {each.recipient: sent for each in group}

    return Gathering(send).attempt


async def send_as_account(
    gate: Gate,
    row: Route,
    group: Sequence[Outgoing],
    handing: Callable[[str], Awaitable[Handing]],
    pool: Pool,
    clock: Callable[[], datetime],
) -> dict[str, Sent]:
    """One mail to those of its recipients that are sent now; a token that is refused is replaced once."""
    recipients = list(dict.fromkeys(each.recipient for each in group))
    try:
        using = await handing("")
        found = await hand_all(using, group[0], recipients, pool)
        if using.hop.auth != "password" and token_refused(next(iter(found.values()))):
            fresh = await handing(using.hop.password)
            if fresh.hop.password != using.hop.password:
                using, found = fresh, await hand_all(fresh, group[0], recipients, pool)
    except NoHop as error:
        return dict.fromkeys(recipients, no_hop(row, error))
    await note_what_went_out(gate, using.account_id, group[0], using.hop, list(found.values()), clock())
    return {recipient: as_it_is(sent) for recipient, sent in found.items()}


async def hand_all(using: Handing, outgoing: Outgoing, recipients: Sequence[str], pool: Pool) -> dict[str, Sent]:
    mail_from = using.address if outgoing.mail_from else ""
    return await transact_all(using.hop, mail_from, recipients, outgoing.content, pool=pool)


async def note_what_went_out(
    gate: Gate, account_id: str, outgoing: Outgoing, hop: Hop, found: list[Sent], now: datetime
) -> None:
    """Before anybody hears of it: that a copy is to be looked for in Sent, and the id that the server gave."""
    out = [sent for sent in found if sent.stage == "dot" and (sent.reply.positive or sent.uncertain)]
    if not out:
        return
    message_id, sure = outgoing.claim.message_id, out[0].reply.positive
    header_id = given_id(hop.host, out[0].reply.text) if sure else ""
    await kept_in_mind(gate, lambda session: note_sent(session, message_id, account_id, header_id, now, sure=sure))


def account_hop(gate: Gate, row: Route, refused: str = "") -> Handing:
    """How an account's mail is handed in; with `refused`, a token that its server did not take. Raises NoHop."""
    found = find_account(gate, row)
    if found is None:
        raise NoHop("its connected mailbox is gone; connect it again, or remove the route")
    account, channel = found
    if account.state == AccountState.DISABLED:
        raise NoHop("its mailbox is disconnected; connect it again, or remove the route")
    try:
        login = gate.account_login(account, refused) if gate.account_login else stored_password(gate.keys, account)
    except NoLogin as error:
        raise NoHop(str(error)) from None
    address = account.address or (account.username if "@" in account.username else channel.address)
    return Handing(server_hop(gate, account, login, config_of(row)), address, account.id)


def server_hop(gate: Gate, account: Account, login: Login, config: RouteConfig) -> Hop:
    """The account's server with its login, at an address that may be connected to. Raises NoHop."""
    hop = config_hop(gate.settings, with_server(account, config), account.username, login.secret)
    if not login.may_go_to(hop.host):
        raise NoHop(f"the mailbox is logged in to at its provider, and {hop.host} is no server of that provider")
    return pinned(gate, config, replace(hop, auth=login.auth))


def with_server(account: Account, config: RouteConfig) -> RouteConfig:
    """The configuration with the account's own server, where the route names none. Raises NoHop."""
    if config.url:
        return config
    if not account.smtp_host:
        raise NoHop("its mailbox has no sending server yet; name it where the mailbox is connected")
    host = f"[{account.smtp_host}]" if ":" in account.smtp_host else account.smtp_host
    scheme = "smtps" if account.smtp_security == "tls" else "smtp"
    return replace(config, url=f"{scheme}://{host}:{account.smtp_port or 587}")


def find_account(gate: Gate, row: Route) -> tuple[Account, Channel] | None:
    with gate.database.session() as session:
        account = get_account(session, row.account_id or "")
        channel = get_channel(session, account.channel_id) if account else None
        return (account, channel) if account and channel else None


def as_it_is(sent: Sent) -> Sent:
    """A provider's limit on its own user is nothing of the recipient's: it is tried again, whatever its code says."""
    if not sent.reply.permanent or not is_limit(sent.reply):
        return sent
    text = f"the mailbox has reached its provider's sending limit: {sent.reply}"
    return replace(sent, reply=Reply(None, "4.4.5", clean_text(text)))


def is_limit(reply: Reply) -> bool:
    """Whether a refusal is about how much a mailbox may send: Gmail's 5.4.5 and Microsoft's 5.2.2 and 5.1.90."""
    text = reply.text.lower()
    return any(words in text for words in SENDING_LIMITS)
