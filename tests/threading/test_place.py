"""The table of who joins a conversation, walked (ARCHITECTURE.md)."""

import random

import pytest

from gatepost.threading.place import Candidate, Carries, Sender, place
from gatepost.words import Strength

REQUESTER, PARTICIPANT, COLLEAGUE, STRANGER = (
    "ana@calderon.example",
    "ben@calderon.example",
    "carla@calderon.example",
    "eve@evil.example",
)
CARRIED: tuple[Carries, ...] = ("token", "minted", "known", "subject")
EXPECTED: dict[tuple[str, str, Strength], str] = {}
for carried in CARRIED:
    for strength in (Strength.NONE, Strength.ALIGNED):
        joins = "joins" if strength == Strength.ALIGNED else "marked"
        held = carried in ("token", "minted")
        EXPECTED[carried, REQUESTER, strength] = "joins" if held else joins
        EXPECTED[carried, PARTICIPANT, strength] = "linked" if carried == "subject" else joins
        EXPECTED[carried, STRANGER, strength] = "linked"
        organisation = carried in ("token", "minted") and strength == Strength.ALIGNED
        EXPECTED[carried, COLLEAGUE, strength] = "joins" if organisation else "linked"
    for who in (REQUESTER, PARTICIPANT, COLLEAGUE, STRANGER):
        EXPECTED[carried, who, Strength.FAILING] = "linked"


def sender(key: str, strength: Strength) -> Sender:
    return Sender(key, key.rpartition("@")[2], strength)


def candidate(carries: Carries, number: int = 7) -> Candidate:
    people = frozenset({REQUESTER, PARTICIPANT})
    where, matched = "In-Reply-To", f"message 2 of #{number}"
    return Candidate(f"con_{number}", number, carries, where, matched, REQUESTER, people, holder=REQUESTER)


@pytest.mark.parametrize(("carries", "who", "strength"), list(EXPECTED))
def test_the_table(carries: Carries, who: str, strength: Strength) -> None:
    placement = place(sender(who, strength), [candidate(carries)])
    if placement.conversation_id is None:
        found = "linked" if placement.claims_id == "con_7" else "new"
    else:
        found = "joins" if placement.verified else "marked"
    assert found == EXPECTED[carries, who, strength]
    assert all(reason["text"] for reason in placement.why)


def test_nothing_carried_is_new_and_says_so() -> None:
    placement = place(sender(REQUESTER, Strength.NONE), [])
    assert (placement.conversation_id, placement.claims_id) == (None, None)
    assert "refers to none" in placement.why[0]["text"]


def test_the_first_signal_that_holds_wins_and_the_others_say_why_not() -> None:
    foreign = Candidate("con_1", 1, "known", "References", "message 1 of #1", STRANGER, frozenset({STRANGER}))
    placement = place(sender(REQUESTER, Strength.ALIGNED), [foreign, candidate("known"), candidate("subject", 9)])
    assert placement.conversation_id == "con_7"
    assert [reason["result"] for reason in placement.why] == ["passed over", "joined", "passed over"]
    assert "does not take part" in placement.why[0]["text"]
    assert "In-Reply-To matched message 2 of #7" in placement.why[1]["text"]
    assert "an earlier signal had decided" in placement.why[2]["text"]


def test_customers_of_one_mail_provider_are_no_organisation() -> None:
    people = frozenset({"ana@gmail.com"})
    shared = Candidate("con_1", 1, "token", "Reply address", "message 1 of #1", "ana@gmail.com", people)
    assert place(sender("eve@gmail.com", Strength.ALIGNED), [shared]).conversation_id is None


def test_a_sender_without_one_address_joins_nothing() -> None:
    assert place(Sender("", "", Strength.NONE), [candidate("token")]).conversation_id is None


def test_nobody_gets_in_whatever_he_carries() -> None:
    """Thousand random variants of strangers and of failing mail: none joins."""
    chance = random.Random(2)
    for _ in range(1000):
        carried = [candidate(chance.choice(CARRIED), number) for number in range(chance.randint(1, 5))]
        name = "".join(chance.choice("abcxyz.+") for _ in range(6))
        stranger = sender(f"{name}@evil{chance.randrange(9)}.example", chance.choice(list(Strength)))
        assert place(stranger, carried).conversation_id is None
        who = chance.choice([REQUESTER, PARTICIPANT, COLLEAGUE])
        assert place(sender(who, Strength.FAILING), carried).conversation_id is None
