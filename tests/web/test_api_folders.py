"""The API of a mailbox's folders, as the page shows them."""

import pytest

from gatepost.store import accounts
from gatepost.store.folders import note_folders
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_api_whole import fill
from tests.web.test_folder_choice import LISTED

PATH = "/v1/mailboxes/sales@shop.example/folders"


@pytest.fixture
def auth(api: Api) -> dict[str, str]:
    """A key of an operator, at a mailbox whose folders were listed."""
    api.parts.ledger.write(lambda session: fill(session, api))
    api.parts.ledger.write(
        lambda session: note_folders(session, accounts.list_accounts(session)[-1].id, LISTED) and None
    )
    _, auth = api.key("desk:manage")
    return auth


def test_folders_are_listed_and_chosen(api: Api, auth: dict[str, str]) -> None:
    found = api.client.get(PATH, headers=auth).json()
    assert [(one["folder"], one["read"], one["chosen"]) for one in found["folders"]] == [
        ("INBOX", True, None), ("Projects", True, None), ("Jünk <1>", False, None),
    ]  # fmt: skip
    assert (found["folders"][0]["on_server"], found["folders"][0]["here"]) == (5, 0)
    read = {"Jünk <1>": True, "Projects": False}
    changed = api.client.post(PATH, headers=auth, json={"read": read}).json()
    assert {one["folder"]: one["chosen"] for one in changed["folders"]} == {"INBOX": None, **read}
    back = api.client.post(PATH, headers=auth, json={"read": {"Projects": None}}).json()
    assert next(one for one in back["folders"] if one["folder"] == "Projects")["read"]


@pytest.mark.parametrize("read", [{"Nowhere": True}, {"INBOX": False, "Projects": False}, {"INBOX": "x"}, "INBOX"])
def test_what_cannot_be_chosen_names_the_field(api: Api, auth: dict[str, str], read: object) -> None:
    answer = api.client.post(PATH, headers=auth, json={"read": read})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("#/read")


def test_the_server_is_asked_again_where_that_is_wanted(api: Api, auth: dict[str, str]) -> None:
    def refuse(account_id: str) -> None:
        raise ValueError("Nothing answers on port 993 of imap.shop.example.")

    object.__setattr__(api.parts, "list_folders", refuse)
    answer = api.client.post(PATH, headers=auth, json={"list_again": True})
    assert answer.status_code == 422
    assert "Nothing answers" in answer.json()["detail"]
