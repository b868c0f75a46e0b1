"""Complaints about placing in other products, each as a test named after its number (docs/features.md)."""

from datetime import timedelta

from gatepost.ids import new_id
from gatepost.mail import parse
from gatepost.store import channels
from gatepost.threading.forwarded import is_forward
from gatepost.tokens import mint_message_id, reply_address
from gatepost.words import Strength
from tests.threading.office import ANA, BEN, EVE, SUPPORT, Office, mail, reply
from tests.threading.walk import sent

BILLING = "billing@shop.example"


def in_reply(to: str) -> tuple[str, str]:
    return f"In-Reply-To: <{to}>", f"References: <{to}>"


def with_billing(office: Office) -> None:
    office.ledger.write(
        lambda session: channels.create_channel(session, name="Billing", address=BILLING, now=office.now)
    )


def test_complaint_01_two_answers_to_a_mail_we_never_saw_are_one_conversation(office: Office) -> None:
    first = office.receive(mail(ANA, "Re: Plan", "1@calderon.example", *in_reply("unseen@elsewhere.example")))
    again = office.receive(mail(ANA, "Re: Plan", "2@calderon.example", *in_reply("unseen@elsewhere.example")))
    assert again.conversation_id == first.conversation_id
    stranger = office.receive(mail(EVE, "Re: Plan", "e@evil.example", *in_reply("unseen@elsewhere.example")))
    assert stranger.conversation_id != first.conversation_id


def test_complaints_02_and_06_the_same_subject_never_joins(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    for sender, subject in ((EVE, "Invoice"), (EVE, "Re: Invoice"), (ANA, "Re: Invoice"), (ANA, "Invoice again")):
        other = office.receive(mail(sender, subject, f"{subject.encode().hex()}@{sender.partition('@')[2]}"))
        assert other.conversation_id != first.conversation_id
        assert office.conversation(other).claims_id is None


def test_complaint_03_a_number_in_the_subject_lets_only_the_requester_in(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    guessed = office.receive(mail(EVE, "[#1] Invoice", "e@evil.example"), strength=Strength.ALIGNED)
    assert guessed.conversation_id != first.conversation_id
    assert office.conversation(guessed).claims_id == first.conversation_id
    assert office.receive(mail(ANA, "[#1] more", "2@calderon.example")).conversation_id == first.conversation_id


def test_complaint_04_a_forward_to_another_mailbox_is_new_in_any_language(office: Office) -> None:
    with_billing(office)
    first = office.receive(mail(ANA, "Lampe", "1@calderon.example"))
    for number, prefix in enumerate(("WG", "Fwd", "転送", "Vidarebefordrat", "")):
        raw = mail(ANA, f"{prefix}: Lampe", f"f{number}@calderon.example", *in_reply("1@calderon.example"))
        raw = raw.replace(f"To: {SUPPORT}".encode(), f"To: {BILLING}".encode())
        passed = office.receive(raw, recipient=BILLING)
        assert passed.conversation_id != first.conversation_id, prefix
        assert office.conversation(passed).claims_id == first.conversation_id
        assert "passed on to another mailbox" in office.message(passed).why[0]["text"]
    answer = office.receive(mail(ANA, "WG: Lampe", "a@calderon.example", *in_reply("1@calderon.example")))
    assert answer.conversation_id == first.conversation_id, "to the same mailbox it is an answer, whatever its prefix"


def test_complaint_04_a_forward_is_seen_by_its_structure() -> None:
    block = "Von: Zoe <zoe@other.example>\r\nGesendet: gestern\r\nAn: Ana <ana@calderon.example>\r\nBetreff: Lampe\r\n"
    head = "From: ana@calderon.example\r\nTo: {}\r\nSubject: x\r\n\r\nSiehe unten\r\n\r\n{}\r\nText\r\n"
    assert is_forward(parse(head.format(SUPPORT, block).encode()))
    assert is_forward(parse(head.format(SUPPORT, block.replace("Von", "差出人").replace("An:", "宛先:")).encode()))
    assert not is_forward(parse(head.format("zoe@other.example", block).encode())), "an answer goes to whom it quotes"
    assert not is_forward(parse(head.format(SUPPORT, "Just text: nothing\r\n").encode()))


def test_complaint_05_an_edited_subject_does_not_split(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    edited = office.receive(
        mail(ANA, "Quite another subject", "2@calderon.example", "In-Reply-To: <1@calderon.example>")
    )
    assert edited.conversation_id == first.conversation_id


def test_complaint_07_our_own_mail_from_another_program_joins_if_it_proves_itself(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    ours = mail(SUPPORT, "Re: Invoice", "o@shop.example", *in_reply("1@calderon.example"))
    forged = office.receive(ours.replace(b"o@shop", b"x@shop"))
    assert forged.conversation_id != first.conversation_id
    assert office.people(forged) == []
    known = office.receive(ours, strength=Strength.ALIGNED)
    assert known.conversation_id == first.conversation_id
    answer = office.receive(mail(ANA, "Re: Invoice", "2@calderon.example", "In-Reply-To: <o@shop.example>"))
    assert answer.conversation_id == first.conversation_id
    assert office.people(first) == [ANA]


def test_complaint_08_a_reply_address_counts_in_every_recipient_field(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    conversation = office.conversation(first)
    answer = office.ledger.write(lambda session: sent(office, session, conversation, [ANA]))
    token = f"{reply_address(office.desk.keys, answer)}@{office.desk.settings.replies}"
    for number, field in enumerate(("Cc", "Delivered-To", "X-Original-To", "Envelope-To")):
        received = office.receive(mail(ANA, "New words", f"c{number}@calderon.example", f"{field}: {token}"))
        assert received.conversation_id == first.conversation_id, field
        assert field in received.why
        assert office.message(received).strength == Strength.TOKEN


def test_complaint_10_an_id_of_another_installation_is_unknown(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    token = mint_message_id(office.desk.keys, new_id("msg"), "gatepost.test")
    for header_id in ("1@shop.example", token, token[:-1]):
        other = office.receive(mail(ANA, "Re: x", f"n{len(header_id)}@calderon.example", *in_reply(header_id)))
        assert other.conversation_id != first.conversation_id


def test_complaint_11_a_customer_who_answers_his_own_mail_joins(office: Office) -> None:
    office.relay([ANA, BEN], [ANA, BEN])
    first = office.receive(reply(ANA, header_id="1@calderon.example"))
    own = office.receive(mail(ANA, "Re: x", "2@calderon.example", *in_reply("1@calderon.example")))
    colleague = office.receive(mail(BEN, "Re: x", "3@calderon.example", *in_reply("1@calderon.example")))
    assert own.conversation_id == colleague.conversation_id == first.conversation_id


def test_complaint_12_a_thread_index_never_joins(office: Office) -> None:
    fields = ("Thread-Index: AQHR2mWv3q1cT0KuKzXWnLFAfN0Q", "Thread-Topic: Invoice")
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example", *fields))
    other = office.receive(mail(ANA, "Invoice", "2@calderon.example", *fields))
    assert other.conversation_id != first.conversation_id


def test_complaint_13_without_plus_addresses_the_ids_alone_lead_back(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    conversation = office.conversation(first)
    answer = office.ledger.write(lambda session: sent(office, session, conversation, [ANA]))
    header_id = mint_message_id(office.desk.keys, answer, office.desk.settings.domain)
    received = office.receive(mail(ANA, "Re: Invoice", "2@calderon.example", *in_reply(header_id)))
    assert received.conversation_id == first.conversation_id
    assert office.message(received).verified, "only Ana can know it"


def test_complaint_37_a_third_partys_answer_never_becomes_the_requester(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"))
    conversation = office.conversation(first)
    answer = office.ledger.write(lambda session: sent(office, session, conversation, [ANA]))
    header_id = mint_message_id(office.desk.keys, answer, office.desk.settings.domain)
    raw = mail("carla@calderon.example", "Re: Invoice", "c@calderon.example", *in_reply(header_id))
    third = office.receive(raw, strength=Strength.ALIGNED)
    assert third.conversation_id == first.conversation_id
    assert office.conversation(third).requester == ANA
    assert any(reason.get("third") for reason in office.message(third).why)
    stranger = office.receive(mail(EVE, "Re: Invoice", "e@evil.example", *in_reply(header_id)))
    assert office.conversation(stranger).requester == EVE
    assert office.shown(stranger) == ["e@evil.example"], "he is shown nothing of before"


def test_complaint_38_a_forwarded_mail_is_from_whom_it_is_from(office: Office) -> None:
    text = b"From: Zoe <zoe@other.example>\r\nTo: x@y.example\r\nSubject: z\r\n\r\nHi"
    received = office.receive(mail(ANA, "Fwd: z", "1@calderon.example").replace(b"Hello there", text))
    assert office.conversation(received).requester == ANA
    assert office.people(received) == [ANA]


def test_complaint_40_how_a_sender_is_proven_is_stored_and_decides(office: Office) -> None:
    first = office.receive(mail(ANA, "Invoice", "1@calderon.example"), strength=Strength.ALIGNED)
    spoofed = office.receive(mail(ANA, "Re: x", "2@calderon.example", *in_reply("1@calderon.example")))
    assert not office.message(spoofed).verified
    failing = mail(ANA, "Re: x", "3@calderon.example", *in_reply("1@calderon.example"))
    kept = office.receive(failing, strength=Strength.FAILING)
    assert kept.conversation_id != first.conversation_id
    assert office.message(kept).strength == Strength.FAILING


def test_the_thread_of_a_provider_joins_in_the_same_mailbox_only(office: Office) -> None:
    from gatepost.threading.candidates import Search, by_provider_thread

    with office.ledger.database.session() as session:
        for account, thread in ((None, "gm:1"), ("acc_1", ""), ("acc_1", "gm:1")):
            search = Search(session, office.desk.settings, office.desk.keys, ANA, None, account, thread)
            assert list(by_provider_thread(search)) == []


def test_fetched_mail_stands_where_its_server_got_it_within_bounds(office: Office) -> None:
    from gatepost.model import Arrival
    from gatepost.threading.joining import time_of

    def at(inlet: str, internal: timedelta | None, date: str) -> timedelta:
        told = office.now + internal if internal is not None else None
        arrival = Arrival(id="arr_0", receipt="", inlet=inlet, raw_id="", received_at=office.now, internal_date=told)
        return time_of(arrival, parse(f"Date: {date}\r\n\r\n".encode()), office.now) - office.now

    past, future, ancient = (f"Thu, 19 Nov {year} 10:30:00 +0000" for year in (2026, 2031, 1970))
    assert at("imap", timedelta(hours=-2), past) == timedelta(hours=-2)
    assert at("imap", None, past) == timedelta(days=-3)
    assert at("imap", timedelta(days=9), future) == timedelta(0)
    assert at("import", None, ancient) == timedelta(0)
    assert at("mx", timedelta(hours=-2), past) == timedelta(0)
