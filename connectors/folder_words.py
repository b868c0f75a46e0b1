"""What people read about the folders of a mailbox: why each is read or not, and what changing that does."""

from gatepost.amount import amount
from gatepost.model import Account, Cursor
from gatepost.store.folders import AGAIN, FROM_NOW, GONE_FOLDER, is_read
from gatepost.words import ImportChoice

ROLE_WORDS = {
    "inbox": "Inbox",
    "sent": "Sent",
    "all": "All mail",
    "archive": "Archive",
    "drafts": "Drafts",
    "junk": "Junk",
    "trash": "Trash",
    "no mail": "No mail",
    "shown twice": "Shown twice",
}
"""The roles of `folders.ROLES` as a page shows them; a plain folder has none."""
OFF = (
    "What is stored of the folder stays, with its conversations, and nothing is changed at the provider. "
    "New mail there is not seen any more, and is counted as left out: the folder is not chosen."
)


def what_stands(row: Cursor, account: Account, here: int) -> str:
    """Whether a folder is read, why, and what becomes of its mail; `here` is how many of its mails are stored."""
    stay = (
        f" {amount(here, 'mail')} of it {'is' if here == 1 else 'are'} stored and {'stays' if here == 1 else 'stay'}."
    )
    if row.trouble == GONE_FOLDER:
        return row.trouble + (stay if here else "")
    if not is_read(row):
        why = "Switched off by hand." if row.chosen is False else f"Not read: {row.role_why or 'not listed yet'}."
        return why + (stay if here else "")
    why = "Switched on by hand." if row.chosen else f"Read: {row.role_why or 'as before'}."
    if row.trouble:
        return f"{why} It could not be read: {row.trouble}"
    if row.floor_uid == FROM_NOW:
        return f"{why} New mail is read from the next look on."
    begins = row.floor_uid == AGAIN or not row.uidvalidity
    if not begins:
        return why
    if account.import_choice == ImportChoice.ASKING:
        return f"{why} It begins once it is chosen what of the old mail is wanted."
    return f"{why} It begins with the next look, within seconds. {what_comes(account)}"


def what_comes(account: Account) -> str:
    """What is fetched of the mail that lies in a folder when it is switched on, as the first import was chosen."""
    quietly = "behind new mail, without any answer or notice"
    if account.import_choice == ImportChoice.ASKING:
        return "Nothing is fetched before it is chosen what of the mail that is there is wanted."
    if account.import_choice == ImportChoice.NEW:
        since = f"{account.created_at:%Y-%m-%d}, when the mailbox was connected"
        return f"What came there since {since}, is fetched {quietly}."
    if account.import_choice == ImportChoice.DAYS and account.import_from:
        return f"What came there since {account.import_from:%Y-%m-%d} is fetched {quietly}."
    return f"All that lies there is fetched {quietly}."
