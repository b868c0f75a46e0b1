"""What an answer answers whose References were lost: by the text that it quotes, by its subject, by people and time."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gatepost.threading.archive_record import NO_DATE, Record
from gatepost.threading.subject import BaseSubject, base_subject

RUN = 5
MOST_RUNS = 200
FEWEST_RUNS = 3
MOST_HOLDERS = 3
MOST_LOOKED_AT = 200
SOON = timedelta(days=7)
LONG = timedelta(days=30)
NEVER = timedelta(days=100_000)
CLOCKS = timedelta(days=1)
"""Clocks are wrong by so much."""

WAS = re.compile(r"[(\[] ?(?:was|war) ?:? ", re.IGNORECASE)
WORD = re.compile(r"\w{1,100}")

Run = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """That one record answers another, by their indexes, and why."""

    index: int
    parent: int
    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The records, their base subjects, and the number of each one's thread so far (-1 for none)."""

    records: Sequence[Record]
    subjects: Sequence[BaseSubject]
    threads: Sequence[int]

    def is_before(self, parent: int, index: int) -> bool:
        """Whether a record of another thread was written before this one, as far as dates tell."""
        earlier, later = self.records[parent].date, self.records[index].date
        in_time = earlier is None or later is None or earlier - later <= CLOCKS
        return in_time and self.threads[parent] not in (-1, self.threads[index])

    def gap(self, parent: int, index: int) -> timedelta:
        """How much later a record is than another; longer than any archive where a date is missing."""
        earlier, later = self.records[parent].date, self.records[index].date
        return later - earlier if earlier and later else NEVER


def find_links(lost: Lost, firsts: Sequence[int]) -> list[Link]:
    """What the first records of threads answer, each by the strongest sign: quoted text, a named subject, people."""
    links = by_quotes(lost, firsts)
    known = {link.index for link in links}
    links += by_former_subject(lost, [index for index in firsts if index not in known])
    known |= {link.index for link in links}
    return links + by_people(lost, [index for index in firsts if index not in known])


def by_quotes(lost: Lost, firsts: Sequence[int]) -> list[Link]:
    """Answers whose quoted words stand in an earlier mail: half of them at least, and in few mails."""
    asked = {index: set(runs(lost.records[index].quoted)) for index in firsts}
    wanted = {run for found in asked.values() for run in found}
    holders: dict[Run, list[int]] = {}
    for index, record in enumerate(lost.records if wanted else ()):
        for run in set(runs(record.own)) & wanted:
            holders.setdefault(run, []).append(index)
    return [link for index in firsts if (link := best_holder(lost, index, asked[index], holders))]


def best_holder(lost: Lost, index: int, asked: set[Run], holders: dict[Run, list[int]]) -> Link | None:
    """The record that holds most of what this one quotes, of several the last; None where none holds enough."""
    counts: dict[int, int] = {}
    for run in asked:
        held = holders.get(run, ())
        for parent in held if len(held) <= MOST_HOLDERS else ():
            counts[parent] = counts.get(parent, 0) + 1
    enough = max(FEWEST_RUNS, (len(asked) + 1) // 2)
    fitting = [
        parent
        for parent, count in counts.items()
        if count >= enough and lost.is_before(parent, index) and may_answer(lost, parent, index)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda parent: (counts[parent], -lost.gap(parent, index), parent))
    return Link(index, best, f"It quotes what {name_of(lost.records[best])} says")


def may_answer(lost: Lost, parent: int, index: int) -> bool:
    """Whether who quotes answers: his subject says so, or he writes to whom he quotes within a month."""
    if lost.subjects[index].is_reply or former_subject(lost.records[index].subject):
        return True
    written_to = lost.records[parent].sender in lost.records[index].people
    return written_to and lost.gap(parent, index) <= LONG


def by_former_subject(lost: Lost, firsts: Sequence[int]) -> list[Link]:
    """Mails that name the subject of an earlier thread: `New (was: Old)`; the last mail of that subject before."""
    named = {index: former for index in firsts if (former := former_subject(lost.records[index].subject))}
    wanted = set(named.values())
    known: dict[str, list[int]] = {}
    for index, subject in enumerate(lost.subjects if wanted else ()):
        if (text := subject.text.casefold()) in wanted and len(known.setdefault(text, [])) < MOST_LOOKED_AT:
            known[text].append(index)
    found = []
    for index, former in named.items():
        before = [parent for parent in known.get(former, ()) if lost.is_before(parent, index)]
        if before:
            parent = min(before, key=lambda parent: lost.gap(parent, index))
            found.append(Link(index, parent, f"Its subject names that of {name_of(lost.records[parent])}"))
    return found


def former_subject(text: str) -> str:
    """The base subject in `(was: ...)`, to be compared; empty where there is none."""
    found = WAS.search(text[:1000])
    return base_subject(text[found.end() : 1000].strip().rstrip(")]")).text.casefold() if found else ""


def by_people(lost: Lost, firsts: Sequence[int]) -> list[Link]:
    """Answers without any subject: what the same people wrote within a week, where that is one thread only."""
    asking = [index for index in firsts if lost.subjects[index].is_reply and not lost.subjects[index].text]
    wanted = {lost.records[index].people for index in asking if len(lost.records[index].people) > 1}
    known: dict[frozenset[str], list[int]] = {}
    for index, record in enumerate(lost.records if wanted else ()):
        if record.people in wanted and record.date:
            known.setdefault(record.people, []).append(index)
    for others in known.values():
        others.sort(key=lambda index: lost.records[index].date or NO_DATE, reverse=True)
    return [link for index in asking if (link := only_talk(lost, index, known.get(lost.records[index].people, ())))]


def only_talk(lost: Lost, index: int, others: Sequence[int]) -> Link | None:
    """The last mail of the one thread that was going on; `others` are the same people's, the newest first."""
    at = bisect_left(others, timedelta(), key=lambda other: lost.gap(other, index))
    near = [other for other in others[at : at + MOST_LOOKED_AT] if lost.gap(other, index) <= SOON]
    near = [other for other in near if lost.threads[other] not in (-1, lost.threads[index])]
    if len({lost.threads[other] for other in near}) != 1:
        return None
    name = name_of(lost.records[near[0]])
    return Link(index, near[0], f"It has no subject, and {name} is of the same people, at most {SOON.days} days older")


def runs(text: str) -> Iterator[Run]:
    """Every five words in a row, whatever the lines; at most 200."""
    words = [word.casefold() for word in WORD.findall(text)][: MOST_RUNS + RUN - 1]
    return (tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))


def name_of(record: Record) -> str:
    """A mail, for people."""
    return f"<{record.message_id}>" if record.message_id else "a message without Message-ID"
