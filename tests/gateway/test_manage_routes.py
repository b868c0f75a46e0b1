"""Kept secrets go only where they went; a mailbox's password only to its provider."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import Session

from gatepost.gateway.accept import Gate
from gatepost.gateway.manage_routes import save_route, try_route
from gatepost.gateway.route_config import ConfigError, open_secrets
from gatepost.model import Route
from gatepost.store.accounts import create_account
from gatepost.store.channels import create_channel
from gatepost.store.routes import get_route
from gatepost.store.sending import set_sending


def route(gate: Gate, name: str) -> Route:
    with gate.database.session() as session:
        row = get_route(session, name)
        assert row
        return row


def problems(gate: Gate, name: str, url: str, here: bool, now: datetime) -> dict[str, str]:
    """What is wrong with a route over a mailbox's server."""
    try:
        save_route(gate, name, "account", {"url": url}, [], now, account="box@mail.example", here=here)
    except ConfigError as error:
        return error.problems
    return {}


def test_a_kept_password_goes_to_no_other_server(gate: Gate, now: datetime) -> None:
    save_route(gate, "bulk", "relay", {"url": "smtp://us:hunter22@relay.example"}, [], now)
    old = route(gate, "bulk")
    save_route(gate, "bulk", "relay", {"url": "smtp://us@relay.example:2525"}, ["sender:x.example"], now, old=old)
    assert open_secrets(gate.keys, route(gate, "bulk")) == {"password": "hunter22"}
    with pytest.raises(ConfigError, match="needs a password"):
        save_route(gate, "bulk", "relay", {"url": "smtp://us@evil.example"}, [], now, old=old)
    assert route(gate, "bulk").config["url"] == "smtp://us@relay.example:2525"


def test_a_kept_token_goes_to_no_other_address(gate: Gate, now: datetime) -> None:
    given = {
        "url": "smtp://us@relay.example",
        "auth": "xoauth2",
        "client_id": "abc",
        "token_url": "https://id.example/t",
    }
    save_route(gate, "bulk", "relay", given | {"refresh_token": "r1"}, [], now)
    old = route(gate, "bulk")
    save_route(gate, "bulk", "relay", given | {"scope": "smtp"}, [], now, old=old)
    assert open_secrets(gate.keys, route(gate, "bulk")) == {"refresh_token": "r1"}
    for other in ("https://evil.example/t", "https://id.example/of-somebody-else"):
        with pytest.raises(ConfigError, match="needs a refresh token"):
            save_route(gate, "bulk", "relay", given | {"token_url": other}, [], now, old=old)


def test_a_mailboxs_password_goes_only_where_it_goes_already(gate: Gate, now: datetime) -> None:
    def connect(session: Session) -> None:
        channel = create_channel(session, name="Box", address="box@mail.example", now=now)
        account = create_account(
            session, gate.keys, channel_id=channel.id, host="firma.co.example", port=993, security="tls",
            username="box@mail.example", secret="s3cret", now=now,
        )  # fmt: skip
        set_sending(session, account, smtp_host="smtp.mail.example", smtp_port=465, smtp_security="tls")

    gate.ledger.write(connect)
    for number, (url, here, fits) in enumerate(
        (
            ("smtps://smtp.mail.example", False, True),
            ("smtps://firma.co.example", False, True),
            ("smtps://evil.example", False, False),
            ("smtps://evil.co.example", False, False),
            ("smtps://evil.mail.example", False, False),
            ("smtps://other.example", True, True),
        )
    ):
        found = problems(gate, f"box-{number}", url, here, now)
        assert bool(found) != fits, url
        assert fits or "firma.co.example and smtp.mail.example alone" in found["url"]
    old = route(gate, "box-5")
    gate.ledger.write(lambda session: another(session, gate, now))
    given = {"url": "smtps://other.example"}
    with pytest.raises(ConfigError, match=r"login goes to imap\.other\.example alone"):
        save_route(gate, "box-5", "account", given, [], now, account="second@mail.example", old=old, here=True)
    save_route(
        gate, "box-5", "account", {"url": "smtps://other.example:466"}, [], now, account="box@mail.example", old=old
    )
    assert route(gate, "box-5").config["url"] == "smtps://other.example:466"


def another(session: Session, gate: Gate, now: datetime) -> None:
    """A second connected mailbox."""
    channel = create_channel(session, name="Second", address="second@mail.example", now=now)
    create_account(
        session, gate.keys, channel_id=channel.id, host="imap.other.example", port=993, security="tls",
        username="second@mail.example", secret="pw", now=now,
    )  # fmt: skip


def test_what_can_be_tried(gate: Gate, now: datetime) -> None:
    assert try_route(gate, "sandbox")[0]
    assert try_route(gate, "nowhere") == (False, ["* there is no route nowhere"])
    relay = replace(gate, settings=gate.settings.model_copy(update={"route": "relay", "relay": "smtp://127.0.0.1:1"}))
    works, said = try_route(relay, "relay")
    assert (works, "refused the connection" in said[-1]) == (False, True)
