"""What is queued to be done at a provider: for mail of accounts of two ways, and for no other."""

import pytest
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.model import User, View
from gatepost.store.accounts import get_account
from gatepost.store.arrivals import arrivals_of
from gatepost.store.conversations import get_conversation, mark_seen, set_state
from gatepost.store.deleted import delete, restore
from gatepost.store.sending import set_sending
from gatepost.store.set_aside import decide
from gatepost.store.users import create_user
from tests.rows import write_backs_of
from tests.threading.conftest import office as office
from tests.threading.office import Office
from tests.threading.test_own_copy import account_of, answer_to, come_back


def acts(office: Office, account_id: str) -> list[tuple[str, str]]:
    with office.ledger.database.session() as session:
        return sorted((row.act, row.state) for row in write_backs_of(session, account_id))


def fetched(office: Office, account_id: str, *, two_way: bool, flags: str = "") -> tuple[str, str]:
    """A mail fetched from the account: its conversation and its message."""
    received = come_back(office, account_id, answer_to("nothing@x.example"), sent=False)
    assert received.conversation_id
    assert received.message_id

    def op(session: Session) -> None:
        account = get_account(session, account_id)
        assert account
        set_sending(session, account, two_way=two_way)
        (arrival,) = arrivals_of(session, received.message_id or "")
        place = View(account_id=account_id, folder="INBOX", uidvalidity=1, uid=1, arrival_id=arrival.id, flags=flags)
        session.add(place)

    office.ledger.write(op)
    return received.conversation_id, received.message_id


@pytest.mark.parametrize("two_way", [True, False])
def test_what_is_done_to_a_conversation_is_queued_for_its_mail(office: Office, two_way: bool) -> None:
    account_id = account_of(office)
    conversation_id, _ = fetched(office, account_id, two_way=two_way)

    def op(session: Session) -> None:
        user: User = create_user(
            session, email="a@b.example", name="A", role="admin", password_hash="x", now=office.now
        )
        conversation = get_conversation(session, conversation_id)
        assert conversation
        mark_seen(session, conversation_id, user.id, office.now)
        mark_seen(session, conversation_id, user.id, office.now)
        set_state(session, conversation, "closed", user.id, office.now)
        set_state(session, conversation, "open", user.id, office.now)

    office.ledger.write(op)
    wanted = [("archive", "replaced"), ("inbox", "due"), ("read", "due"), ("read", "replaced")]
    assert acts(office, account_id) == (wanted if two_way else [])


def test_what_is_read_already_is_not_read_again(office: Office) -> None:
    account_id = account_of(office)
    conversation_id, _ = fetched(office, account_id, two_way=True, flags="\\Seen")

    def op(session: Session) -> None:
        user = create_user(session, email="a@b.example", name="A", role="admin", password_hash="x", now=office.now)
        mark_seen(session, conversation_id, user.id, office.now)

    office.ledger.write(op)
    assert acts(office, account_id) == []


@pytest.mark.parametrize(("decided", "act"), [("discarded", "trash"), ("kept_out", "spam"), ("released", "")])
def test_a_decision_about_mail_that_was_set_aside(office: Office, decided: str, act: str) -> None:
    account_id = account_of(office)
    _, message_id = fetched(office, account_id, two_way=True)

    def op(session: Session) -> None:
        (arrival,) = arrivals_of(session, message_id)
        assert decide(session, arrival, decided, Actor("Ada"), office.now)

    office.ledger.write(op)
    assert acts(office, account_id) == ([(act, "due")] if act else [])


@pytest.mark.parametrize(("before", "spam", "wanted"), [("open", False, "inbox"), ("closed", True, "back")])
def test_deleting_and_restoring_is_done_there_too(office: Office, before: str, spam: bool, wanted: str) -> None:
    account_id = account_of(office)
    conversation_id, _ = fetched(office, account_id, two_way=True)
    kim = Actor("Kim")

    def op(session: Session) -> None:
        conversation = get_conversation(session, conversation_id)
        assert conversation
        if before == "closed":
            set_state(session, conversation, "closed", None, office.now)
        restore(session, conversation_id, kim, office.now)
        delete(session, conversation_id, kim, office.now, spam=spam)

    office.ledger.write(op)
    away = ("spam" if spam else "trash", "due")
    assert away in acts(office, account_id)
    office.ledger.write(lambda session: restore(session, conversation_id, kim, office.now))
    assert (wanted, "due") in acts(office, account_id)
    assert (away[0], "replaced") in acts(office, account_id)
