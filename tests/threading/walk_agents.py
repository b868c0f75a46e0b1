"""Agents' reply addresses walked as the table of who joins is: only token, confirmed address and proof together act."""

import random
from dataclasses import replace
from datetime import timedelta

from gatepost.ids import new_id
from gatepost.mail import digest
from gatepost.model import AgentCopy, Arrival
from gatepost.store import messages
from gatepost.store.agents import put_copy
from gatepost.threading.agent_mail import take_agent_mail
from gatepost.threading.reading import read
from gatepost.tokens import agent_address
from gatepost.words import Outcome, Strength
from tests.threading.office import SUPPORT, Office
from tests.threading.walk import WHO, World, message, mutated, noise, text, written

CARRIED = (
    "agent token",
    "agent token in Bcc",
    "expired agent token",
    "agent token of a lost key",
    "forged agent token",
)
LONG = timedelta(days=30)
IS_NONE = "is no agent's"


def put_copies(office: Office, world: World) -> tuple[str, str]:
    """Two mails to Mia about the first conversation: one whose reply addresses count, one whose have run out."""
    made = [new_id("msg"), new_id("msg")]
    for row_id, expires_at in zip(made, (office.now + LONG, office.now - LONG), strict=True):
        row = message(office, row_id, world.first, "out", SUPPORT, f"{row_id}@shop.example")
        row.conversation_id = None
        messages.put_message(world.session, row, None)
        copy = AgentCopy(
            message_id=row_id,
            conversation_id=world.first.id,
            user_id=world.agent.id,
            answers_id=world.answer,
            expires_at=expires_at,
        )
        put_copy(world.session, copy)
    world.session.flush()
    return made[0], made[1]


def expected(carried: str, who: str, strength: Strength) -> str:
    """Placed, review, or no mail to an agent's reply address at all."""
    if carried in ("forged agent token", "agent token of a lost key"):
        return IS_NONE
    his = carried == "agent token" and who == "agent" and strength == Strength.ALIGNED
    return Outcome.PLACED if his else Outcome.REVIEW


def variant(
    office: Office, world: World, copies: tuple[str, str], dice: random.Random, carried: str, who: str,
    strength: Strength,
) -> str:  # fmt: skip
    """One random mail of a cell, taken as it would be; nothing of it stays."""
    address = reply_address(world, copies, dice, carried)
    author = WHO[who]
    shown = SUPPORT if carried.endswith("Bcc") else f"Desk <{address}>"
    fields = [("From", written(dice, author)), (dice.choice(["To", "Cc"]), shown), *noise(dice)]
    fields.append(("Message-ID", f"<{dice.random()}@{author.partition('@')[2]}>"))
    fields.append(("Subject", dice.choice(["Re: Broken lamp", "", f"Re: [#{world.foreign.number}] My invoice"])))
    dice.shuffle(fields)
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields) + f"\r\n{text(dice)}\r\n"
    return taken(office, world, address, raw.encode(), strength)


def reply_address(world: World, copies: tuple[str, str], dice: random.Random, carried: str) -> str:
    """Public or private; of the copy that counts, of the one that ran out, or of none."""
    keys = world.keys
    if carried == "agent token of a lost key":
        keys = replace(keys, secrets={9: dice.randbytes(32)}, current=9, derived={})
    local = agent_address(keys, copies[carried == "expired agent token"], dice.choice(["public", "private"]))
    local = mutated(dice, local) if carried == "forged agent token" else local
    return f"{local}@{world.settings.replies}"


def taken(office: Office, world: World, address: str, raw: bytes, strength: Strength) -> str:
    """How it ended."""
    arrival = Arrival(
        id=new_id("arr"),
        receipt=new_id("arr"),
        inlet="mx",
        recipient=address,
        strength=strength,
        raw_id="",
        received_at=office.now,
        channel_id=world.first.channel_id,
    )
    reading = read(raw, WHO["agent"])
    with world.session.begin_nested() as point:
        acted = take_agent_mail(
            world.session, world.settings, world.keys, arrival, reading.mail, digest(raw), reading.kind, "", office.now
        )
        point.rollback()
    return acted.outcome if acted else IS_NONE
