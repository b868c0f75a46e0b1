"""What an agent is told before sending: suppressed recipients, and those whom the last mail did not reach."""

from gatepost.store.suppressions import suppress
from tests.web.conftest import Site

CAROL = "carol@customer.example"
BAD = "bad@customer.example"


def stop(site: Site, address: str = CAROL) -> None:
    now = site.now
    site.parts.ledger.write(lambda s: suppress(s, address, "she asked us", source="person", now=now, expires_at=None))


def test_the_composer_tells_of_a_suppressed_recipient(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    assert "suppression list" not in agent.get(path).text
    stop(site)
    shown = agent.get(path).text
    assert f"Not sent: {CAROL} is on the suppression list" in shown
    assert f'<input type="hidden" name="warned" value="{CAROL}">' in shown
    assert "she asked us" in agent.get(f"{path}?part=to").text


def test_a_typed_address_is_looked_at_before_sending(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    warned = agent.get(f"{path}?part=warned&cc={BAD}").text
    assert f"The last mail to {BAD} was not delivered: The address {BAD} does not exist." in warned
    assert "warned" not in agent.get(f"{path}?part=warned&cc={CAROL}, nonsense").text


def test_complaint_35_a_new_recipient_and_one_left_out_are_told(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    told = "somebody@new.example is new in this conversation"
    assert told in agent.get(f"{path}?part=warned&cc=somebody@new.example").text
    shown = agent.post(f"{path}/reply", data={"cc": "somebody@new.example", "text": ""}).text
    assert told in shown
    assert f"{CAROL} is left out, who" in shown
    assert "left out" not in agent.get(path).text


def test_nothing_goes_to_a_suppressed_one_that_the_writer_was_not_told_of(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    stop(site, "gone@x.example")
    written = {"to": CAROL, "cc": "gone@x.example", "text": "Hello"}
    first = agent.post(f"{path}/reply", data=written)
    assert first.status_code == 422
    assert "Nothing is sent to gone@x.example" in first.text
    assert '<input type="hidden" name="warned" value="gone@x.example">' in first.text
    assert "Hello" in first.text
    assert agent.post(f"{path}/reply", data=written | {"warned": "gone@x.example"}).status_code == 303
