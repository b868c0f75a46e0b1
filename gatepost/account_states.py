"""What the states of connected mailboxes mean, and who is told of a change: decisions over values only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gatepost.store.accounts import AccountState

DELAY_PATIENCE = timedelta(hours=1)
"""A delay is told only after so long: servers have bad moments."""

OUTAGE_PATIENCE = timedelta(minutes=15)
MANY = 3
"""So many mailboxes of one provider that are delayed at once, and half of all, are an outage of the provider."""

OUTAGE = "outage"
NEEDS = (AccountState.NEEDS_RECONNECT, AccountState.NEEDS_APPROVAL)
WORKS = (AccountState.LIVE, AccountState.IMPORTING)
MEANINGS = {
    AccountState.CONNECTING: "Its first reading has not ended yet.",
    AccountState.IMPORTING: "New mail comes in; the mail that was there before is being fetched.",
    AccountState.LIVE: "All new mail is here.",
    AccountState.DELAYED: "The last try did not work; it is tried again by itself.",
    AccountState.NEEDS_RECONNECT: "No mail comes in until somebody connects it again.",
    AccountState.NEEDS_APPROVAL: "No mail comes in until an administrator of the organisation approves.",
    AccountState.DISABLED: "It was switched off here; no mail comes in.",
}
STEPS = {
    AccountState.CONNECTING: "Nothing has to be done.",
    AccountState.IMPORTING: "Nothing has to be done; it can be paused on its page.",
    AccountState.LIVE: "Nothing has to be done.",
    AccountState.DELAYED: "Nothing has to be done, unless it lasts.",
    AccountState.NEEDS_RECONNECT: "Open the mailbox and connect it again; what is missing is fetched then.",
    AccountState.NEEDS_APPROVAL: "Send the link on its page to your IT team; nothing is to be set in Gatepost.",
    AccountState.DISABLED: "Switch it on again on its page when you want it.",
}


class Told(StrEnum):
    """What a notice says; `joined`, an account of an outage that is known, is noted and not written about."""

    PROBLEM = "problem"
    WORKS = "works"
    OUTAGE = "outage"
    JOINED = "joined"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one account: `told` is the state that its owner knows of, or `outage`."""

    id: str
    provider: str
    host: str
    state: str
    since: datetime
    told: str

    @property
    def group(self) -> str:
        """Whose outage it would be: the provider, or the server of one that we do not know."""
        return self.host if self.provider in ("", "other") else self.provider


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to write, about these accounts; `to_state` is what is told of each from then on."""

    what: Told
    accounts: tuple[Standing, ...]
    to_state: str


def meaning_of(state: str) -> tuple[str, str]:
    """What a state means, and the next step; empty for a word of a later version."""
    known = AccountState(state) if state in list(AccountState) else None
    return (MEANINGS[known], STEPS[known]) if known else ("", "")


def due_notices(standings: Sequence[Standing], now: datetime) -> list[Notice]:
    """What has to be told now: each change once, a delay after an hour, and an outage of a provider once for all."""
    found: list[Notice] = []
    for group in sorted({one.group for one in standings}):
        members = [one for one in standings if one.group == group and one.state != AccountState.DISABLED]
        found += notices_of_group(members, now)
    return found


def notices_of_group(members: Sequence[Standing], now: datetime) -> Iterable[Notice]:
    """The notices about the accounts of one provider."""
    delayed = [one for one in members if one.state == AccountState.DELAYED]
    known = [one for one in members if one.told == OUTAGE]
    if is_outage(members, delayed, known, now):
        fresh = tuple(one for one in delayed if one.told != OUTAGE)
        if fresh:
            yield Notice(Told.JOINED if known else Told.OUTAGE, fresh, OUTAGE)
    else:
        if known and not any(one in delayed for one in known):
            yield Notice(Told.OVER, tuple(known), AccountState.LIVE)
        for one in delayed:
            if now - one.since >= DELAY_PATIENCE and one.told != one.state:
                yield Notice(Told.PROBLEM, (one,), one.state)
    for one in members:
        if one.state in NEEDS and one.told != one.state:
            yield Notice(Told.PROBLEM, (one,), one.state)
        elif one.state in WORKS and one.told in (*NEEDS, AccountState.DELAYED):
            yield Notice(Told.WORKS, (one,), AccountState.LIVE)


def is_outage(
    members: Sequence[Standing], delayed: Sequence[Standing], known: Sequence[Standing], now: datetime
) -> bool:
    """Whether it is the provider that does not work: half of its mailboxes at once, for a while."""
    if 2 * len(delayed) < len(members) or not delayed:
        return False
    return bool(known) or (len(delayed) >= MANY and max(now - one.since for one in delayed) >= OUTAGE_PATIENCE)
