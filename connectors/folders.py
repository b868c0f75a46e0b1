"""Which folders a mailbox has, what each is for, and which are read: by SPECIAL-USE (RFC 6154), else by their names."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from gatepost.connectors.folder_names import NAMES
from gatepost.store.folders import Listed

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
NOT_READ = {
    "drafts": "drafts are not sent yet",
    "junk": "it holds what the provider takes for junk",
    "trash": "it holds what was thrown away",
    "no mail": "it holds no mail, but a calendar, contacts, tasks or the like",
    "shown twice": "it shows mail of other folders once more",
    "all": "it shows mail of other folders once more",
}
READ = {
    "inbox": "it is the inbox",
    "sent": "it holds what was sent, so that answers written elsewhere are known",
    "archive": "it holds what was archived",
}
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
    """The folders to read, in order: what a person `said` of each, else by role (`listed_of`)."""
    words, listed = dict(said), listed_of(entries, gmail=gmail, folder=folder)
    found = [one for one in entries if one.selectable and words.get(one.name, listed[one.name].read)]
    return sorted(found, key=lambda one: (ROLES.index(one.role), one.name))[:MOST_FOLDERS]


def listed_of(entries: Sequence[Entry], *, gmail: bool, folder: str) -> dict[str, Listed]:
    """Each folder that can be opened, with whether it is read where nobody said anything about it, and why.

    Gmail keeps every mail once in All Mail, whatever its labels: there it is All Mail alone, where IMAP shows it. An
    account that names another `folder` than the inbox reads that one, and what was sent.
    """
    everything = next((one for one in entries if gmail and one.role == "all" and one.by_flag and one.selectable), None)
    found = ((one, by_role(one, everything, folder)) for one in entries if one.selectable)
    return {one.name: Listed(one.role, read, why) for one, (read, why) in found}


def by_role(entry: Entry, everything: Entry | None, folder: str) -> tuple[bool, str]:
    """Whether a folder that nobody said anything about is read, and why."""
    if folder.casefold() != "inbox":
        if entry.name == folder:
            return True, "it is the folder that this account names"
        other = f"this account names another folder, {folder}"
        return (True, READ["sent"]) if entry.role == "sent" else (False, other)
    if entry is everything:
        return True, "it holds every mail once, whatever its labels"
    if entry.role in NOT_READ and (everything is None or entry.role in ("junk", "trash")):
        return False, NOT_READ[entry.role]
    if everything is not None:
        return False, f"{everything.name} holds its mail already"
    return True, READ.get(entry.role, "it is a folder of mail")
