"""The API of acknowledgements, and of who gets no automatic mail for now; for operators only."""

from datetime import timedelta

from gatepost.model import Breaker
from gatepost.store.automatic import trip
from tests.web.api_rig import Api, problem
from tests.web.api_rig import api as api
from tests.web.test_api_desk import HELP, ask
from tests.web.test_api_desk import auth as auth


def test_an_acknowledgement_is_switched_on_and_shown(api: Api, auth: dict[str, str]) -> None:
    box, path = "/mailboxes/{address}/acknowledgement", f"/mailboxes/{HELP}/acknowledgement"
    assert not ask(api, auth, "GET", path, box).json()["on"]
    done = ask(api, auth, "PUT", path, box, {"on": True, "text": "We read it on Monday."})
    assert (done.json()["on"], done.json()["mailbox"]) == (True, HELP)
    assert "We read it on Monday." in done.json()["preview"]
    problem(ask(api, auth, "PUT", path, box, {"on": True, "text": "x" * 2001}), 422, "invalid-fields")
    problem(api.client.get("/v1/mailboxes/no@shop.example/acknowledgement", headers=auth), 404, "not-found")


def test_who_is_stopped_is_told_and_resumed(api: Api, auth: dict[str, str]) -> None:
    until = api.now + timedelta(days=1)
    row = Breaker(address="robot@x.example", rule="Round", cycle=["a", "b"], at=api.now, until=until)
    api.parts.ledger.write(lambda session: trip(session, row, None))
    listed = ask(api, auth, "GET", "/automatic-mail/stopped", "/automatic-mail/stopped").json()["data"]
    assert [(one["address"], one["cycle"]) for one in listed] == [("robot@x.example", ["a", "b"])]
    one, path = "/automatic-mail/stopped/{address}", "/automatic-mail/stopped/robot@x.example"
    assert ask(api, auth, "DELETE", path, one).json()["data"] == []
    problem(ask(api, auth, "DELETE", path, one), 404, "not-found")
