"""Doing at the provider what was done here, where an account works two ways: only with mail that we fetched there."""

from collections.abc import Sequence

import structlog

from gatepost.connectors.imap import Client, begin_session, list_entries
from gatepost.connectors.logged_in import logged_in
from gatepost.connectors.sent import TRIES, Filing, claimed, wait_after
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.write import find_ids, ids_of, label, move, open_to_write, set_flag
from gatepost.model import WriteBack
from gatepost.store.chores import Claimed
from gatepost.store.write_back import Place, WriteState, claim_acts, settle, try_again

MOVED_BY_US: dict[str, tuple[str, ...]] = {
    "archive": ("archive",),
    "spam": ("junk",),
    "trash": ("trash",),
    "inbox": ("inbox",),
    "back": ("archive", "all", "inbox"),
}
"""Where an act puts a mail, by the folder's role: the first that there is."""
ASIDE = ("trash", "junk")
FROM = {
    "archive": ("inbox",),
    "inbox": ("archive", "junk", "trash"),
    "spam": ("inbox", "archive", "all", ""),
    "back": ASIDE,
}

log = structlog.get_logger("gatepost.write_back")


class NotThere(Exception):
    """The mail is not where it was: nothing is done, and syncing will find out."""


def write_back(filing: Filing) -> bool:
    """Do what is due of one account; whether there was anything."""
    due = claimed(filing, WriteBack, claim_acts)
    if due is None:
        return False
    if not due.account.two_way:
        for row, _ in due.items:
            done(filing, row, WriteState.FAILED, "Two ways was switched off for this mailbox meanwhile")
        return True
    left = [row for row, _ in due.items]
    try:
        work_off(filing, due, left)
    except Trouble as trouble:
        log.warning("write_back.trouble", account=due.account.id, why=trouble.what)
        for row in left:
            later(filing, row, str(trouble))
    return True


def work_off(filing: Filing, due: Claimed[WriteBack, tuple[Place, ...]], left: list[WriteBack]) -> None:
    """Log in and do each; what is seen to is taken off `left`. Raises Trouble."""
    with logged_in(due.account, filing) as client:
        begin_session(client)
        roles: dict[str, str] = {}
        for entry in sorted(list_entries(client), key=lambda entry: entry.by_flag):
            if entry.selectable:
                roles[entry.role] = entry.name  # one that the server marked wins over one of that name
        for row, places in due.items:
            try:
                why = do(client, row.act, places, roles)
                done(filing, row, WriteState.DONE, why)
            except NotThere as error:
                done(filing, row, WriteState.FAILED, str(error))
            except Trouble as trouble:
                if not trouble.lasting and not trouble.broken:
                    raise
                later(filing, row, str(trouble))
            left.remove(row)


def do(client: Client, act: str, places: Sequence[Place], roles: dict[str, str]) -> str:
    """One act on one mail, wherever it lies; what was done, in words. Raises NotThere, Trouble."""
    if not places:
        raise NotThere("The mail is not on the server any more")
    said = [do_at(client, act, place, roles) for place in places]
    return "; ".join(dict.fromkeys(said))


def do_at(client: Client, act: str, place: Place, roles: dict[str, str]) -> str:
    """One act on one mail at one place, or where it was put aside."""
    if not is_there(client, place):
        if act not in ("inbox", "back"):
            raise NotThere(f"The mail is not in {place.folder or 'a folder that is read'} any more")
        place = put_aside(client, place, roles)
    if act in ("read", "unread"):
        set_flag(client, [place.uid], "seen", act == "read")
        return f"Marked as {act} in {place.folder}"
    here = next((role for role, name in roles.items() if name == place.folder), "")
    if client.gmail and act in ("archive", "inbox") and here not in ASIDE:
        label(client, [place.uid], "\\Inbox", act == "inbox")
        return "Taken out of the inbox" if act == "archive" else "Put back into the inbox"
    target = next((roles[role] for role in MOVED_BY_US[act] if roles.get(role)), "")
    if act in FROM and here not in FROM[act]:
        return f"It stays in {place.folder}"
    if not target:
        raise NotThere(f"The server has no folder for {MOVED_BY_US[act][0]}, so the mail stays in {place.folder}")
    if target == place.folder:
        return f"It was in {target} already"
    move(client, [place.uid], target)
    return f"Moved from {place.folder} to {target}"


def is_there(client: Client, place: Place) -> bool:
    """Whether a mail is still where we know it, which then is opened. Raises Trouble."""
    if not place.folder:
        return False
    folder = open_to_write(client, place.folder)
    found = ids_of(client, [place.uid]) if folder.uidvalidity == place.uidvalidity else {}
    return place.uid in found and (not place.header_id or place.header_id in found[place.uid])


def put_aside(client: Client, place: Place, roles: dict[str, str]) -> Place:
    """The one mail with this id in trash or spam, which then is opened: those folders are mostly not read, so that only
    its id is known. Raises NotThere, Trouble.
    """
    found: list[Place] = []
    for name in (roles[role] for role in ASIDE if roles.get(role)):
        folder = open_to_write(client, name)
        found += [Place(name, folder.uidvalidity, uid, place.header_id) for uid in find_ids(client, [place.header_id])]
    if not found:
        raise NotThere("The mail is not on the server any more")
    if len(found) > 1:
        names = " and ".join(dict.fromkeys(one.folder for one in found))
        raise NotThere(f"Several mails in {names} have its Message-ID: move the right one there by hand")
    open_to_write(client, found[0].folder)
    return found[0]


def done(filing: Filing, row: WriteBack, state: WriteState, why: str) -> None:
    now = filing.clock()
    filing.ledger.write(lambda session: settle(session, row.id, state, why, now))


def later(filing: Filing, row: WriteBack, why: str) -> None:
    """Try again, longer after each time, ten times in all."""
    if row.tries + 1 >= TRIES:
        done(filing, row, WriteState.FAILED, why)
        return
    due = filing.clock() + wait_after(row.tries)
    filing.ledger.write(lambda session: try_again(session, row.id, why, due))
