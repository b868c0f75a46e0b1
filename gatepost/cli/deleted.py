"""`gatepost conversation delete, restore, purge`: into Deleted, back from there, and for ever."""

from collections.abc import Callable

from sqlmodel import Session

from gatepost.amount import amount
from gatepost.cli.acts import confirm_it
from gatepost.cli.conversation import ACTOR, named
from gatepost.cli.frame import BadInput, opened, print_object, say
from gatepost.model import Conversation
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import deleted
from gatepost.store.corrections import NotPossible
from gatepost.store.gone import gone
from gatepost.store.purge import contents
from gatepost.store.purge import purge as purge_one
from gatepost.words import DELETED, GONE


def delete(settings: Settings, numbers: list[str], spam: bool, as_json: bool) -> None:
    """Put conversations into Deleted, all or none."""
    with opened(settings) as parts:
        rows = all_named(parts, numbers)
        write_all(parts, rows, lambda session, key: deleted.delete(session, key, ACTOR, clock(), spam=spam))
    days = settings.deleted_days
    then = f"; what they say is deleted for ever in {amount(days, 'day')}" if days else ""
    told = f"{amount(len(rows), 'conversation')} deleted{then}; `gatepost conversation restore` brings them back."
    tell(rows, "deleted", told, as_json)


def restore(settings: Settings, numbers: list[str], as_json: bool) -> None:
    """Bring conversations back, all or none."""
    with opened(settings) as parts:
        rows = all_named(parts, numbers)
        write_all(parts, rows, lambda session, key: deleted.restore(session, key, ACTOR, clock()))
    back = [row for row in rows if row.state == DELETED]
    told = f"{amount(len(back), 'conversation')} restored." if back else "None of them is in Deleted."
    tell(back, "restored", told, as_json)


def purge(settings: Settings, numbers: list[str], yes: bool, as_json: bool) -> None:
    """Delete for ever what conversations in Deleted say, all or none, after telling how much that is."""
    with opened(settings) as parts:
        rows = all_named(parts, numbers)
        for row in rows:
            if row.state != DELETED:
                gone_already = row.state in GONE
                raise BadInput(f"{gone(row)}." if gone_already else f"#{row.number} is not in Deleted: delete it first")
        with parts.database.session() as session:
            before = contents(session, [row.id for row in rows])
        if not before.waiting:
            confirm_it(f"Delete for ever: {before}, which nobody can bring back", yes)
        write_all(parts, rows, lambda session, key: purge_one(session, key, ACTOR, clock()))
    tell(rows, "purged", f"Deleted for ever: {before}.", as_json)


def all_named(parts: Parts, numbers: list[str]) -> list[Conversation]:
    return [named(parts, "NUMBER", number) for number in dict.fromkeys(numbers)]


def write_all(parts: Parts, rows: list[Conversation], act: Callable[[Session, str], object]) -> None:
    def op(session: Session) -> None:
        for row in rows:
            act(session, row.id)

    try:
        parts.ledger.write(op)
    except NotPossible as error:
        raise BadInput(f"{error}; nothing was done") from None


def tell(rows: list[Conversation], word: str, told: str, as_json: bool) -> None:
    if not as_json:
        say(told)
    for row in rows if as_json else ():
        print_object({"conversation": row.number, "state": word})
