"""Acts on deliveries over the API: a key's own mail, and nobody else's."""

from functools import partial

from gatepost.store.suppressions import suppress
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_api_deliveries import mail_to


def test_a_system_holds_releases_and_cancels_its_own_mail(api: Api) -> None:
    _, auth = api.key()
    message = mail_to(api, auth, "ana")
    (row,) = api.client.get(f"/v1/messages/{message}", headers=auth).json()["deliveries"]
    path = f"/v1/deliveries/{row['id']}"
    for name, state in (("hold", "held"), ("release", "queued"), ("cancel", "cancelled")):
        answer = api.client.post(f"{path}/{name}", headers=auth).json()
        assert (answer["done"], answer["delivery"]["state"]) == (True, state), answer
    refused = api.client.post(f"{path}/retry", headers=auth).json()
    assert (refused["done"], refused["delivery"]["state"]) == (False, "cancelled")
    assert "cancelled" in refused["why"]
    assert api.client.post(f"{path}/retry", headers=api.key()[1]).status_code == 404
    assert api.client.post("/v1/deliveries/dlv_1/retry", headers=auth).status_code == 404


def test_a_system_sees_which_of_its_recipients_are_suppressed(api: Api) -> None:
    _, auth = api.key()
    message = mail_to(api, auth, "ana")
    (row,) = api.client.get(f"/v1/messages/{message}", headers=auth).json()["deliveries"]
    now = api.parts.now()
    for address in (row["recipient"], "stranger@x.example"):
        op = partial(suppress, address=address, reason="left", source="person", now=now, expires_at=None)
        api.parts.ledger.write(op)
    (listed,) = api.client.get("/v1/suppressions", headers=auth).json()["data"]
    assert (listed["address"], listed["reason"], listed["until"]) == (row["recipient"].lower(), "left", None)
