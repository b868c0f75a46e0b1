"""The table of design section 4 walked with random mails: what a mail carries, who wrote it, how it is proven."""

import random
from dataclasses import dataclass, replace
from email.utils import quote

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.ids import new_id
from gatepost.mail import parse
from gatepost.model import Arrival, Conversation, Message, User
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import channels, conversations, messages
from gatepost.threading.joining import place_mail
from gatepost.threading.place import Placement
from gatepost.tokens import mint_message_id, reply_address, return_path
from gatepost.words import Strength
from tests.rows import put_deliveries
from tests.threading.office import ANA, BEN, SUPPORT, Office, employ

CARRIED = (
    *("nothing", "known", "foreign", "minted", "forged minted"),
    *("token", "forged token", "expired token", "return path", "subject"),
)
WHO = {
    "requester": ANA,
    "participant": BEN,
    "same organisation": "carla@calderon.example",
    "stranger": "eve@evil.example",
    "agent": "mia@shop.example",
    "own address": SUPPORT,
}
STRENGTHS = (Strength.NONE, Strength.ALIGNED, Strength.FAILING)
JOINS, MARKED, LINKED, NEW, FOREIGN = "joins", "joins, marked", "new, linked", "new", "new, linked to the foreign one"
OURS = "joins the foreign one, as one of us"
FIELDS = ("envelope", "To", "Cc", "Delivered-To", "X-Original-To")


@dataclass(frozen=True, slots=True)
class World:
    """Two conversations, and an answer of ours in the first: what its recipient may carry."""

    session: Session
    settings: Settings
    keys: Keys
    first: Conversation
    foreign: Conversation
    answer: str
    delivery: str
    agent: User


def build(office: Office, session: Session) -> World:
    """Ana and Ben are in the first conversation, Zoe alone in the foreign one; Ana alone got our answer."""
    first = conversation(office, session, "Broken lamp", [ANA, BEN], "1@calderon.example")
    foreign = conversation(office, session, "My invoice", ["zoe@other.example"], "z1@other.example")
    answer = sent(office, session, first, [ANA])
    (delivery,) = session.connection().exec_driver_sql("SELECT id FROM delivery").scalars()
    agent = employ(session, first.channel_id or "", WHO["agent"], office.now)
    return World(session, office.desk.settings, office.desk.keys, first, foreign, answer, delivery, agent)


def conversation(office: Office, session: Session, subject: str, people: list[str], header_id: str) -> Conversation:
    channel = channels.channel_by_address(session, SUPPORT)
    assert channel
    made = conversations.create_conversation(
        session, subject=subject, requester=people[0], channel_id=channel.id, now=office.now
    )
    conversations.add_participants(session, made.id, [(people[0], "", "requester")])
    conversations.add_participants(session, made.id, [(address, "", "participant") for address in people])
    row_id = new_id("msg")
    mail = message(office, row_id, made, "in", people[0], header_id)
    messages.put_message(session, mail, Content(b"x", None, 1))
    conversations.know_ids(session, made.id, row_id, header_id, ())
    return made


def sent(office: Office, session: Session, where: Conversation, recipients: list[str]) -> str:
    row_id = new_id("msg")
    header_id = mint_message_id(office.desk.keys, row_id, office.desk.settings.domain)
    messages.put_message(session, message(office, row_id, where, "out", SUPPORT, header_id), Content(b"x", None, 1))
    put_deliveries(session, row_id, recipients, office.now)
    conversations.know_ids(session, where.id, row_id, header_id, ())
    return row_id


def message(office: Office, row_id: str, where: Conversation, way: str, author: str, header_id: str) -> Message:
    return Message(
        id=row_id,
        direction=way,
        digest=row_id,
        message_id=header_id,
        from_address=author,
        at=office.now,
        size=1,
        conversation_id=where.id,
        channel_id=where.channel_id,
    )


def expected(carried: str, who: str, strength: Strength) -> str:
    """The table. Nobody is proven by a token alone here, for Ben may have seen what Ana got."""
    if carried in ("nothing", "forged minted", "forged token", "expired token"):
        return NEW
    if carried == "foreign":
        ours = who == "own address" and strength == Strength.ALIGNED
        return OURS if ours else FOREIGN
    if strength == Strength.FAILING:
        return LINKED
    signed = carried in ("token", "minted", "return path")
    aligned = strength == Strength.ALIGNED
    if who == "own address":
        return JOINS if aligned and (signed or carried == "known") else LINKED
    if who == "same organisation":
        return JOINS if signed and aligned else LINKED
    takes_part = who == "requester" or (who == "participant" and carried != "subject")
    return (JOINS if aligned else MARKED) if takes_part else LINKED


def found(world: World, placement: Placement) -> str:
    """Where a mail ended, in the words of the table."""
    if placement.conversation_id == world.first.id:
        return JOINS if placement.verified else MARKED
    if placement.conversation_id:
        return OURS
    return {None: NEW, world.first.id: LINKED, world.foreign.id: FOREIGN}.get(placement.claims_id, "linked elsewhere")


def variant(world: World, dice: random.Random, carried: str, who: str, strength: Strength) -> Placement:
    """One random mail of a cell, placed."""
    fields, recipient = fields_of(world, dice, carried)
    author = WHO[who]
    fields += [("From", written(dice, author)), ("Message-ID", f"<{dice.random()}@{author.partition('@')[2]}>")]
    fields += noise(dice)
    dice.shuffle(fields)
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields) + f"\r\n{text(dice)}\r\n"
    arrival = Arrival(
        id="arr_0",
        receipt="",
        inlet=dice.choice(["mx", "imap", "import"]),
        recipient=recipient,
        strength=strength,
        raw_id="",
        received_at=world.first.created_at,
        channel_id=world.first.channel_id,
        provider_thread=dice.choice(["", "17"]),
    )
    return place_mail(world.session, world.settings, world.keys, arrival, parse(raw.encode()))[1]


def fields_of(world: World, dice: random.Random, carried: str) -> tuple[list[tuple[str, str]], str]:
    """The header fields that carry it, and the envelope's recipient."""
    fields: list[tuple[str, str]] = [("To", SUPPORT)]
    recipient = SUPPORT
    if "token" in carried or carried == "return path":
        field, address = dice.choice(FIELDS), token_address(world, dice, carried)
        if field == "envelope":
            recipient = address
        elif field == "To":
            fields = [("To", f"Desk <{address}>, {SUPPORT}")]
        else:
            fields.append((field, address))
    elif carried == "subject":
        fields.append(("Subject", dice.choice(["", "Re: ", "WG: "]) + f"[#{world.first.number}] Broken lamp"))
    elif carried != "nothing":
        fields += carrying_id(dice, header_id_of(world, dice, carried))
    if carried != "subject":
        fields.append(("Subject", dice.choice(["Broken lamp", "Re: Broken lamp", "Fwd: My invoice", "", "[#x] y"])))
    return fields, recipient


def token_address(world: World, dice: random.Random, carried: str) -> str:
    """A reply address: ours, one with a character changed, or one of a key that is gone."""
    if carried == "return path":
        return f"{return_path(world.keys, world.delivery)}@{world.settings.bounces}"
    keys = world.keys
    if carried == "expired token":
        keys = replace(keys, secrets={9: dice.randbytes(32)}, current=9, derived={})
    local = reply_address(keys, world.answer)
    if carried == "forged token":
        local = mutated(dice, local)
    return f"{dice.choice([local, local.upper()])}@{world.settings.replies}"


def header_id_of(world: World, dice: random.Random, carried: str) -> str:
    if carried == "foreign":
        return "z1@other.example"
    if carried == "known":
        return "1@calderon.example"
    local, _, domain = mint_message_id(world.keys, world.answer, world.settings.domain).partition("@")
    return f"{mutated(dice, local) if carried == 'forged minted' else local}@{domain}"


def mutated(dice: random.Random, token: str) -> str:
    """A token with one to five characters changed, cut, or taken from another purpose."""
    letters = list(token)
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(2, len(letters))
        letters[at] = dice.choice([char for char in "abcdefghijklmnopqrstuvwxyz234567" if char != letters[at]])
    changed = "".join(letters)
    changed = changed if changed != token else changed[:-1]
    return dice.choice([changed, changed, changed[:-1], changed + "a"])


def carrying_id(dice: random.Random, header_id: str) -> list[tuple[str, str]]:
    """The id in References or In-Reply-To, among ids that nobody knows, comments and garbage."""
    others = [f"<n{dice.random()}@nowhere.example>" for _ in range(dice.randrange(4))]
    ids = [*others, f"<{header_id}>"]
    dice.shuffle(ids)
    value = dice.choice([" ", "\r\n ", "  (a comment) ", " ;garbage "]).join(ids)
    return [(dice.choice(["References", "In-Reply-To"]), value)]


def written(dice: random.Random, author: str) -> str:
    """The From field, with names that lie."""
    name = dice.choice(["", "Ana Ruiz", ANA, f"{BEN} via Desk", SUPPORT, "=?utf-8?q?Ana?="])
    address = dice.choice([author, author.upper().replace("@", "@")])
    return f'"{quote(name)}" <{address}>' if name else address


def noise(dice: random.Random) -> list[tuple[str, str]]:
    """Fields that prove nothing and join nothing."""
    lies = [
        ("Reply-To", ANA),
        ("Sender", ANA),
        ("Thread-Index", "AQHR2mWv3q1cT0Ku"),
        ("Thread-Topic", "Broken lamp"),
        ("X-GM-THRID", "17"),
        ("X-Gatepost-Conversation", "1"),
        ("Resent-From", BEN),
        ("X-Original-From", ANA),
        ("Authentication-Results", "gatepost.test; dkim=pass header.d=calderon.example"),
        ("Date", "Sun, 22 Nov 2026 10:00:00 +0000"),
    ]
    return dice.sample(lies, dice.randrange(len(lies)))


def text(dice: random.Random) -> str:
    return dice.choice(["Hello", f"From: {ANA}\r\nTo: {SUPPORT}\r\n\r\nHi", "Case #1, ticket [#1]", ""])
