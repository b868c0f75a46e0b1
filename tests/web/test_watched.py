"""How new mail of a connected mailbox is noticed, on its page and in the numbers."""

from datetime import timedelta
from functools import partial

from gatepost.store import accounts, idling
from gatepost.store.accounts import AccountState
from gatepost.store.idling import Note, Word
from tests.web.conftest import Site
from tests.web.test_whole import account_of, connected


def test_the_page_and_the_numbers_tell_how_new_mail_is_noticed(site: Site) -> None:
    account_id = connected(site)
    admin, path = site.client("ada@example.org"), f"/mailboxes/{site.support}"
    assert "asked for new mail" not in admin.get(path).text  # nothing was fetched yet
    account = account_of(site, account_id)
    site.parts.ledger.write(lambda s: accounts.set_state(s, account, AccountState.LIVE, "", site.now))
    assert "The server is asked for new mail every 60 s." in admin.get(path).text
    until = site.now + timedelta(minutes=2)
    site.parts.ledger.write(lambda session: idling.keep_watching(session, "me", site.now, until, 10))
    for word, why, told in (
        (Word.IDLE, "", "The server tells of new mail at once (IDLE)."),
        (Word.ASKING, "", "The server does not tell of new mail (no IDLE): it is asked every 60 s."),
        (
            Word.WAITING,
            "It ended the connection.",
            "just now: It ended the connection. It is asked every 60 s meanwhile.",
        ),
    ):
        notes = [Note(account_id, word, why, site.now)]
        site.parts.ledger.write(partial(idling.note_all, holder="me", notes=notes, due=site.now))
        assert told in admin.get(path).text
        assert f'gatepost_mailboxes_watched{{how="{word}"}} 1.0' in admin.get("/metrics").text


def test_fetch_now_wakes_a_poller(site: Site) -> None:
    connected(site)
    assert not site.parts.bell.wait(0)
    assert site.client("ada@example.org").post(f"/mailboxes/{site.support}/account/poll", data={}).status_code == 303
    assert site.parts.bell.wait(0)
