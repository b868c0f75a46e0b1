"""Going over a relay that people made, with its own login and TLS."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gatepost.gateway.accept import Gate
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.route import Hop
from gatepost.gateway.route_config import RouteConfig, config_hop, config_of, open_secrets
from gatepost.gateway.send import Sent
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.token_source import TokenError, Tokens
from gatepost.gateway.ways import hand_over
from gatepost.http import is_global, system_addresses
from gatepost.model import Route
from gatepost.reply import Reply, clean_text
from gatepost.seal import SealError

Attempt = Callable[[Outgoing], Awaitable[Sent]]
KEPT_SECONDS = 60.0


class NoHop(Exception):
    """A route that cannot be used now; str() is a sentence for people."""


def relay_way(gate: Gate, row: Route, pool: Pool, tokens: Tokens) -> Attempt:
    """The attempt over a relay of its own. A token that is refused is replaced once by a new one."""
    config = config_of(row)
    kept: list[tuple[float, Hop]] = []

    async def attempt(outgoing: Outgoing) -> Sent:
        try:
            hop = await kept_hop(kept, config, lambda: relay_hop_of(gate, row, tokens))
        except NoHop as error:
            return no_hop(row, error)
        sent = await hand_over(hop, outgoing, pool)
        if config.bearer and token_refused(sent):
            kept.clear()
            tokens.drop(row, hop.password)
            try:
                fresh = await asyncio.to_thread(relay_hop_of, gate, row, tokens)
            except NoHop as error:
                return no_hop(row, error)
            if fresh.password != hop.password:
                return await hand_over(fresh, outgoing, pool)
        return sent

    return attempt


def token_refused(sent: Sent) -> bool:
    """Whether a login was refused in a way that another token may mend."""
    return sent.stage == "auth" and sent.reply.status in ("4.7.8", "4.7.3")


async def kept_hop(kept: list[tuple[float, Hop]], config: RouteConfig, make: Callable[[], Hop]) -> Hop:
    """The hop as it was found a moment ago, or found anew in a thread. Raises NoHop."""
    if kept and not config.bearer and time.monotonic() < kept[0][0]:
        return kept[0][1]
    hop = await asyncio.to_thread(make)
    kept[:] = [(time.monotonic() + KEPT_SECONDS, hop)]
    return hop


def relay_hop_of(gate: Gate, row: Route, tokens: Tokens) -> Hop:
    """Where a relay route leads, with what it logs in with. Raises NoHop."""
    config = config_of(row)
    try:
        secret = tokens.get(row) if config.bearer else open_secrets(gate.keys, row).get("password", "")
    except (TokenError, SealError) as error:
        raise NoHop(str(error)) from None
    return pinned(gate, config, config_hop(gate.settings, config, "", secret))


def pinned(gate: Gate, config: RouteConfig, hop: Hop) -> Hop:
    """The hop at an address that may be connected to: routes made on the pages do not lead inside. Raises NoHop."""
    if config.private or gate.settings.private_hosts:
        return hop
    try:
        found = system_addresses(hop.host, hop.port)
    except (OSError, UnicodeError):
        raise NoHop(f"the name {hop.host} could not be looked up") from None
    if not found or not all(is_global(address) for address in found):
        raise NoHop(f"{hop.host} is at a private address; private_hosts, or making the route on the machine, allows it")
    return replace(hop, address=found[0])


def no_hop(row: Route, error: NoHop) -> Sent:
    """A delivery that has to wait, because its route cannot be used now."""
    reply = Reply(None, "4.3.5", clean_text(f"the route {row.name} cannot be used now: {error}"))
    return Sent(reply, "", None, "auth")
