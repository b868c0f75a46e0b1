"""Sending with a provider's token: a real Dovecot submission that asks the identity provider, and a server behind."""

import asyncio
from datetime import timedelta

from sqlmodel import Session

from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_way import account_way
from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.routes import in_turn
from gatepost.gateway.send import Sent
from gatepost.gateway.send_pool import Pool
from gatepost.ledger import Ledger
from gatepost.mailbox_access import smtp_login
from gatepost.model import Account, Message, Route
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import messages
from gatepost.store.accounts import get_account
from gatepost.store.deliveries import Claim
from gatepost.store.routes import get_route
from gatepost.store.sending import set_sending
from tests.connectors.office import Office
from tests.fakes.smtp import smtp_server_thread
from tests.gateway.test_routes import add
from tests.rig.provider import providing
from tests.rows import copies_of

RAW = b"From: box@contoso.test\r\nTo: ana@remote.test\r\nSubject: Hi\r\n\r\nHello\r\n"


def send(gate: Gate, office: Office) -> Sent:
    """One mail over the route `own`."""

    async def scenario() -> Sent:
        with gate.database.session() as session:
            row = get_route(session, "own")
            assert isinstance(row, Route)
        pool = Pool()
        claim = Claim("dlv_1", "msg_1", "ana@remote.test", 0, 1, office.now())
        try:
            attempt = account_way(gate, row, pool, office.now, in_turn(gate))
            return await attempt(Outgoing(claim, "b+t@bounce.gatepost.test", RAW))
        finally:
            await pool.close()

    return asyncio.run(scenario())


def test_mail_goes_out_with_a_token_that_is_renewed_in_time(
    settings: Settings, database: Database, ledger: Ledger, keys: Keys
) -> None:
    with smtp_server_thread() as world, providing(relay_port=world.port) as rig:
        office = Office(database, ledger, keys, rig.identity, rig.providers)
        account: Account = office.connect("microsoft")
        port = rig.dovecot.submission_port

        def prepare(session: Session) -> None:
            row = get_account(session, account.id)
            assert row
            set_sending(session, row, smtp_host="localhost", smtp_port=port, smtp_security="starttls")
            mail = Message(
                id="msg_1", direction="out", digest="d", message_id="1@gatepost.test", at=office.now(), size=1
            )
            messages.put_message(session, mail, Content(RAW, None, len(RAW)))

        ledger.write(prepare)
        login = smtp_login(office.access())
        gate = Gate(settings, database, ledger, keys, Blobs(settings.home / "blobs"), account_login=login)
        add(gate, "own", "account", [], account=account.id, ca=str(rig.trust))
        assert set(login(account, "").names) >= {"localhost", "outlook.com"}
        sent = send(gate, office)
        assert (sent.reply.code, sent.stage) == (250, "dot")
        assert "C: AUTH XOAUTH2 ***" in sent.transcript
        assert f"FROM:<{account.address}>" in world.mails[0].mail_from
        with database.session() as session:
            assert len(copies_of(session, "msg_1")) == 1
        rig.identity.expire(office.people[account.id])  # the server refuses what we think is good
        office.ahead += timedelta(minutes=10)
        assert send(gate, office).reply.code == 250
        assert len(world.mails) == 2
