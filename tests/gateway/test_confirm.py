"""gatepost.gateway.confirm: the mail that asks, as it goes out."""

import re
from datetime import datetime, timedelta

import pytest

from gatepost.address import parse_address
from gatepost.gateway.accept import Gate
from gatepost.gateway.confirm import ask_to_confirm
from gatepost.mail import parse
from gatepost.model import Sender
from gatepost.store.links import AskedOften, row_by_token
from gatepost.store.messages import get_message, raw_of
from gatepost.store.senders import list_senders


def test_the_mail_holds_a_link_that_only_its_owner_knows(gate: Gate, now: datetime) -> None:
    message_id = ask_to_confirm(gate, parse_address("Anna@Northwind.de"), now)
    with gate.database.session() as session:
        message = get_message(session, message_id)
        assert message is not None
        raw = raw_of(session, message.raw_id, gate.blobs)
        (row,) = list_senders(session)
        token = re.search(rb"/confirm/([\w-]{43})\r\n", raw)
        assert token
        found = row_by_token(session, Sender, token[1].decode(), now)
        assert found is not None
        assert found.id == row.id
    assert row.message_id == message_id
    assert token[1].decode() not in str(row)
    mail = parse(raw)
    assert mail.header("auto-submitted") == "auto-generated"
    assert mail.header("from") == "Gatepost <no-reply@gatepost.test>"
    assert f"{row.expires_at:%Y-%m-%d %H:%M} UTC" in raw.decode()
    with pytest.raises(AskedOften):
        ask_to_confirm(gate, parse_address("anna@northwind.de"), now + timedelta(seconds=1))
