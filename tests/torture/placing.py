"""Random mails for every cell of the table of who joins a conversation, and forged tokens: none gets in."""

import random
from datetime import UTC, datetime

from gatepost.blobs import Blobs
from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.seal import Keys, make_keys
from gatepost.settings import Settings
from gatepost.store import channels
from gatepost.store.credentials import create_credential
from gatepost.threading.intake import Desk
from gatepost.tokens import read_message_id, read_reply_address, read_return_path, reply_address
from gatepost.words import Strength
from tests.threading import walk_agents
from tests.threading.office import SUPPORT, Office
from tests.threading.walk import CARRIED, STRENGTHS, WHO, World, build, expected, found, mutated, variant
from tests.torture.run import Run, Verdict


def placing(run: Run) -> Verdict:
    """1,000 random mails for each cell of the table of who joins, and 100,000 forged tokens: nobody gets in."""
    verdict = Verdict()
    url = f"sqlite:///{run.folder / 'gatepost.db'}"
    migrate(url)
    database = open_database(url)
    ledger = Ledger(database).start()
    try:
        office = open_office(run, ledger, make_keys(run.folder / "key"))
        walk(run, verdict, office, database)
    finally:
        ledger.close()
        database.close()
    return verdict


def open_office(run: Run, ledger: Ledger, keys: Keys) -> Office:
    settings = Settings.model_construct(home=run.folder)
    now = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    ledger.write(lambda session: channels.create_channel(session, name="Support", address=SUPPORT, now=now))
    credential = ledger.write(
        lambda session: create_credential(session, keys, kind="smtp", name="Shop", senders=["shop.example"], now=now)
    )[0]
    return Office(ledger, Desk(settings, keys, Blobs(run.folder / "blobs")), now, credential)


def walk(run: Run, verdict: Verdict, office: Office, database: Database) -> None:
    """Every cell, then forged tokens; counted is what ended elsewhere than the table says."""
    with database.session() as session:
        world = build(office, session)
        dice, mails, wrong = run.dice, 0, 0
        for carried, who, strength in cells():
            for _ in range(run.pick(2, 1000)):
                mails += 1
                ended = found(world, variant(world, dice, carried, who, strength))
                wrong += ended != expected(carried, who, strength)
        taken, wrongly = walk_agents_of(run, office, world, dice)
        accepted = forged(world, dice, run.pick(2000, 100_000))
    verdict.note(cells=len(cells()), mails=mails, agents_mails=taken)
    verdict.check("mails_in_the_wrong_place", wrong, 0)
    verdict.check("agents_mails_wrongly_taken", wrongly, 0)
    verdict.check("forged_tokens_accepted", accepted, 0)


def walk_agents_of(run: Run, office: Office, world: World, dice: random.Random) -> tuple[int, int]:
    """Every cell of mail to agents' reply addresses: how many, and how many ended otherwise than they should."""
    copies = walk_agents.put_copies(office, world)
    mails = wrong = 0
    for carried in walk_agents.CARRIED:
        for who in WHO:
            for strength in STRENGTHS:
                for _ in range(run.pick(1, 1000)):
                    mails += 1
                    ended = walk_agents.variant(office, world, copies, dice, carried, who, strength)
                    wrong += ended != walk_agents.expected(carried, who, strength)
    return mails, wrong


def cells() -> list[tuple[str, str, Strength]]:
    return [(carried, who, strength) for carried in CARRIED for who in WHO for strength in STRENGTHS]


def forged(world: World, dice: random.Random, count: int) -> int:
    """How many of so many changed tokens are read as ours, for any purpose."""
    token, accepted = reply_address(world.keys, world.answer), 0
    for _ in range(count):
        changed = mutated(dice, token)
        read = (
            read_reply_address(world.keys, changed),
            read_return_path(world.keys, "b+" + changed[2:]),
            read_message_id(world.keys, changed[2:] + "@gatepost.test"),
        )
        accepted += any(read)
    return accepted
