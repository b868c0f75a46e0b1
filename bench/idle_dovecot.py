"""A Dovecot for a thousand logins at once: room for them, and mail of several uids.

With mail of one uid it would run out of inotify instances (128 for each uid) and look into its folders every 30 s only.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.dovecot import MAIL_UID, PASSWORD, Dovecot, configure
from tests.rig.process import free_port

UIDS = 16
ROOM = """
default_client_limit = 20000
service imap {{
  process_limit = {logins}
}}
service imap-login {{
  service_count = 0
  process_limit = 2
  client_limit = 20000
}}
"""


@contextmanager
def dovecot_for(mailboxes: int) -> Iterator[Dovecot]:
    """A running server with users `box0@mail.test` and so on, whose mail belongs to sixteen uids. Needs root."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-idle-"))
    try:
        server = configure(folder, free_port(), free_port())
        config = (folder / "dovecot.conf").read_text()
        lines = [line for line in config.splitlines() if not line.startswith(("mail_uid", "mail_gid"))]
        text = "\n".join(static_to_file(line, folder) for line in lines)
        (folder / "dovecot.conf").write_text(text + ROOM.format(logins=2 * mailboxes + 200))
        (folder / "users").write_text("".join(user_line(folder, number) for number in range(mailboxes)))
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def static_to_file(line: str, folder: Path) -> str:
    """Users come from the file with their uids, in place of one uid for all."""
    stripped = line.strip()
    if stripped == "driver = static":
        return "  driver = passwd-file"
    if stripped.startswith("args = uid="):
        return f"  args = username_format=%u {folder}/users"
    return line


def user_line(folder: Path, number: int) -> str:
    """A user of the file, with a home that he owns."""
    uid = MAIL_UID + number % UIDS
    home = folder / "mail" / f"box{number}@mail.test"
    home.mkdir()
    os.chown(home, uid, uid)
    return f"box{number}@mail.test:{{PLAIN}}{PASSWORD}:{uid}:{uid}::{home}::\n"
