"""`gatepost sender`: addresses that may stand in From, confirmed by their owners."""

from typing import Any

from sqlmodel import Session

from gatepost.address import Address, parse_address
from gatepost.cli.domain import gate_of
from gatepost.cli.frame import BadInput, Failed, naming, opened, print_object, print_rows, say
from gatepost.gateway.confirm import ask_to_confirm
from gatepost.gateway.standing import address_standing
from gatepost.parts import clock
from gatepost.reply import Refused
from gatepost.settings import Settings
from gatepost.store import senders
from gatepost.store.links import AskedOften


def list_senders(settings: Settings, as_json: bool) -> None:
    """Confirmed addresses, and those that were asked."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [row_of(session, settings, row.address) for row in senders.list_senders(session)]
    print_rows(rows, as_json, "No address was asked to confirm: run `gatepost sender add name@example.com`.")


def row_of(session: Session, settings: Settings, address: str) -> dict[str, Any]:
    (row,) = senders.senders_of(session, [address])
    why = f"{address} was listed before senders were verified"
    usable = True
    if "@" in address:
        standing = address_standing(session, settings, parse_address(address))
        usable, why = standing.usable, standing.why
    return {"address": address, "usable": usable, "why": why, "confirmed_at": row.confirmed_at, "id": row.id}


def read(address: str) -> Address:
    with naming(f"ADDRESS {address}"):
        return parse_address(address)


def check_sender(settings: Settings, address: str, as_json: bool) -> None:
    """Whether an address may stand in From, and why."""
    wanted = read(address)
    with opened(settings) as parts, parts.database.session() as session:
        found = address_standing(session, settings, wanted)
    if as_json:
        print_object({"address": wanted.key, "usable": found.usable, "why": found.why, "fix": found.fix or None})
        return
    say(f"{wanted.key} {'may' if found.usable else 'may not'} be used as From: {found.why}.")
    if found.fix:
        say(f"  fix: {found.fix}")


def add_sender(settings: Settings, address: str, as_json: bool) -> None:
    """Send a confirmation mail, which leaves when `gatepost serve` runs."""
    wanted = read(address)
    with opened(settings) as parts:
        try:
            message_id = ask_to_confirm(gate_of(parts), wanted, clock())
        except (AskedOften, Refused) as error:
            raise Failed(str(error)) from None
    if as_json:
        print_object({"address": wanted.key, "message_id": message_id})
    else:
        say(f"A mail to {wanted.key} is queued ({message_id}); its owner opens the link in it and presses Confirm.")


def remove_sender(settings: Settings, address: str, as_json: bool) -> None:
    """Forget an address."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            found = senders.senders_of(session, [address.strip().lower(), address.strip()])
        if not found:
            raise BadInput(f"ADDRESS {address}: it is not there; `gatepost sender list` shows what is")
        row = found[0]
        parts.ledger.write(lambda session: senders.remove_sender(session, row.id, clock()))
    if as_json:
        print_object({"address": row.address, "removed": True})
    else:
        say(f"{row.address} is forgotten.")
