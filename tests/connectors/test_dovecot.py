"""Dovecot as the tests use it: logins, delivery into folders, and a restart that keeps ports and mail."""

import imaplib
import ssl

from tests.rig.dovecot import PASSWORD, Dovecot


def test_dovecot_keeps_mail_and_ports_over_a_restart(dovecot: Dovecot) -> None:
    user = dovecot.add_user()
    dovecot.deliver(user, b"Subject: inbox\r\n\r\n")
    dovecot.deliver(user, b"Subject: other\r\n\r\n", "Support")
    for _ in range(2):
        context = ssl.create_default_context(cafile=str(dovecot.certificate))
        with imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=context, timeout=30) as client:
            client.login(user, PASSWORD)
            assert client.select("INBOX", readonly=True) == ("OK", [b"1"])
            assert client.select("Support", readonly=True) == ("OK", [b"1"])
        dovecot.restart()
    dovecot.set_uidvalidity(user, 99)
    with imaplib.IMAP4("localhost", dovecot.port, timeout=30) as client:
        client.login(user, PASSWORD)
        assert client.status("INBOX", "(UIDVALIDITY)")[1] == [b"INBOX (UIDVALIDITY 99)"]
