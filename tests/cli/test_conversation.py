"""Conversations put in order from the command line, and stored mail decided anew."""

from sqlmodel import Session

from gatepost.parts import Parts, clock
from gatepost.store.channels import channel_by_address
from gatepost.store.conversations import by_number
from gatepost.store.handed_over import reason
from gatepost.store.messages import get_message
from gatepost.store.sides import parent_of
from gatepost.store.users import create_user
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from tests.cli.conftest import SUPPORT, Command

ANA = "ana@calderon.example"


def arrive(parts: Parts, header_id: str, subject: str, *lines: str) -> Received:
    fields = [f"From: {ANA}", f"To: {SUPPORT}", f"Subject: {subject}", f"Message-ID: <{header_id}>", *lines]
    raw = ("\r\n".join(fields) + "\r\n\r\nHello\r\n").encode()
    desk = Desk(parts.settings, parts.keys, parts.blobs)

    def op(session: Session) -> Received:
        channel = channel_by_address(session, SUPPORT)
        assert channel
        arriving = Arriving(raw, "mx", SUPPORT, ANA, channel_id=channel.id)
        arrival = store_arrival(session, arriving, parts.blobs.keep(raw), clock())
        return receive(session, desk, arrival, read(raw, ANA), clock())

    return parts.ledger.write(op)


def test_move_merge_and_undo(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        arrive(parts, "1@c.example", "Lamp")
        answer = arrive(parts, "2@c.example", "Re: Lamp", "In-Reply-To: <1@c.example>")
        arrive(parts, "3@c.example", "Other")
    (split,) = gatepost.objects("conversation", "move", answer.message_id or "", "--to", "new")
    assert (split["kind"], split["source"], split["target"], split["messages"]) == ("split", 1, 3, 1)
    assert "undo cor_" in gatepost.run("conversation", "merge", "2", "--into", "#1").stdout
    assert "merged into another" in gatepost.refused("conversation", "merge", "2", "--into", "3")
    assert "Undo what was done after it first" in gatepost.refused("conversation", "undo", split["id"])
    assert "no such conversation" in gatepost.refused("conversation", "merge", "9", "--into", "1")
    assert "no conversation holds it" in gatepost.refused("conversation", "move", "msg_x", "--to", "1")
    assert "no such correction" in gatepost.refused("conversation", "undo", "cor_x")
    gatepost.run("fsck")


def test_somebody_else_is_asked_and_a_forward_is_taken_back(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        mail = arrive(parts, "1@c.example", "Lamp")
    about = ("--subject", "Spare part", "--text", "Have you one?")
    (asked,) = gatepost.objects("conversation", "ask", "1", "--to", "maker@lamps.example", *about)
    assert (asked["conversation"], asked["about"]) == (2, 1)
    with gatepost.parts() as parts, parts.database.session() as session:
        side = by_number(session, 2)
        assert side
        assert (side.requester, side.subject) == ("maker@lamps.example", "Spare part")
        parent = parent_of(session, side.id)
        assert parent
        assert parent.number == 1
    assert "takes part in this conversation" in gatepost.refused("conversation", "ask", "1", "--to", ANA, *about)
    assert "no such conversation" in gatepost.refused("conversation", "ask", "7", "--to", "x@y.example", *about)
    assert "no agent forwarded it" in gatepost.refused("conversation", "take-back", mail.message_id or "")
    with gatepost.parts() as parts:
        parts.ledger.write(lambda session: forwarded(session, mail.message_id or ""))
    assert "counts as the agent's own" in gatepost.run("conversation", "take-back", mail.message_id or "").stdout
    assert "undone already" in gatepost.refused("conversation", "take-back", mail.message_id or "")
    gatepost.run("fsck")


def forwarded(session: Session, message_id: str) -> None:
    """As if an agent had forwarded a mail for a customer."""
    message = get_message(session, message_id)
    assert message
    user = create_user(session, email="ben@example.org", name="Ben", role="agent", now=clock())
    session.flush()
    message.user_id, message.why = user.id, [reason("carol@customer.example", "Carol", "Ben forwarded it")]
    session.add(message)


def test_replay_and_dry_run(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        arrive(parts, "1@c.example", "Lamp")
        arrive(parts, "2@c.example", "Re: Lamp", "In-Reply-To: <1@c.example>")
        arrive(parts, "3@c.example", "Re: Lamp")
    assert gatepost.run("replay", "#1").stdout.count("as before: #1, placed, message, unverified") == 2
    (one,) = gatepost.objects("replay", "2@c.example", "--policy", "strict", code=3)
    assert (one["differs"], one["before"]["conversation"], one["now"]["conversation"]) == (["conversation"], 1, 0)
    result = gatepost.run("thread", "--dry-run", "--days", "7", "--policy", "archive", code=3)
    assert "1 of 3 mails of the last 7 days would land elsewhere under archive" in result.stderr
    assert "now: #1" in result.stdout
    assert "0 of 3" in gatepost.run("thread", "--dry-run").stderr
    assert "there is no such policy" in gatepost.refused("thread", "--dry-run", "--policy", "lax")
    assert "no inbound mail" in gatepost.refused("replay", "msg_x")


def test_replay_puts_mail_where_a_policy_puts_it(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        arrive(parts, "1@c.example", "Lamp")
        answer = arrive(parts, "2@c.example", "Re: Lamp", "In-Reply-To: <1@c.example>")
        arrive(parts, "3@c.example", "Re: Lamp")
    rows = gatepost.objects("thread", "--put", "--policy", "archive")
    assert (rows[-1]["kind"], rows[-1]["policy"]) == ("merge", "archive")
    gatepost.run("conversation", "undo", rows[-1]["correction"])
    told = gatepost.run("replay", answer.message_id or "", "--policy", "strict", "--put").stdout
    assert "split: take it back with `gatepost conversation undo cor_" in told
    gatepost.run("fsck")
