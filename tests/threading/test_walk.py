"""Every cell of the table of who joins a conversation, over a real store, with random mails: nobody gets in."""

import random
from collections.abc import Iterator

import pytest

from gatepost.tokens import read_message_id, read_reply_address, read_return_path, reply_address
from gatepost.words import Strength
from tests.threading import walk_agents
from tests.threading.office import Office
from tests.threading.walk import CARRIED, STRENGTHS, WHO, World, build, expected, found, mutated, variant

VARIANTS = 4
FORGED = 2000


@pytest.fixture
def world(office: Office) -> Iterator[World]:
    with office.ledger.database.session() as session:
        yield build(office, session)


@pytest.mark.parametrize("carried", CARRIED)
def test_every_cell_of_the_table(world: World, carried: str) -> None:
    dice = random.Random(carried)
    for who in WHO:
        for strength in STRENGTHS:
            for _ in range(VARIANTS):
                placement = variant(world, dice, carried, who, strength)
                assert found(world, placement) == expected(carried, who, strength), (who, strength, placement.why)
                if placement.strength == Strength.FAILING:
                    assert not placement.verified
                assert placement.why
                assert all(reason["text"] for reason in placement.why)


@pytest.mark.parametrize("carried", walk_agents.CARRIED)
def test_an_agents_reply_address_acts_for_him_alone(office: Office, world: World, carried: str) -> None:
    dice, copies = random.Random(carried), walk_agents.put_copies(office, world)
    for who in WHO:
        for strength in STRENGTHS:
            ended = walk_agents.variant(office, world, copies, dice, carried, who, strength)
            assert ended == walk_agents.expected(carried, who, strength), (who, strength)


def test_no_forged_token_leads_anywhere(world: World) -> None:
    dice = random.Random(7)
    token = reply_address(world.keys, world.answer)
    assert read_reply_address(world.keys, token) == world.answer
    for _ in range(FORGED):
        forged = mutated(dice, token)
        assert read_reply_address(world.keys, forged) is None
        assert read_return_path(world.keys, "b+" + forged[2:]) is None
        assert read_message_id(world.keys, forged[2:] + "@gatepost.test") is None
