"""The guide in steps (E7), and the API's reference page."""

import re

from gatepost.web.api import OPERATIONS, VERSION
from tests.web.conftest import Site


def test_e7_mail_is_set_up_in_steps_with_a_picture_each(site: Site) -> None:
    page = site.client("ada@example.org").get("/help/mail").text
    steps = re.findall(r'<li class="sheet" id="(\w+)">', page)
    assert steps == ["mailbox", "inlet", "domain", "credential", "leave", "watch"]
    assert page.count('<svg class="sketch"') == len(steps)
    assert page.count("Done here") == 2
    assert page.count("Still to do") == 3
    assert "optional, and recommended" in page.lower()
    assert site.client("ben@example.org").get("/help/mail").status_code == 403


def test_the_api_page_has_every_operation_and_form(site: Site) -> None:
    page = site.client("ben@example.org").get("/docs/api").text
    for operation in OPERATIONS:
        assert f"<code>{VERSION}{operation.path}</code>" in page
        assert f'id="form-{operation.gives.__name__}"' in page
    for target in set(re.findall(r'href="#(form-\w+)"', page)):
        assert f'id="{target}"' in page
    assert not re.search(r'(?:src|href)="https?://', page)
