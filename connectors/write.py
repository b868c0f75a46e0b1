"""What is changed in a mailbox at its provider: a mail put there, taken away, moved or flagged, one by its UID only.

Nothing here touches a mail that was not named, and nothing is expunged without UIDPLUS, which names it (RFC 4315).
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from gatepost.connectors.cursor import Folder
from gatepost.connectors.imap import Client, fetch_range, folder_of
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import stage
from gatepost.message_ids import extract_ids
from gatepost.reply import clean_text

SAFE = re.compile(r"[A-Za-z0-9.@_+=$!#%&'*/?^`|~-]+")
MOST_HITS = 50
HIT_OCTETS = 4096
ID_FIELDS = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-GOOGLE-ORIGINAL-MESSAGE-ID)]"
FLAGS = {"seen": b"\\Seen", "deleted": b"\\Deleted"}


def open_to_write(client: Client, name: str) -> Folder:
    """Open a folder so that it can be changed (SELECT, RFC 3501 section 6.3.1). Raises Trouble."""
    with stage("folder", client.settings):
        client.wire.allow()
        answer = client.select_folder(name, readonly=False)
        if answer.get(b"READ-ONLY"):
            what = f"{client.settings.host} lets {clean_text(name)[:200]} only be read."
            raise Trouble("folder", what, "Give this login the right to change it, or switch this off.", lasting=True)
        return folder_of(name, answer, answer.get(b"EXISTS", 0))


def find_ids(client: Client, header_ids: Collection[str]) -> list[int]:
    """The UIDs in the opened folder of mails with one of these Message-IDs, also where Gmail gave another; ascending.

    Servers look for a part of the field, so each hit is looked at. Raises Trouble.
    """
    wanted = {header_id for header_id in header_ids if header_id}
    hits: set[int] = set()
    for header_id in sorted(wanted):
        word = max(SAFE.findall(header_id[:900]), key=len, default="")
        if len(word) >= 8:  # anything shorter names too many
            hits |= set(search_header(client, "Message-ID", word))
            if client.gmail:
                hits |= set(search_header(client, "X-Google-Original-Message-ID", word))
    return [uid for uid, ids in ids_of(client, sorted(hits)[-MOST_HITS:]).items() if ids & wanted]


def search_header(client: Client, field: str, word: str) -> list[int]:
    """UIDs of mails whose field holds a word of safe characters."""
    with stage("fetch", client.settings):
        client.wire.allow()
        return [int(uid) for uid in client.search(["HEADER", field, word])]


def ids_of(client: Client, uids: Sequence[int]) -> dict[int, set[str]]:
    """The Message-IDs by UID."""
    if not uids:
        return {}
    found, _ = fetch_range(client, ",".join(map(str, uids)), f"(UID {ID_FIELDS})", octets=HIT_OCTETS * len(uids))
    ids: dict[int, set[str]] = {}
    for uid in sorted(found):
        header = b"".join(value for value in found[uid].values() if isinstance(value, bytes))
        ids[uid] = set(extract_ids(header.decode("utf-8", "replace")))
    return ids


def append(client: Client, folder: str, raw: bytes, flags: Collection[str], at: datetime | None) -> None:
    """Put a mail into a folder (APPEND, RFC 3501 section 6.3.11). Raises Trouble."""
    with stage("fetch", client.settings):
        client.wire.allow(len(raw))
        client.append(folder, raw, [FLAGS[flag] for flag in flags], at)


def set_flag(client: Client, uids: Sequence[int], flag: str, on: bool) -> None:
    """Set or take off a flag of mails in the opened folder. Raises Trouble."""
    with stage("fetch", client.settings):
        client.wire.allow()
        change = client.add_flags if on else client.remove_flags
        change(list(uids), [FLAGS[flag]], silent=True)


def remove(client: Client, uids: Sequence[int]) -> None:
    """Take mails out of the opened folder for good. Raises Trouble, also where the server cannot expunge just them."""
    if "UIDPLUS" not in client.can:
        what = f"{client.settings.host} cannot delete single mails (UIDPLUS)."
        raise Trouble("server", what, "Delete it there with another mail program.", lasting=True)
    set_flag(client, uids, "deleted", True)
    with stage("fetch", client.settings):
        client.wire.allow()
        client.uid_expunge(list(uids))


def move(client: Client, uids: Sequence[int], folder: str) -> None:
    """Move mails from the opened folder to another (RFC 6851), else copy and delete them. Raises Trouble."""
    if "MOVE" in client.can:
        with stage("fetch", client.settings):
            client.wire.allow()
            client.move(list(uids), folder)
        return
    if "UIDPLUS" not in client.can:
        what = f"{client.settings.host} can neither move mails nor delete single ones."
        raise Trouble("server", what, "Move it there with another mail program.", lasting=True)
    with stage("fetch", client.settings):
        client.wire.allow()
        client.copy(list(uids), folder)
    remove(client, uids)


def take_away(client: Client, uids: Sequence[int], header_id: str, trash: str) -> None:
    """Take mails of ours out of the opened folder for good; at Gmail only what is in the trash goes. Raises Trouble."""
    if not client.gmail or not trash:
        remove(client, uids)
        return
    move(client, uids, trash)
    open_to_write(client, trash)
    if left := find_ids(client, [header_id]):
        remove(client, left)


def hear_news(client: Client) -> None:
    """Let the server tell what came (NOOP). Raises Trouble."""
    with stage("fetch", client.settings):
        client.wire.allow()
        client.noop()


def label(client: Client, uids: Sequence[int], name: str, on: bool) -> None:
    """Give mails in the opened folder one of Gmail's labels, or take it off. Raises Trouble."""
    with stage("fetch", client.settings):
        client.wire.allow()
        change = client.add_gmail_labels if on else client.remove_gmail_labels
        change(list(uids), [name], silent=True)
