"""gatepost.gateway.standing and what accepting makes of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.standing import Standing, address_standing
from gatepost.model import Credential
from gatepost.reply import Refused
from gatepost.store import domains, links, senders
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import deliveries_of
from tests.gateway.conftest import Submit

REAL = "From: Anna <anna@northwind.de>\r\nTo: ana@calderon.example\r\n"


@pytest.fixture
def shop(gate: Gate, now: datetime) -> Credential:
    """A system that an admin lets send as northwind.de."""
    return gate.ledger.write(
        lambda s: create_credential(s, gate.keys, kind="smtp", name="Shop", senders=["northwind.de"], now=now)
    )[0]


def standing(gate: Gate, address: str) -> Standing:
    with gate.database.session() as session:
        return address_standing(session, gate.settings, parse_address(address))


def written(gate: Gate, act: Callable[[Session], object]) -> None:
    gate.ledger.write(act)


@pytest.mark.parametrize(
    ("address", "usable", "words"),
    [
        ("a@gatepost.test", True, "own domain"),
        ("a@sub.gatepost.test", True, "own domain"),
        ("a@shop.example", True, "for trials"),
        ("a@example.org", True, "for trials"),
        ("a@notexample.org", False, "not confirmed"),
        ("a@test.de", False, "not confirmed"),
    ],
)
def test_ours_and_names_for_trials_need_no_proof(gate: Gate, address: str, usable: bool, words: str) -> None:
    found = standing(gate, address)
    assert (found.usable, words in found.why, bool(found.fix)) == (usable, True, not usable)


def test_an_own_domain_that_is_real_is_named_by_the_settings(gate: Gate) -> None:
    real = replace(gate, settings=gate.settings.model_copy(update={"domain": "northwind.de"}))
    assert standing(real, "anna@northwind.de").usable
    assert not standing(gate, "anna@northwind.de").usable


def test_an_address_is_confirmed_once_by_its_link(gate: Gate, now: datetime) -> None:
    written(gate, lambda s: senders.ask(s, "anna@northwind.de", "token", "msg_1", now))
    assert "nobody has opened the link" in standing(gate, "anna@northwind.de").why
    late = now + links.LINK_LIFE
    assert gate.ledger.write(lambda s: senders.confirm(s, "token", late)) is None
    assert gate.ledger.write(lambda s: senders.confirm(s, "other", now)) is None
    assert gate.ledger.write(lambda s: senders.confirm(s, "", now)) is None
    assert gate.ledger.write(lambda s: senders.confirm(s, "token", now)) is not None
    assert gate.ledger.write(lambda s: senders.confirm(s, "token", now)) is None
    assert "confirmed by mail" in standing(gate, "anna@northwind.de").why
    assert not standing(gate, "bob@northwind.de").usable
    with gate.database.session() as session:
        (row,) = senders.list_senders(session)
    written(gate, lambda s: senders.remove_sender(s, row.id, now))
    assert not standing(gate, "anna@northwind.de").usable


def test_a_new_mail_ends_the_link_of_the_one_before(gate: Gate, now: datetime) -> None:
    for number, at in enumerate((now, now + timedelta(minutes=2))):
        written(gate, lambda s, n=number, at=at: senders.ask(s, "anna@northwind.de", f"token{n}", "msg", at))  # type: ignore[misc]
    assert gate.ledger.write(lambda s: senders.confirm(s, "token0", now)) is None
    assert gate.ledger.write(lambda s: senders.confirm(s, "token1", now)) is not None


def test_nobody_is_flooded_with_confirmation_mails(gate: Gate, now: datetime) -> None:
    def ask(address: str, at: datetime) -> None:
        written(gate, lambda s: senders.ask(s, address, f"{address}{at}", "msg", at))

    ask("anna@northwind.de", now)
    with pytest.raises(links.AskedOften, match="less than a minute"):
        ask("anna@northwind.de", now + timedelta(seconds=59))
    for minutes in range(1, links.MOST_A_DAY):
        ask("anna@northwind.de", now + timedelta(minutes=minutes))
    with pytest.raises(links.AskedOften, match="tomorrow"):
        ask("anna@northwind.de", now + timedelta(hours=23))
    ask("anna@northwind.de", now + timedelta(hours=25))
    for number in range(senders.MOST_OF_ALL - 1):
        ask(f"a{number}@northwind.de", now + timedelta(hours=25))
    with pytest.raises(links.AskedOften, match="within a day"):
        ask("last@northwind.de", now + timedelta(hours=25))


def test_a_proven_domain_stands_for_all_below_it(gate: Gate, now: datetime) -> None:
    written(gate, lambda s: domains.create_domain(s, gate.keys, "northwind.de", now))
    assert "does not publish our key yet" in standing(gate, "anna@mail.northwind.de").why
    with gate.database.session() as session:
        (row,) = domains.list_domains(session)
    written(gate, lambda s: domains.set_report(s, row.id, [], verified_at=now))
    for address in ("anna@northwind.de", "x@mail.northwind.de"):
        assert "is verified" in standing(gate, address).why
    assert not standing(gate, "x@other.de").usable


def test_mail_of_an_unverified_sender_is_refused_with_the_fix(
    gate: Gate, submit: Submit, shop: Credential, now: datetime
) -> None:
    with pytest.raises(Refused) as caught:
        accept(gate, submit(REAL, mail_from="", sender=shop), now)
    reply = caught.value.reply
    assert (reply.code, reply.status) == (550, "5.7.1")
    assert "anna@northwind.de is not confirmed" in reply.text
    assert "under Senders" in reply.text
    written(gate, lambda s: senders.ask(s, "anna@northwind.de", "token", "msg", now))
    written(gate, lambda s: senders.confirm(s, "token", now))
    assert accept(gate, submit(REAL, mail_from="", sender=shop), now).result()


def test_or_held_where_the_setting_says_so(gate: Gate, submit: Submit, shop: Credential, now: datetime) -> None:
    holding = replace(gate, settings=gate.settings.model_copy(update={"unverified_senders": "hold"}))
    message_id = accept(holding, submit(REAL, mail_from="", sender=shop), now).result()
    with gate.database.session() as session:
        (delivery,) = deliveries_of(session, message_id)
    assert delivery.state == "held"
    assert "not confirmed" in delivery.text


def test_a_list_of_the_admin_does_not_make_up_for_it(gate: Gate, submit: Submit, now: datetime) -> None:
    with pytest.raises(Refused, match="may not send as"):
        accept(gate, submit("From: anna@northwind.de\r\n", mail_from=""), now)
