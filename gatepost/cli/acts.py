"""`gatepost queue retry, hold, release, cancel, reroute, resend`: acts on deliveries, after showing how many."""

import sys
from dataclasses import replace

from gatepost.acts import ENDED, Actor
from gatepost.acts import WAITING as READY
from gatepost.cli.frame import BadInput, Failed, naming, opened, print_object, say, warn
from gatepost.cli.queue import check_which
from gatepost.gateway import acts
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store.conversations import by_number
from gatepost.store.credentials import list_credentials
from gatepost.store.queue import Which
from gatepost.words import DeliveryState

ACTOR = Actor("the command line")
TO_BE = {
    "retry": "tried now",
    "hold": "held",
    "release": "released and sent",
    "cancel": "cancelled",
    "reroute": "sent over another route",
}
THEN = {
    "retry": "due now; the running `gatepost serve` tries within seconds",
    "hold": "held until `gatepost queue release`",
    "release": "released; the running `gatepost serve` sends within seconds",
    "cancel": "cancelled and will not be sent",
    "reroute": "sent over the other route by the running `gatepost serve`; held ones when they are released",
}
OPEN = ("retry", "reroute")


def act(settings: Settings, name: str, which: Which, yes: bool, as_json: bool, route: str = "") -> None:
    """Do an act to the deliveries that fit. Ended ones are only sent again where an id or a state names them."""
    which = check_which(which)
    if name in OPEN and not which.ids and not which.states:
        held = {DeliveryState.HELD} if name == "reroute" else set()
        which = replace(which, states=tuple(sorted(READY | held)))
    with opened(settings) as parts:
        with naming(f"ROUTE {route}"):
            via = acts.check_route(parts.database, settings.route, route) if name == "reroute" else ""
        which = known(parts, which)
        before = acts.preview(parts.database, name, which, clock())
        refused, changed = before.refused, 0
        if before.total:
            confirm(before.total, TO_BE[name], yes)
            done = acts.perform(parts.database, parts.ledger, name, which, ACTOR, clock(), via)
            refused, changed = done.refused, done.changed
    if as_json:
        print_object({"changed": changed, "refused": refused})
        return
    for why, number in refused.items():
        warn(f"gatepost: {amount(number)} left as before: {why}")
    if changed:
        say(f"{amount(changed)} {THEN[name]}.")
        return
    ended = f"; to send ended ones again, name their --state ({', '.join(sorted(ENDED))})" if name in OPEN else ""
    say(f"No delivery fits that can be {TO_BE[name]}{ended}.")


def known(parts: Parts, which: Which) -> Which:
    """The filter with the ids of what people name by number and name. Raises BadInput."""
    with parts.database.session() as session:
        if which.conversation:
            number = which.conversation.removeprefix("#")
            row = by_number(session, int(number)) if number.isdecimal() and len(number) < 10 else None
            if row is None:
                raise BadInput(f"--conversation {which.conversation}: there is no such conversation")
            which = replace(which, conversation=row.id)
        if which.credential:
            named = [
                row.id for row in list_credentials(session) if which.credential in (row.id, row.name, row.username)
            ]
            if len(named) != 1:
                raise BadInput(
                    f"--credential {which.credential}: {len(named)} credentials have this name; "
                    "`gatepost credential list` shows them"
                )
            which = replace(which, credential=named[0])
    return which


def confirm(number: int, to_be: str, yes: bool) -> None:
    """Ask, unless `yes`. Raises BadInput where nobody can answer, and Failed on no."""
    confirm_it(f"{amount(number)} to be {to_be}", yes)


def confirm_it(what: str, yes: bool) -> None:
    """As `confirm`, in these words."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(f"--yes: {what}; add --yes to do it without being asked")
    import typer

    if not typer.confirm(f"{what}. Go on?", err=True):
        raise Failed("nothing was changed")


def amount(number: int) -> str:
    return f"{number} {'delivery is' if number == 1 else 'deliveries are'}"


def resend(settings: Settings, delivery_id: str, address: str, as_json: bool) -> None:
    """Send the same mail to a corrected address."""
    with opened(settings) as parts:
        try:
            new = acts.resend(parts.ledger, delivery_id, address, ACTOR, clock())
        except ValueError as error:
            raise BadInput(f"DELIVERY {delivery_id}: {error}") from None
    if as_json:
        print_object({"id": new, "recipient": address})
    else:
        say(f"The same mail is on its way to {address}: `gatepost queue show {new}` tells what becomes of it.")
