"""What `gatepost doctor` says about the signs that lead answers back (complaint 13)."""

from sqlmodel import Session

from gatepost.ids import new_id
from gatepost.parts import Parts, clock
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.tokens import mint_message_id, reply_address
from tests.cli.conftest import SUPPORT, Command

ANA = "ana@calderon.example"


def come_in(parts: Parts, subject: str, *fields: str, to: str = SUPPORT, recipient: str = SUPPORT) -> Received:
    """A mail of Ana's."""
    head = [f"From: {ANA}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{new_id('msg')}@c.example>", *fields]
    raw = "\r\n".join([*head, "", "Hello", ""]).encode()
    desk = Desk(parts.settings, parts.keys, parts.blobs)
    arriving, content, reading = Arriving(raw, "mx", recipient, ANA), desk.blobs.keep(raw), read(raw, ANA)

    def op(session: Session) -> Received:
        arrival = store_arrival(session, arriving, content, clock())
        return receive(session, desk, arrival, reading, clock())

    return parts.ledger.write(op)


def told(gatepost: Command, code: int = 3) -> list[tuple[str, str, str]]:
    rows = gatepost.objects("doctor", code=code)
    return [(row["state"], row["sentence"], row["fix"]) for row in rows if row["group"] == "routing"]


def test_complaint_13_doctor_tells_which_signs_survive_the_way(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        come_in(parts, "Order 17")
        assert told(gatepost) == [], "nobody has answered yet"
        ours = f"<{mint_message_id(parts.keys, new_id('msg'), parts.settings.domain)}>"
        reply = f"{reply_address(parts.keys, new_id('msg'))}@{parts.settings.replies}"
        come_in(parts, "Re: Bill", f"References: <x@y> {ours}", f"In-Reply-To: {ours}", to=reply)
        come_in(parts, "Re: Bill", f"In-Reply-To: {ours}", f"Delivered-To: {reply}", recipient=reply)
        come_in(parts, "Re: Lamp", "References: <other@somewhere.example>", to=f"r+forged@{parts.settings.replies}")
        ((state, sentence, _),) = told(gatepost)
    assert state == "ok"
    assert sentence == (
        f"{SUPPORT}: 2 answers in 30 days led back by In-Reply-To in 2, Delivered-To in 1, References in 1, To in 1, "
        "the envelope in 1"
    )


def test_complaint_13_an_answer_that_lost_everything_is_told_with_what_to_do(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        come_in(parts, "Order 17")
        come_in(parts, "Re: Another order")
        lost = come_in(parts, "AW: order 17")
        ((state, sentence, fix),) = told(gatepost)
    assert state == "warn"
    assert sentence.startswith(f"{SUPPORT}: 1 mail in 30 days looked like an answer, and carried no sign of ours")
    assert f"gatepost trace {lost.message_id}" in fix
