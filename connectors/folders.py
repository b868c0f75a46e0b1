"""Which folders a mailbox has, what each is for, and which are read: by SPECIAL-USE (RFC 6154), else by their names."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from gatepost.connectors.folder_names import NAMES

SPECIAL_USE = {
    "\\inbox": "inbox",
    "\\sent": "sent",
    "\\all": "all",
    "\\allmail": "all",
    "\\archive": "archive",
    "\\drafts": "drafts",
    "\\junk": "junk",
    "\\spam": "junk",
    "\\trash": "trash",
    "\\flagged": "shown twice",
    "\\starred": "shown twice",
    "\\important": "shown twice",
}
ROLES = ("inbox", "sent", "all", "archive", "", "drafts", "junk", "trash", "no mail", "shown twice")
"""What a folder is for, in the order in which folders are read; a plain one has no role."""
NOT_READ = ("drafts", "junk", "trash", "no mail", "shown twice")
CLOSED = frozenset(("\\noselect", "\\nonexistent"))
MOST_FOLDERS = 1_000
BY_NAME = {name: role for role, names in NAMES.items() for name in names}
PARENTS = ("inbox", "[gmail]", "[google mail]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder as the server lists it; `by_flag` says that the server itself told the role."""

    name: str
    role: str = ""
    by_flag: bool = False
    selectable: bool = True


def entry_of(flags: Iterable[str], name: str, delimiter: str) -> Entry:
    """An entry from a LIST line (RFC 3501 section 7.2.2); flags in any case, the name decoded."""
    lower = {flag.lower() for flag in flags}
    role = next((SPECIAL_USE[flag] for flag in SPECIAL_USE if flag in lower), "")
    return Entry(name, role or role_by_name(name, delimiter), bool(role), not lower & CLOSED)


def role_by_name(name: str, delimiter: str) -> str:
    """What a folder is for by its name alone: at the top, or directly below the inbox or Gmail's own folder."""
    plain = unicodedata.normalize("NFC", name).casefold()
    if plain == "inbox":
        return "inbox"
    above, _, last = plain.rpartition(delimiter) if delimiter else ("", "", plain)
    return BY_NAME.get(last.strip(), "") if above in ("", *PARENTS) else ""


def told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, where a role that the server gives to one folder is not guessed for a second one.

    A second folder that is called like Sent stays one: what lies there was sent. Without a name for it, `\\All` counts
    only at Gmail; elsewhere it is a view of other folders.
    """
    given = {entry.role for entry in entries if entry.by_flag} - {"sent"}
    return [replace(one, role="") if one.role in given and not one.by_flag else one for one in entries]


def chosen(
    entries: Sequence[Entry], *, gmail: bool, folder: str, said: Collection[tuple[str, bool]] = ()
) -> list[Entry]:
    """The folders to read, in order: what a person `said` of each, else by role.

    Gmail keeps every mail once in All Mail, whatever its labels: there it is All Mail alone, where IMAP shows it. An
    account that names another `folder` than the inbox reads that one, and what was sent.
    """
    words = dict(said)
    everything = next((one for one in entries if gmail and one.role == "all" and one.by_flag and one.selectable), None)
    found = [one for one in entries if one.selectable and words.get(one.name, is_read(one, everything, folder))]
    return sorted(found, key=lambda one: (ROLES.index(one.role), one.name))[:MOST_FOLDERS]


def is_read(entry: Entry, everything: Entry | None, folder: str) -> bool:
    """Whether a folder that nobody said anything about is read."""
    if folder.casefold() != "inbox":
        return entry.name == folder or entry.role == "sent"
    if everything is not None:
        return entry is everything
    return entry.role not in NOT_READ and entry.role != "all"
