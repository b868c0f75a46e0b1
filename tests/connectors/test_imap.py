import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.connectors import wire
from gatepost.connectors.cursor import Position
from gatepost.connectors.fetch import Fetched, Source, fetch_uids
from gatepost.connectors.imap import check, connect, list_folders, list_new, open_folder
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.http import is_global
from gatepost.model import Account
from tests.fakes.imap import FakeImap, Script, imap_server
from tests.rig.certificate import write_certificate
from tests.rig.dovecot import Dovecot
from tests.rig.process import free_port

MAIL = b"From: a@example.org\r\nSubject: one\r\n\r\nText\r\n"
LIMIT = 1_000_000


def account() -> Account:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Account(
        id="acc_1", channel_id="chn_1", host="h", port=1, security="none", username="u", secret_sealed=b"",
        state_since=now, next_poll_at=now, created_at=now,
    )  # fmt: skip


def login(server: Dovecot, user: str, security: str = "tls", **changes: object) -> Connect:
    port = server.tls_port if security == "tls" else server.port
    return replace(Connect("localhost", port, security, user, "secret-pw"), **changes)  # type: ignore[arg-type]


def trust(server: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.certificate))


def to_fake(server: FakeImap, security: str = "none") -> Connect:
    return Connect("localhost", server.port, security, "user", "pw")


def read_all(settings: Connect, *, limit: int = LIMIT, careful: bool = False, after: int = 0) -> Iterator[Fetched]:
    with connect(settings, allow_private=True, message_size=limit) as client:
        folder = open_folder(client, settings.folder)
        uids = list_new(client, folder, Position(folder.uidvalidity, after))
        for batch in fetch_uids(client, Source(account(), folder, careful=careful), uids):
            yield from batch.mails


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(wire, "COMMAND_SECONDS", 2)


# A real Dovecot


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_check_logs_in_and_counts(shared_dovecot: Dovecot, security: str) -> None:
    user = shared_dovecot.add_user()
    shared_dovecot.deliver(user, MAIL)
    shared_dovecot.deliver(user, MAIL)
    found = check(login(shared_dovecot, user, security), True, tls=trust(shared_dovecot))
    assert (found.ok, found.messages, found.sentence) == (True, 2, "Connected: 2 messages in INBOX.")
    assert set(found.folders) == {"INBOX", "Drafts", "Sent"}


def test_check_names_an_untrusted_certificate_with_its_fingerprint(shared_dovecot: Dovecot) -> None:
    der = ssl.PEM_cert_to_DER_cert(shared_dovecot.certificate.read_text())
    digits = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
    for security in ("tls", "starttls"):
        found = check(login(shared_dovecot, "nobody", security), True)
        assert (found.ok, found.field) == (False, "host")
        assert "The certificate of localhost is not trusted" in found.sentence
        assert fingerprint in found.sentence


def test_check_refuses_a_certificate_for_another_name(shared_dovecot: Dovecot) -> None:
    settings = login(shared_dovecot, "nobody", host="ip6-localhost.localdomain.invalid")
    assert "There is no server named" in check(settings, True).sentence
    certificate_for_localhost = login(shared_dovecot, "nobody", host="127.0.0.2")
    found = check(certificate_for_localhost, True, tls=trust(shared_dovecot))
    assert (found.ok, found.field) == (False, "host" if "certificate" in found.sentence else "port")


def test_check_names_the_wrong_password(shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user("right")
    found = check(login(shared_dovecot, user), True, tls=trust(shared_dovecot))
    assert found.field == "password"
    assert found.sentence.startswith("localhost refused the user name or the password. Check User name and Password")
    assert "secret-pw" not in found.sentence + repr(login(shared_dovecot, user))


def test_check_names_the_wrong_port(shared_dovecot: Dovecot) -> None:
    port = free_port()
    found = check(login(shared_dovecot, "nobody", port=port), True)
    assert found.field == "port"
    assert found.sentence == (
        f"Nothing answers on port {port} of localhost. "
        "Check Host and Port: IMAP uses 993 with TLS and 143 with STARTTLS."
    )


def test_check_names_tls_on_a_plain_port_and_the_reverse(shared_dovecot: Dovecot, short_waits: None) -> None:
    found = check(login(shared_dovecot, "nobody", "tls", port=shared_dovecot.port), True)
    assert (found.field, "does not speak TLS from the first byte" in found.sentence) == ("security", True)
    found = check(login(shared_dovecot, "nobody", "starttls", port=shared_dovecot.tls_port), True)
    assert (found.field, "seems to want TLS from the first byte" in found.sentence) == ("security", True)


def test_check_names_a_missing_folder_and_those_there_are(shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    found = check(login(shared_dovecot, user, folder="Support"), True, tls=trust(shared_dovecot))
    assert (found.ok, found.field) == (False, "folder")
    assert "There is no folder Support; the server has: " in found.sentence
    assert all(name in found.sentence for name in ("INBOX", "Drafts", "Sent"))


def test_a_password_and_a_folder_in_any_script(shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user('pä" {3}')
    shared_dovecot.maildir(user, "Anfragen &- &AOQ-")
    settings = login(shared_dovecot, user, password='pä" {3}')
    with connect(settings, allow_private=True, message_size=0, tls=trust(shared_dovecot)) as client:
        assert "Anfragen & ä" in list_folders(client)
        assert open_folder(client, "Anfragen & ä").messages == 0


def test_a_user_name_cannot_carry_a_second_command(shared_dovecot: Dovecot) -> None:
    for username in ('x" y', "x {3}", "x) (y", "*"):
        found = check(login(shared_dovecot, username), True, tls=trust(shared_dovecot))
        assert found.field == "password"


def test_fetch_brings_octets_and_times_and_no_flag_changes(shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    mails = [MAIL + bytes([65 + number]) * number + b"\r\n" for number in range(5)]
    for raw in mails:
        shared_dovecot.deliver(user, raw)
    found = list(read_all(login(shared_dovecot, user, "none")))
    assert [mail.raw for mail in found] == mails
    assert [mail.uid for mail in found] == [1, 2, 3, 4, 5]
    assert all(mail.internal_date and mail.internal_date.tzinfo is UTC for mail in found)
    assert sorted(shared_dovecot.maildir(user).glob("cur/*:2,?*")) == []
    assert "\\Seen" not in shared_dovecot.doveadm("fetch", "-u", user, "flags", "mailbox", "INBOX", "all")


def test_fetch_after_the_last_uid_finds_nothing(shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    for _ in range(3):
        shared_dovecot.deliver(user, MAIL)
    assert [mail.uid for mail in read_all(login(shared_dovecot, user, "none"), after=2)] == [3]
    assert list(read_all(login(shared_dovecot, user, "none"), after=3)) == []


# Hostile servers


def test_preauth_is_refused_before_a_password_is_sent() -> None:
    with imap_server(Script(greeting=b"* PREAUTH welcome\r\n")) as server:
        found = check(to_fake(server, "starttls"), True)
        assert "PREAUTH" in found.sentence
        assert not any("LOGIN" in command or "AUTHENTICATE" in command for command in server.commands)


def test_missing_starttls_is_told_and_no_password_is_sent() -> None:
    with imap_server(Script()) as server:
        found = check(to_fake(server, "starttls"), True)
        assert (found.field, "does not offer STARTTLS" in found.sentence) == ("security", True)
        assert server.commands == ["CAPABILITY"]


def test_octets_injected_behind_starttls_end_the_connection(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    script = Script(capability="IMAP4rev1 STARTTLS", tls=context, after_starttls=b"* OK injected\r\n")
    with imap_server(script) as server:
        found = check(to_fake(server, "starttls"), True, tls=ssl.create_default_context(cafile=str(certificate)))
        assert not found.ok
        assert not any("LOGIN" in command for command in server.commands)


@pytest.mark.parametrize(
    ("answer", "words", "field"),
    [
        (b"{tag} NO [ALERT] Application-specific password required\r\n", "app password", "password"),
        (b"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials <b>\r\n", "refused the user name", "password"),
        (b"{tag} NO [UNAVAILABLE] Temporary authentication failure\r\n", "cannot check logins just now", "server"),
        (b"{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n", "too many connections", "server"),
        (b"{tag} NO Your account is not enabled for IMAP use.\r\n", "IMAP is switched off", "username"),
        (b"* BYE go away\r\n", "ended the connection", "server"),
        (b"\x00\xff garbage\r\n", "ended the connection", "server"),
    ],
)
def test_what_a_refused_login_means(answer: bytes, words: str, field: str) -> None:
    with imap_server(Script(answers={"LOGIN": answer})) as server:
        found = check(to_fake(server), True)
    assert words in found.sentence
    assert found.field == field
    assert "<b>" not in found.sentence


@pytest.mark.parametrize("greeting", [b"220 smtp.example.org ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\xff" * 50])
def test_what_is_no_imap_server_is_told(greeting: bytes, short_waits: None) -> None:
    with imap_server(Script(greeting=greeting, cut={"GREETING": 1000})) as server:
        found = check(to_fake(server, "none"), True)
    assert (found.ok, found.field in ("port", "security")) == (False, True)


HOSTILE = {
    "a literal of 10^12": Script(answers={"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {1000000000000}\r\n"}),
    "a size of 5,000 digits": Script(answers={"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {" + b"9" * 5000 + b"}\r\n"}),
    "an endless line": Script(endless="UID SEARCH", filler=b"* SEARCH 1 2 3"),
    "endless untagged lines": Script(endless="UID SEARCH"),
    "an endless literal": Script(endless="UID FETCH", filler=b"x" * 100),
    "brackets": Script(answers={"UID FETCH": b"* 1 FETCH " + b"(" * 50_000 + b"\r\n{tag} OK\r\n"}),
    "garbage": Script(answers={"UID FETCH": b"\x00\x01\xfe garbage\r\n{tag} OK done\r\n"}),
    "half a fetch": Script(answers={"UID FETCH": b'* 1 FETCH (UID 1 RFC822.SIZE\r\n{tag} OK done\r\n'}),
    "uids of nonsense": Script(answers={"UID SEARCH": b"* SEARCH one two\r\n{tag} OK done\r\n"}),
    "no": Script(answers={"UID FETCH": b"{tag} NO [SERVERBUG] no\r\n"}),
    "bad": Script(answers={"UID SEARCH": b"{tag} BAD no\r\n"}),
    "no uidvalidity": Script(answers={"EXAMINE": b"* 1 EXISTS\r\n{tag} OK done\r\n"}),
    "a uidvalidity of words": Script(answers={"EXAMINE": b"* OK [UIDVALIDITY x] x\r\n{tag} OK done\r\n"}),
    "a huge folder": Script(answers={"EXAMINE": b"* 99999999999999999999 EXISTS\r\n{tag} OK done\r\n"}),
    "silence": Script(answers={"UID SEARCH": b""}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_makes_trouble_and_nothing_else(name: str, short_waits: None) -> None:
    with imap_server(replace(HOSTILE[name], messages={1: MAIL}, uidnext=50)) as server:
        with pytest.raises(Trouble) as trouble:
            list(read_all(to_fake(server)))
        assert "localhost" in str(trouble.value) or "server" in str(trouble.value)


def test_a_fetch_cut_at_any_octet_gives_no_half_mail() -> None:
    script = Script(messages={1: MAIL, 2: MAIL + b"second\r\n"})
    whole = len(b"".join(script.messages.values())) + 200
    with imap_server(script) as server:
        for cut in range(0, whole, 7):
            server.script = replace(script, answers={}, cut={"UID FETCH": cut})
            with pytest.raises(Trouble, match="ended the connection"):
                list(read_all(to_fake(server)))
        server.script = script
        assert [mail.raw for mail in read_all(to_fake(server))] == [*script.messages.values()]


def test_a_mail_over_the_limit_comes_as_its_header_with_the_reason() -> None:
    large = b"Subject: large\r\n\r\n" + b"x" * 5000
    with imap_server(Script(messages={1: MAIL, 2: large, 3: MAIL})) as server:
        found = list(read_all(to_fake(server), limit=1000))
    assert [(mail.uid, mail.raw) for mail in found] == [(1, MAIL), (2, b"Subject: large"), (3, MAIL)]
    assert [bool(mail.missing) for mail in found] == [False, True, False]
    assert "larger than the limit of 1000 octets" in found[1].missing


def test_a_mail_that_is_listed_but_not_handed_over_stops_only_at_first() -> None:
    with imap_server(Script(messages={1: MAIL, 2: MAIL, 3: MAIL}, refuse_uids=frozenset({2}))) as server:
        with pytest.raises(Trouble, match="lists message 2, but does not hand it over"):
            list(read_all(to_fake(server)))
        found = list(read_all(to_fake(server), careful=True))
    assert [(mail.uid, bool(mail.missing)) for mail in found] == [(1, False), (2, True), (3, False)]


def test_a_mail_whose_answer_breaks_the_protocol_is_passed_when_careful() -> None:
    with imap_server(Script(messages={5: MAIL}, sizes={5: 10}, answers={})) as server:
        server.script = replace(server.script, answers={"UID FETCH": b"* 1 FETCH (UID 5 BODY[] {99999999}\r\n"})
        found: list[Fetched] = []
        with pytest.raises(Trouble):
            found.extend(read_all(to_fake(server), careful=True))
    assert found == []  # its size could not even be asked for: nothing says that it is this mail's fault


@pytest.mark.parametrize("field", ["host", "username", "password", "folder"])
@pytest.mark.parametrize("bad", ["a\r\nX1 CREATE PWNED", "a\0b", "", "x" * 2000])
def test_arguments_that_would_inject_are_refused(field: str, bad: str) -> None:
    settings = replace(Connect("localhost", 1, "none", "user", "pw"), **{field: bad})  # type: ignore[arg-type]
    found = check(settings, True)
    assert (found.ok, found.field) == (False, field)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "10.1.2.3", "169.254.169.254", "0.0.0.0"])
def test_private_hosts_are_refused_unless_allowed(host: str) -> None:
    found = check(Connect(host, free_port(), "tls", "user", "pw"), False)
    assert found.field == "host"
    assert "private network" in found.sentence


def test_no_password_without_tls_where_private_hosts_are_not_allowed() -> None:
    assert check(Connect("imap.example.org", 143, "none", "user", "pw"), False).field == "security"
    assert check(Connect("imap.example.org", 0, "tls", "user", "pw"), False).field == "port"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("224.0.0.1", False),
        ("100.64.0.1", False),
        ("240.0.0.1", False),
        ("fec0::1", False),
        ("::7f00:1", False),
        ("fe80::1%lo", False),
    ],
)
def test_what_is_a_public_address(address: str, public: bool) -> None:
    assert is_global(address) is public
