"""Step 5 of RFC 5256's REFERENCES: threads of one base subject become one, unless people and time speak against it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gatepost.threading.archive_record import NO_DATE, Node, Record, first_record, records_below
from gatepost.threading.subject import BaseSubject, base_subject

FAR = timedelta(days=30)
MOST_GATHERED = 50
FEW = 10
"""In so few mails nobody is everywhere."""


@dataclass(slots=True)
class Gathered:
    """Threads of one base subject that belong together: the root that stands for them, who takes part, until when."""

    home: Node
    roots: list[Node]
    people: set[str]
    last: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """All mails, with the reasons that are told of each."""

    records: Sequence[Record]
    subjects: Sequence[BaseSubject]
    everywhere: frozenset[str]
    whys: list[list[str]]

    def subject(self, root: Node) -> BaseSubject:
        """The base subject of a thread, which is that of its first mail."""
        index = first_record(root)
        return self.subjects[index] if index is not None else BaseSubject("", False, False)

    def sent(self, root: Node) -> datetime:
        """Step 4: the time of a thread is that of its first mail."""
        index = first_record(root)
        return (self.records[index].date if index is not None else None) or NO_DATE

    def people(self, root: Node) -> set[str]:
        """Who takes part in a thread."""
        return set().union(*(self.records[index].people for index in records_below(root)))

    def last(self, root: Node) -> datetime | None:
        """When its last mail was sent."""
        dates = [date for index in records_below(root) if (date := self.records[index].date)]
        return max(dates, default=None)


def history_of(records: Sequence[Record], whys: list[list[str]]) -> History:
    """The mails with their base subjects; whoever is in more than half of many mails tells nothing."""
    counts = Counter(key for record in records for key in record.people)
    most = max(FEW, len(records)) / 2
    everywhere = frozenset(key for key, count in counts.items() if count > most)
    return History(records, [base_subject(record.subject) for record in records], everywhere, whys)


def gather(roots: Sequence[Node], history: History) -> list[Node]:
    """The threads after step 5, in the order of their first mails' dates."""
    table: dict[str, list[Gathered]] = {}
    ordered = sorted(roots, key=history.sent)
    alone = [root for root in ordered if not put_together(root, table, history)]
    homes = {id(one.home) for found in table.values() for one in found} | {id(root) for root in alone}
    for found in table.values():
        for one in found:
            for root in one.roots:
                if root is not one.home:
                    say_gathered(root, one.home, history)
                    one.home.children.append(root)
    return [root for root in ordered if id(root) in homes]


def put_together(root: Node, table: dict[str, list[Gathered]], history: History) -> bool:
    """Put a thread to those of its subject; False where it has none."""
    subject = history.subject(root)
    if not subject.text:
        return False
    found = table.setdefault(subject.text.casefold(), [])
    people, sent = history.people(root), history.sent(root)
    fitting = [one for one in found[-MOST_GATHERED:] if fits(subject, people, sent, one, history)]
    if not fitting:
        if found:
            say_apart(root, found[-1].home, history)
        found.append(Gathered(root, [root], people, history.last(root)))
        return True
    best = max(reversed(fitting), key=lambda one: len(one.people & people))
    best.roots.append(root)
    best.people |= people
    best.last = max(filter(None, (best.last, history.last(root))), default=None)
    if is_better(root, best.home, history):
        best.home = root
    return True


def fits(subject: BaseSubject, people: set[str], sent: datetime, one: Gathered, history: History) -> bool:
    """Whether a thread of the same subject belongs there: not where a month lies between and nobody is in both.

    A mail that begins something, by its subject, is not held there by an address that is in most mails.
    """
    if sent == NO_DATE or one.last is None or sent - one.last <= FAR or not people or not one.people:
        return True
    begins = not (subject.is_reply or subject.is_forward)
    return bool((people & one.people) - (history.everywhere if begins else frozenset()))


def is_better(root: Node, first: Node, history: History) -> bool:
    """Step 5B: a dummy, or a message that is no reply, stands for its subject."""
    if root.record is None:
        return first.record is not None
    if first.record is None:
        return False
    here, there = history.subjects[root.record], history.subjects[first.record]
    return (there.is_reply or there.is_forward) and not (here.is_reply or here.is_forward)


def say_gathered(root: Node, home: Node, history: History) -> None:
    index = first_record(root)
    if index is not None:
        history.whys[index].append(f'Subject "{history.subject(root).text}" is that of {name_of(home, history)}')


def say_apart(root: Node, home: Node, history: History) -> None:
    index = first_record(root)
    if index is not None:
        history.whys[index].append(
            f'Subject "{history.subject(root).text}" is that of {name_of(home, history)}, but more than '
            f"{FAR.days} days lie between, and nobody takes part in both"
        )


def name_of(root: Node, history: History) -> str:
    """A thread's first mail, for people."""
    index = first_record(root)
    written = history.records[index].message_id if index is not None else None
    return f"<{written}>" if written else "a message without Message-ID"
