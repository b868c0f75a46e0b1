"""What the pages of messages ask of the store."""

from gatepost.database import Database
from gatepost.store import message_pages
from tests.store.test_pages import Scene
from tests.store.test_pages import scene as scene


def test_messages_are_found_by_subject_sender_and_recipient(database: Database, scene: Scene) -> None:
    with database.session() as session:
        for text, found in (("hello", 3), ("shop@", 3), ("THREE.example", 1), ("nobody", 0)):
            assert len(message_pages.message_list(session, scope=None, text=text)) == found
        failed = message_pages.message_list(session, scope=None, show="failed")
    assert {row.message.id for row in failed} == {scene.sent, scene.relayed}
    assert {row.number for row in failed} == {1, None}


def test_messages_are_chosen_by_sets_made_once() -> None:
    """As EXISTS, SQLite walked all deliveries in a state for each message: 9 s for 10,000 messages."""
    where = message_pages.message_where(frozenset({"chn_1"}), "delivered", "")
    assert "EXISTS" not in " ".join(str(each) for each in where)
