"""Records of history, for tests: short ways to write one, and a whole mailing list whose threads are known."""

from datetime import UTC, datetime, timedelta
from random import Random

from gatepost.threading.archive import Thread
from gatepost.threading.archive_record import Record

START = datetime(2024, 5, 1, tzinfo=UTC)
LIST = "list@lists.example"
ANA, BEN, CAT, DAN = (f"{name}@{name}.example" for name in ("ana", "ben", "cat", "dan"))


def written(
    subject: str, day: float = 0, *, by: str = ANA, to: str = LIST, says: str = "", quotes: str = "",
    id_: str | None = None,
) -> Record:  # fmt: skip
    """A mail without References."""
    people = frozenset((by, to)) - {""}
    return Record(id_, (), (), subject, START + timedelta(days=day), by, people, says, quotes)


def groups(threads: list[Thread]) -> list[int]:
    return [thread.group for thread in threads]


def words(random: Random, count: int) -> str:
    """Sentences that nobody else writes."""
    return " ".join("".join(random.choices("abdegiklmnoprstu", k=random.randint(2, 9))) for _ in range(count))


def mailing_list(threads: int, seed: int) -> tuple[list[Record], list[int]]:
    """All mails of so many threads without any id, in the order of their dates, with the thread of each.

    Every second thread changes its subject on the way; all are short, and run beside each other.
    """
    random = Random(seed)
    made: list[tuple[Record, int]] = []
    for thread in range(threads):
        subject, day = words(random, 4), random.uniform(0, 60)
        first = written(subject, day, by=f"{random.randrange(9)}@x.example", says=words(random, 40))
        mails = [first]
        for number in range(random.randint(1, 6)):
            answered = random.choice(mails)
            day += random.uniform(0.01, 3)
            if number == 2 and thread % 2:
                subject = words(random, 3)
            said = words(random, random.randint(8, 60))
            writer = f"{random.randrange(9)}@x.example"
            mails.append(written(f"Re: {subject}", day, by=writer, says=said, quotes=part_of(random, answered.own)))
        made += [(mail, thread) for mail in mails]
    made.sort(key=lambda one: one[0].date or START)
    return [mail for mail, _ in made], [thread for _, thread in made]


def part_of(random: Random, text: str) -> str:
    """Some words in a row, wrapped anew."""
    found = text.split()
    start = random.randrange(max(1, len(found) - 12))
    return "\n".join(" ".join(found[at : at + 7]) for at in range(start, min(start + 20, len(found)), 7))
