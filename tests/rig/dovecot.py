"""A real Dovecot 2.3: IMAP with STARTTLS and IMAPS on free loopback ports, password logins, mail as Maildir.

With an identity provider it takes access tokens (XOAUTH2, OAUTHBEARER) as well, and with `relay_port` mail to send on.
It runs as root (then mail belongs to an unprivileged uid) or unprivileged (then everything runs as oneself).
"""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.rig.certificate import write_certificate
from tests.rig.identity import RESOURCE, Identity
from tests.rig.packages import find_program, need, unavailable
from tests.rig.process import answers, free_port, running, wait_until

MAIL_UID = 5000
PASSWORD = "secret-pw"
USERS = 500
CONFIG = """\
instance_name = gatepost-test
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = {protocols}
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{folder}/mail/%u/Maildir
mail_max_userip_connections = 100
shutdown_clients = yes
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_cache_size = 0
auth_failure_delay = 0 secs
service imap-login {{
  chroot = {login_chroot}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot = {anvil_chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    special_use = \\Drafts
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
}}
protocol imap {{
  imap_capability = {capability}
}}
{more}"""
TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/tokens.conf
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/shared.conf
}}
"""
INTROSPECTION = """\
introspection_mode = post
introspection_url = {url}
username_attribute = email
username_format = %Lu
active_attribute = active
active_value = true
tls_ca_cert_file = {folder}/certificate.pem
timeout_msecs = 5000
"""
SUBMISSION = """\
service submission-login {{
  chroot = {login_chroot}
  inet_listener submission {{
    port = {submission_port}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
hostname = localhost
"""
SUBMISSION_PROGRAM = Path("/usr/lib/dovecot/submission-login")


@dataclass(slots=True)
class Dovecot:
    """A Dovecot: plain and STARTTLS on 127.0.0.1:`port`, TLS on `tls_port`, both with `certificate` (PEM).

    `submission_port` (with STARTTLS) is 0 where it does not take mail to send.
    """

    folder: Path
    port: int
    tls_port: int
    certificate: Path
    submission_port: int = 0
    users: list[str] = field(default_factory=list, repr=False)
    stack: ExitStack = field(default_factory=ExitStack, repr=False)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        shutil.rmtree(self.folder / "run", ignore_errors=True)  # a stale anvil socket costs 5 s a login
        (self.folder / "run").mkdir()
        command = [need("dovecot"), "-F", "-c", str(self.folder / "dovecot.conf")]
        process = self.stack.enter_context(running(command, self.folder / "output"))
        wait_until(lambda: answers(self.port) and answers(self.tls_port), process, self.folder / "log")

    def stop(self) -> None:
        """End the server; mail and users stay, and `start` brings them back on the same ports."""
        self.stack.close()
        self.stack = ExitStack()

    def restart(self) -> None:
        """Stop and start; every connection is cut."""
        self.stop()
        self.start()

    def add_user(self, password: str = PASSWORD) -> str:
        """A user with an empty mailbox; returns the name. Another password than PASSWORD takes a second."""
        if password == PASSWORD:
            return self.users.pop()
        user = f"u{uuid.uuid4().hex[:12]}@mail.test"
        with (self.folder / "users").open("a", encoding="utf-8") as file:
            file.write(f"{user}:{password}::::::\n")
        time.sleep(1.1)  # Dovecot looks at its file once a second
        return user

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """Where a folder lies, created if need be."""
        root = self.folder / "mail" / user / "Maildir"
        path = root if folder == "INBOX" else root / f".{folder.replace('/', '.')}"
        for part in ("tmp", "new", "cur"):
            (path / part).mkdir(parents=True, exist_ok=True)
        own(self.folder / "mail" / user)
        return path

    def deliver(self, user: str, raw: bytes, folder: str = "INBOX") -> None:
        """Put a mail into a folder, as a delivery agent does."""
        path = self.maildir(user, folder)
        name = f"{time.time_ns()}.{uuid.uuid4().hex}.test"
        file = path / "tmp" / name
        file.write_bytes(raw)
        own(file)
        file.rename(path / "new" / name)

    def doveadm(self, *arguments: str) -> str:
        """Run doveadm on this server."""
        program = find_program("doveadm") or "doveadm"
        command = [program, "-c", str(self.folder / "dovecot.conf"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def set_uidvalidity(self, user: str, value: int, folder: str = "INBOX") -> None:
        """Give a folder another UIDVALIDITY."""
        self.doveadm("mailbox", "update", "--uid-validity", str(value), "-u", user, folder)


def own(path: Path) -> None:
    """Give a path and what is below to the uid that reads mail."""
    if os.geteuid():
        return
    for place in (path, *path.rglob("*")):
        os.chown(place, MAIL_UID, MAIL_UID)


def configure(
    folder: Path,
    port: int,
    tls_port: int,
    capability: str = "",
    identity: Identity | None = None,
    relay_port: int = 0,
) -> Dovecot:
    """Write configuration, certificate and folders."""
    folder.chmod(0o755)  # Dovecot's own users walk through it
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
    own(folder / "mail")
    certificate = take_certificate(identity, folder) if identity else write_certificate(folder)[0]
    users = [f"user{number}@mail.test" for number in range(USERS)]
    (folder / "users").write_text("".join(f"{user}:{PASSWORD}::::::\n" for user in users))
    root = os.geteuid() == 0
    me, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    submission_port = free_port() if relay_port else 0
    values = {
        "folder": folder,
        "internal": "dovecot" if root else me,
        "group": "dovecot" if root else group,
        "login": "dovenull" if root else me,
        "uid": MAIL_UID if root else os.geteuid(),
        "gid": MAIL_UID if root else os.getegid(),
        "login_chroot": "login" if root else "",
        "anvil_chroot": "empty" if root else "",
        "port": port,
        "tls_port": tls_port,
        "capability": capability,
        "protocols": "imap submission" if relay_port else "imap",
        "mechanisms": "plain login xoauth2 oauthbearer" if identity else "plain login",
        "submission_port": submission_port,
        "relay_port": relay_port,
    }
    more = (TOKENS if identity else "") + (SUBMISSION if relay_port else "")
    (folder / "dovecot.conf").write_text(CONFIG.format(**values, more=more.format(**values)))
    if identity:
        ask_at(identity, folder)
    return Dovecot(folder, port, tls_port, certificate, submission_port, users)


def take_certificate(identity: Identity, folder: Path) -> Path:
    """The identity provider's certificate for this server, too: one to trust for both."""
    shutil.copy(identity.key, folder / "key.pem")
    return Path(shutil.copy(identity.certificate, folder / "certificate.pem"))


def ask_at(identity: Identity, folder: Path) -> None:
    """Write where tokens are checked; the files hold a secret, and Dovecot's own user reads them."""
    name, secret = RESOURCE
    address = identity.origin.replace("https://", f"https://{name}:{secret}@")
    for file, path in (("tokens.conf", "introspect"), ("shared.conf", "introspect/shared")):
        (folder / file).touch(0o600)
        (folder / file).write_text(INTROSPECTION.format(url=f"{address}/{path}", folder=folder))
        if not os.geteuid():
            shutil.chown(folder / file, "dovecot", "dovecot")


@contextmanager
def started(capability: str = "", identity: Identity | None = None, relay_port: int = 0) -> Iterator[Dovecot]:
    """A running Dovecot; `capability` dresses it as another server (the whole list, or `+NAME`).

    With an `identity` provider it takes its tokens, with `relay_port` it hands on to an SMTP server of loopback.
    """
    need("dovecot")
    if relay_port and not SUBMISSION_PROGRAM.exists():
        unavailable("Dovecot's submission is not installed: apt-get install dovecot-submissiond")
    folder = Path(tempfile.mkdtemp(prefix="gatepost-dovecot-"))  # short: its sockets' names have a limit
    try:
        server = configure(folder, free_port(), free_port(), capability, identity, relay_port)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_dovecot() -> Iterator[Dovecot]:
    """One Dovecot for all tests of a worker: take a new user each."""
    with started() as server:
        yield server


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """A Dovecot of this test alone, which it may stop and restart."""
    with started() as server:
        yield server
