"""Deleting over the API: by keys that may answer there; for ever by an operator's, after the preview."""

from gatepost.store.credentials import DESK_SCOPE
from tests.web.api_rig import Api, api, problem
from tests.web.test_api_corrections import two

__all__ = ["api"]


def test_a_key_deletes_and_restores(api: Api) -> None:
    first, second = two(api)
    _, key = api.key("conversations:read", "conversations:write")
    done = api.client.delete(f"/v1/conversations/{first}", headers=key)
    assert (done.json()["state"], done.json()["spam"]) == ("deleted", False)
    assert done.json()["deleted_at"]
    listed = api.client.get("/v1/conversations", headers=key).json()["data"]
    assert [one["number"] for one in listed] == [second]
    only = api.client.get("/v1/conversations?state=deleted", headers=key).json()["data"]
    assert [one["number"] for one in only] == [first]
    refused = api.client.post(f"/v1/conversations/{first}/replies", json={"text": "x"}, headers=key)
    assert "restore it first" in problem(refused, 422, "refused")["detail"]
    back = api.client.post(f"/v1/conversations/{first}/restore", headers=key).json()
    assert (back["state"], back["deleted_at"]) == ("open", None)
    assert api.client.delete(f"/v1/conversations/{first}?spam=true", headers=key).json()["spam"] is True


def test_for_ever_needs_an_operator_and_the_number_of_mails(api: Api) -> None:
    first, _ = two(api)
    _, key = api.key("conversations:read", "conversations:write")
    _, operator = api.key(DESK_SCOPE)
    path = f"/v1/conversations/{first}/purge"
    problem(api.client.post(path, json={"confirm": 1}, headers=key), 403, "missing-scope")
    refused = api.client.post(path, json={"confirm": 1}, headers=operator)
    assert "Only what is in Deleted" in problem(refused, 422, "refused")["detail"]
    api.client.delete(f"/v1/conversations/{first}", headers=key)
    seen = api.client.get(path, headers=operator).json()
    assert (seen["state"], seen["mails"], seen["attachments"], seen["waiting"]) == ("deleted", 1, 0, 0)
    wrong = api.client.post(path, json={"confirm": 2}, headers=operator)
    assert "1 mail now, not 2" in problem(wrong, 422, "refused")["detail"]
    done = api.client.post(path, json={"confirm": 1}, headers=operator).json()
    assert done["state"] == "purged"
    assert "was deleted by Shop" in done["why"]
    mails = api.client.get(f"/v1/conversations/{first}/messages", headers=key).json()["data"]
    assert [(one["subject"], one["text"][:27]) for one in mails] == [("", "What this mail said was del")]
    for path in ("/v1/conversations/99/purge", "/v1/conversations/con_x/purge"):
        problem(api.client.get(path, headers=operator), 404, "not-found")
