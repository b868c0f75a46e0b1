"""Whatever people, servers and reports do, in any order: every delivery is in one state, and fsck finds nothing."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.blobs import Blobs
from gatepost.database import migrate, open_database
from gatepost.ledger import Ledger
from gatepost.reply import Reply
from gatepost.store import acts, conversations, deliveries, outgoing
from gatepost.store.claims import claim
from gatepost.store.conversations import touch
from gatepost.store.deliveries import Claim, Result
from gatepost.store.events import add_event
from gatepost.store.fsck import fsck
from gatepost.store.queue import Which, find_deliveries
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import send

LEASE = timedelta(minutes=5)
ANA = Actor("Ana", None)
PEOPLE = ("ana@x.example", "ben@x.example", "Cara@y.example")
REPLIES = (
    Reply(250, "2.0.0", "ok"),
    Reply(550, "5.1.1", "no such user"),
    Reply(554, "5.7.1", "spam"),
    Reply(451, "4.3.0", "later"),
    Reply(None, "4.4.2", "connection lost after the final dot"),
)


@cache
def migrated() -> bytes:
    """An empty database of this version."""
    with TemporaryDirectory() as folder:
        migrate(f"sqlite:///{folder}/gatepost.db")
        return Path(folder, "gatepost.db").read_bytes()


class Queue(RuleBasedStateMachine):
    """A small queue on SQLite, its workers (which may come late), its people and the reports of the world."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        home = Path(self.folder.name)
        (home / "gatepost.db").write_bytes(migrated())
        self.database = open_database(f"sqlite:///{home / 'gatepost.db'}")
        self.ledger = Ledger(self.database).start()
        self.blobs = Blobs(home / "blobs")
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.claims: list[Claim] = []
        self.made = 0

    def teardown(self) -> None:
        self.ledger.close()
        self.database.close()
        self.folder.cleanup()

    def ids(self) -> list[str]:
        with self.database.session() as session:
            return list(acts.ids_for(session, "resend", Which(), self.now))

    @rule(people=st.sets(st.sampled_from(PEOPLE), min_size=1), held=st.booleans())
    def accept(self, people: set[str], held: bool) -> None:
        def op(session: Session) -> None:
            row = conversations.create_conversation(
                session, subject="s", requester="a@x", channel_id=None, now=self.now
            )
            made = send(session, sorted(people), self.now, row.id)
            touch(session, row.id, "", self.now, reopen=False)
            data = {"recipients": len(people)}
            add_event(session, "message.queued", now=self.now, message_id=made[0].message_id, data=data)
            outgoing.announce_suppressed(session, made, self.now)  # as `accept.put` does

        self.ledger.write(op)
        self.made += len(people)
        if held:
            self.act("hold", 1)

    @rule(limit=st.integers(1, 3))
    def work(self, limit: int) -> None:
        self.claims += self.ledger.write(lambda session: claim(session, limit, LEASE, self.now))

    @precondition(lambda self: self.claims)
    @rule(at=st.integers(0, 9), reply=st.sampled_from(REPLIES), keep=st.booleans())
    def answer(self, at: int, reply: Reply, keep: bool) -> None:
        """A result; with `keep` the worker tells it twice."""
        taken = self.claims[at % len(self.claims)]
        if not keep:
            self.claims.remove(taken)
        due = self.now + timedelta(minutes=1) if reply.temporary and reply.code else None
        state = DeliveryState.DELAYED if due else DeliveryState.UNCERTAIN
        if not reply.temporary:
            state = DeliveryState.DELIVERED if reply.positive else DeliveryState.FAILED
        result = Result(state, reply, "mx.example", "relay", due)
        self.ledger.write(lambda session: record_reply(session, taken, result, self.now))

    @rule(act=st.sampled_from(("retry", "hold", "release", "cancel")), most=st.integers(1, 5))
    def act(self, act: str, most: int) -> None:
        with self.database.session() as session:
            ids = acts.ids_for(session, act, Which(), self.now)[-most:]
        assert self.ledger.write(lambda session: acts.perform(session, act, ids, ANA, self.now)) == len(ids)

    @precondition(lambda self: self.ids())
    @rule(at=st.integers(0, 9), to=st.sampled_from((*PEOPLE, "dora@z.example")))
    def readdress(self, at: int, to: str) -> None:
        ids = self.ids()
        try:
            self.ledger.write(lambda session: acts.resend(session, ids[at % len(ids)], to, ANA, self.now).id)
            self.made += 1
        except ValueError:
            pass  # it is a recipient already, or suppressed

    @precondition(lambda self: self.made)
    @rule(
        at=st.integers(0, 9),
        state=st.sampled_from(("bounced", "complained", "delivered", "delayed")),
        reply=st.sampled_from(REPLIES),
        proven=st.booleans(),
    )
    def report(self, at: int, state: str, reply: Reply, proven: bool) -> None:
        def op(session: Session) -> None:
            rows = [row for message in messages(session) for row in deliveries.deliveries_of(session, message)]
            row = rows[at % len(rows)]
            deliveries.record_report(session, row, DeliveryState(state), reply, "", proven, self.now)

        self.ledger.write(op)

    @rule(minutes=st.sampled_from((1, 6)))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def nothing_is_lost(self) -> None:
        with self.database.session() as session:
            assert fsck(session, self.blobs, self.now) == []
            assert sum(deliveries.count_states(session).values()) == self.made


def messages(session: Session) -> list[str]:
    """The ids of all messages that have deliveries."""
    return sorted({message.id for _, message in find_deliveries(session, Which(), 1000)})


Queue.TestCase.settings = settings(max_examples=6, stateful_step_count=20, deadline=None)
TestQueue = Queue.TestCase
