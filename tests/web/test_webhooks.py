"""The page of webhooks, as an admin uses it."""

import re

from gatepost.store.events import last_seq
from gatepost.store.webhook_calls import calls_of, put_calls
from gatepost.store.webhooks import list_webhooks
from tests.web.conftest import Site


def test_a_webhook_is_added_tested_repeated_and_removed(site: Site) -> None:
    client = site.client("ada@example.org")
    made = client.post("/webhooks", data={"url": "https://hooks.example.org/x", "kinds": "delivery.*, message.queued"})
    assert made.status_code == 200
    assert re.search(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert "whsec_" not in client.get("/webhooks").text
    with site.parts.database.session() as session:
        (row,) = list_webhooks(session)
    assert row.kinds == ["delivery.*", "message.queued"]
    assert client.post(f"/webhooks/{row.id}/test").status_code == 303
    site.parts.ledger.write(lambda session: put_calls(session, last_seq(session), site.now))
    page = client.get(f"/webhooks/{row.id}")
    assert page.status_code == 200
    assert "webhook.test" in page.text
    with site.parts.database.session() as session:
        (call,) = calls_of(session, row.id)
    assert client.post(f"/webhooks/{row.id}/replay", data={"call": call.id}).status_code == 303
    assert client.post(f"/webhooks/{row.id}/replay", data={"call": "whc_1"}).status_code == 404
    assert client.post(f"/webhooks/{row.id}/enable").status_code == 303
    assert client.post(f"/webhooks/{row.id}/delete").status_code == 303
    assert client.get(f"/webhooks/{row.id}").status_code == 404


def test_what_does_not_fit_is_said_beside_the_field(site: Site) -> None:
    client = site.client("ada@example.org")
    answer = client.post("/webhooks", data={"url": "ftp://x.example/", "kinds": "user.login", "credential": "crd_1"})
    assert answer.status_code == 422
    for name in ("url", "kinds", "credential"):
        assert f'id="problem-{name}"' in answer.text


def test_a_secret_is_changed_in_two_steps(site: Site) -> None:
    client = site.client("ada@example.org")
    client.post("/webhooks", data={"url": "https://hooks.example.org/x"})
    with site.parts.database.session() as session:
        (row,) = list_webhooks(session)
    path = f"/webhooks/{row.id}"
    made = client.post(f"{path}/rotate")
    assert re.search(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert "End the old secret" in made.text
    assert "whsec_" not in client.get(path).text
    assert client.post(f"{path}/rotate/finish").headers["location"] == f"{path}?done=finished"
    assert "End the old secret" not in client.get(path).text
    assert site.client("ben@example.org").post(f"{path}/rotate").status_code == 403
