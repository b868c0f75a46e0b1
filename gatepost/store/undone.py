"""What could not be done at providers, by account: copies in Sent, and what was to be written back."""

from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, func, select

from gatepost.model import SentCopy, WriteBack
from gatepost.store.chores import in_trouble


@dataclass(frozen=True, slots=True)
class Undone:
    """Of an account the copies and the acts that failed so far; of both together so many were `given_up`, the others
    are tried again. `why` is what stands at one of them, first at one that was given up.
    """

    copies: int = 0
    acts: int = 0
    given_up: int = 0
    why: str = ""


def undone_by_account(session: Session) -> dict[str, Undone]:
    """Every account that lacks something at its provider."""
    found: dict[str, Undone] = {}
    for account_id, state, why, number in rows_of(session, SentCopy):
        found[account_id] = added(found.get(account_id, Undone()), state, why, copies=number)
    for account_id, state, why, number in rows_of(session, WriteBack):
        found[account_id] = added(found.get(account_id, Undone()), state, why, acts=number)
    return found


def rows_of(session: Session, table: Any) -> Any:
    """Account, state, one of the reasons, how many."""
    query: Any = select(table.account_id, table.state, func.max(table.why), func.count()).where(in_trouble(table))
    return session.execute(query.group_by(table.account_id, table.state).order_by(col(table.state)))


def added(sum_: Undone, state: str, why: str, copies: int = 0, acts: int = 0) -> Undone:
    lost = copies + acts if state == "failed" else 0
    first = why if lost and not sum_.given_up else sum_.why or why
    sum_ = replace(sum_, copies=sum_.copies + copies, acts=sum_.acts + acts)
    return replace(sum_, given_up=sum_.given_up + lost, why=first)
