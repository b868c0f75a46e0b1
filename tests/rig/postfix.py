"""A real Postfix as the remote end: it takes mail for every domain into one Maildir and refuses whom a table names.

It has its own configuration, queue and data folders, so it meets neither a system Postfix nor that of another worker.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig.certificate import write_certificate
from tests.rig.packages import need, unavailable
from tests.rig.process import answers, free_port, running, wait_until

REFUSALS = {  # local part, at any domain: the answer to RCPT
    "unknown": "550 5.1.1 No such user here",
    "full": "452 4.2.2 Mailbox full",
    "spam": "550 5.7.1 Refused by policy",
    "grey": "450 4.7.1 Greylisted, try again later",
    "moved": "551 5.1.6 User has moved",
}
MAIN = """\
compatibility_level = 3.6
myhostname = mx.remote.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
queue_directory = {queue}
data_directory = {data}
maillog_file = {log}
maillog_file_prefixes = {folder}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:{config}/refused, permit
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {mail}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
message_size_limit = 41943040
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {config}/certificate.pem
smtpd_tls_key_file = {config}/key.pem
"""
SASL = """\
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
smtpd_tls_auth_only = yes
mynetworks =
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
smtp      unix  - - n - - smtp
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: SMTP with STARTTLS on 127.0.0.1:`port`; `certificate` (PEM) is for that and `localhost`."""

    port: int
    certificate: Path
    mail: Path
    log: Path

    def accept(self, local: str) -> None:
        """Refuse this local part no longer; who connects from now on sees it."""
        refused = self.certificate.parent / "refused"
        kept = [line for line in refused.read_text().splitlines() if not line.startswith(f"{local}@ ")]
        refused.write_text("".join(f"{line}\n" for line in kept))
        reload = [need("postfix"), "-c", str(refused.parent), "reload"]
        subprocess.run(reload, check=True, capture_output=True)

    def messages(self) -> list[bytes]:
        """What has arrived, oldest first; `X-Original-To` names the recipient, `Return-Path` the envelope sender."""
        files = sorted((self.mail / "all" / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in files]

    def wait_for(self, count: int, seconds: float = 20) -> list[bytes]:
        """The messages, once there are `count` of them. Raises TimeoutError with the tail of Postfix's log."""
        deadline = time.monotonic() + seconds
        while len(found := self.messages()) < count:
            if time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{len(found)} of {count} messages arrived at Postfix:\n{tail}")
            time.sleep(0.05)
        return found


def configure(
    folder: Path, port: int, refused: Mapping[str, str], sasl: Path | None = None, more: Mapping[str, str] | None = None
) -> Path:
    """Write configuration, queue, data and mail folders; returns the configuration folder."""
    config, queue, data, mail = (folder / name for name in ("config", "queue", "data", "mail"))
    for path in (config, queue, data, mail):
        path.mkdir()
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    os.chown(data, owner.pw_uid, owner.pw_gid)
    os.chown(mail, nobody.pw_uid, nobody.pw_gid)
    write_certificate(config)
    (config / "refused").write_text("".join(f"{local}@ {answer}\n" for local, answer in refused.items()))
    values = {"folder": folder, "config": config, "queue": queue, "data": data, "mail": mail, "log": folder / "log"}
    (config / "main.cf").write_text(MAIN.format(**values, uid=nobody.pw_uid))
    if sasl:
        with (config / "main.cf").open("a") as file:
            file.write(SASL.format(socket=sasl))
    with (config / "main.cf").open("a") as file:
        file.writelines(f"{name} = {value.format(config=config)}\n" for name, value in (more or {}).items())
    (config / "master.cf").write_text(MASTER.format(port=port))
    return config


def master(config: Path) -> str:
    """Postfix's master program, run by itself: `postfix start-fg` is a shell that leaves it behind when ended."""
    asked = ["postconf", "-c", str(config), "-h", "daemon_directory"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip() + "/master"


@contextmanager
def started(
    refused: Mapping[str, str], sasl: Path | None = None, more: Mapping[str, str] | None = None
) -> Iterator[Postfix]:
    """A running Postfix that gives these answers to RCPT, by local part.

    With `sasl`, the socket of a Dovecot, it takes mail only from who has logged in there. `more` is for main.cf, where
    `{config}` stands for its folder.
    """
    program = need("postfix")
    if os.geteuid():
        unavailable("Postfix can only be started by root: run `make test` as root for the tests that need it")
    folder = Path(tempfile.mkdtemp(prefix="gatepost-postfix-"))
    folder.chmod(0o755)  # Postfix's own users walk through it
    try:
        port = free_port()
        config = configure(folder, port, refused, sasl, more)
        subprocess.run([program, "-c", str(config), "check"], check=True, capture_output=True)
        with running([master(config), "-c", str(config), "-s"], folder / "output") as process:
            wait_until(lambda: answers(port), process, folder / "log")
            yield Postfix(port, config / "certificate.pem", folder / "mail", folder / "log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postfix() -> Iterator[Postfix]:
    """A Postfix of this test alone, with the refusals of REFUSALS."""
    with started(REFUSALS) as server:
        yield server
