"""State and visibility of a mailbox are independent (E3, E5, E6), and conditions before it is switched on (E4)."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from gatepost.model import Channel
from gatepost.store.channels import get_channel
from gatepost.web.app import create_app
from tests.web.conftest import Site

FIELDS = {"address": "support@example.org", "name": "Support", "sender_name": "", "by_mx": ""}


def channel(site: Site) -> Channel:
    with site.parts.database.session() as session:
        found = get_channel(session, site.support)
    assert found
    return found


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("visible", [True, False])
def test_e6_state_and_visibility_are_independent(site: Site, active: bool, visible: bool) -> None:
    admin, path = site.client("ada@example.org"), f"/mailboxes/{site.support}"
    data = FIELDS | {"active": "yes" if active else "", "visible": "yes" if visible else ""}
    assert admin.post(path, data=data).status_code == 303
    found = channel(site)
    assert (found.state, found.visible) == ("active" if active else "inactive", visible)
    link = f'href="/inbox?mailbox={site.support}"'
    assert (link in admin.get("/inbox").text) is visible
    listed = admin.get("/mailboxes").text
    assert ("Not shown" in listed) is not visible
    assert "support@example.org" in listed
    answer = admin.post(f"/inbox/{site.conversation}/reply", data={"to": "x@y.example", "text": "Hello"})
    assert answer.status_code == (303 if active else 422)


def test_e4_a_mailbox_is_switched_on_only_when_its_conditions_are_met(site: Site) -> None:
    site.client("ada@example.org").post(f"/mailboxes/{site.support}", data=FIELDS | {"visible": "yes"})
    asked = site.parts.settings.model_copy(update={"activation": ["inlet", "sender-name"]})
    strict = replace(site.parts, settings=asked)
    admin: TestClient = Site(create_app(strict), strict, site.now).client("ada@example.org")
    path = f"/mailboxes/{site.support}"
    assert "needs a way in" in admin.get(path).text
    refused = admin.post(path, data=FIELDS | {"active": "yes"})
    assert (refused.status_code, "needs a way in" in refused.text) == (422, True)
    assert channel(site).state == "inactive"
    met = FIELDS | {"active": "yes", "by_mx": "yes", "sender_name": "Support"}
    assert admin.post(path, data=met).status_code == 303
    assert channel(site).state == "active"
