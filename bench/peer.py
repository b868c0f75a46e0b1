"""The peer that the relay benchmark is measured against: Debian's Postfix with OpenDKIM, in folders of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.postfix import master
from tests.rig.process import answers, free_port, running, wait_until

MAIN = """\
compatibility_level = 3.6
myhostname = bench.gatepost.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
disable_dns_lookups = yes
default_destination_concurrency_limit = 20
initial_destination_concurrency = 20
smtpd_client_connection_count_limit = 0
smtp_tls_security_level = none
smtpd_milters = {milter}
milter_default_action = tempfail
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
scache    unix  - - n - 1 scache
anvil     unix  - - n - 1 anvil
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
postlog   unix-dgram n - n - 1 postlogd
"""
OPENDKIM = """\
Socket inet:{port}@127.0.0.1
Mode s
Domain gatepost.test
Selector bench
KeyFile {folder}/bench.private
Canonicalization relaxed/relaxed
InternalHosts 127.0.0.0/8
UserID {user}
RequireSafeKeys no
Syslog no
"""


@contextmanager
def postfix(sink: int, *, signs: bool) -> Iterator[int]:
    """A running Postfix that relays everything to the sink; its port. With `signs` OpenDKIM signs with rsa-2048."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-peer-"))
    folder.chmod(0o755)
    try:
        if not signs:
            with relay(folder, sink, "") as port:
                yield port
            return
        with opendkim(folder) as milter, relay(folder, sink, f"inet:127.0.0.1:{milter}") as port:
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def relay(folder: Path, sink: int, milter: str) -> Iterator[int]:
    port = free_port()
    owner = pwd.getpwnam("postfix")
    for name in ("config", "queue", "data"):
        (folder / name).mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    config = folder / "config"
    (config / "main.cf").write_text(MAIN.format(folder=folder, sink=sink, milter=milter))
    (config / "master.cf").write_text(MASTER.format(port=port))
    subprocess.run(["postfix", "-c", str(config), "check"], check=True, capture_output=True)
    with running([master(config), "-d", "-c", str(config)], folder / "out") as process:
        wait_until(lambda: answers(port), process, folder / "log")
        yield port


@contextmanager
def opendkim(folder: Path) -> Iterator[int]:
    port = free_port()
    subprocess.run(
        ["opendkim-genkey", "-b", "2048", "-d", "gatepost.test", "-s", "bench", "-D", str(folder)],
        check=True,
        capture_output=True,
    )
    user = pwd.getpwnam("opendkim")
    os.chown(folder / "bench.private", user.pw_uid, user.pw_gid)
    config = folder / "opendkim.conf"
    config.write_text(OPENDKIM.format(port=port, folder=folder, user="opendkim"))
    with running(["opendkim", "-f", "-x", str(config)], folder / "opendkim.log") as process:
        wait_until(lambda: answers(port), process, folder / "opendkim.log")
        yield port
