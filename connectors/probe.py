"""A trial of a mailbox by a real round trip, step by step: what works, what does not, and where copies land.

What it puts into the mailbox it takes away again; nothing else on the server is changed.
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from gatepost.amount import amount
from gatepost.compose import compose
from gatepost.connectors.folders import Entry
from gatepost.connectors.imap import Client, begin_session, connect, list_entries, list_folders, open_folder
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.connectors.write import append, find_ids, hear_news, open_to_write, take_away
from gatepost.ids import new_id
from gatepost.reply import clean_text

ARRIVES_SECONDS = 60.0
LOOK_EVERY = 1.0
SUBJECT = "Gatepost tries this mailbox"
TEXT = "Gatepost put this mail here to see whether it may, and takes it away at once. If it is still here, delete it.\n"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whether it worked (None: not tried), what happened, the fix, and the form's field to look at."""

    name: str
    ok: bool | None
    sentence: str
    fix: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """The steps in their order; `sent_folder` is where sent mail is kept, empty where none was found."""

    steps: tuple[Step, ...]
    sent_folder: str = ""
    messages: int = 0

    @property
    def receives(self) -> bool:
        """Whether mail can be fetched."""
        return all(step.ok is not False for step in self.steps if step.name in ("login", "folder"))

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(step.ok is not False for step in self.steps)

    @property
    def problem(self) -> Step | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.ok is False), None)


TrySending = Callable[[bytes | None], tuple[bool, str, str, str]]
"""Log in where mail is handed in, and hand in a mail to oneself where one is given: ok, sentence, fix and field."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What to try. `keeps_copies` is the provider that keeps copies of sent mail itself, empty for one that does not;
    `sent_copy` and `sent_folder` are the account's settings; `address` and `message_id` those of the mail that is put
    there; with `round_trip` it is sent to oneself and waited for.
    """

    settings: Connect
    address: str
    message_id: str
    now: datetime
    private_hosts: bool = False
    keeps_copies: str = ""
    sent_copy: Literal["auto", "always", "never"] | str = "auto"
    sent_folder: str = ""
    try_sending: TrySending | None = None
    round_trip: bool = False
    tls: ssl.SSLContext | None = None
    sleep: Callable[[float], None] = time.sleep


def before_saving(
    wanted: Connect, address: str, domain: str, now: datetime, *, private_hosts: bool, keeps_copies: str = ""
) -> Trial:
    """The trial of a login that is about to be saved: fetching, and a mail put into Drafts and taken away."""
    message_id = f"{new_id('prb')}@{domain}"
    return Trial(wanted, address, message_id, now, private_hosts=private_hosts, keeps_copies=keeps_copies)


def probe(trial: Trial) -> Probe:
    """Try everything, as far as it goes; never raises for what the servers or the settings do."""
    steps: list[Step] = []
    found = Probe(())
    try:
        with connect(
            trial.settings, allow_private=trial.private_hosts, message_size=1_000_000, tls=trial.tls
        ) as client:
            steps.append(Step("login", True, f"Logged in to {trial.settings.host} as {trial.settings.username}."))
            found = look_around(trial, client, steps)
            if trial.round_trip and trial.try_sending:
                send_to_self(trial, client, found.sent_folder, steps)
    except Trouble as trouble:
        name = "folder" if any(step.name == "login" for step in steps) else "login"
        steps.append(failed(name, trouble))
    if trial.try_sending and not any(step.name == "send" for step in steps):
        ok, sentence, fix, field = trial.try_sending(None)
        steps.append(Step("send", ok, sentence, fix, field))
    return replace(found, steps=tuple(steps))


def failed(name: str, trouble: Trouble) -> Step:
    return Step(name, False, trouble.what, trouble.fix, trouble.field)


def look_around(trial: Trial, client: Client, steps: list[Step]) -> Probe:
    """Folders, the one that is read, Sent, and the mail put into Drafts. Raises Trouble."""
    begin_session(client)
    names = list_folders(client)
    steps.append(Step("folders", True, f"The server lists {amount(len(names), 'folder')}."))
    folder = open_folder(client, trial.settings.folder, names)
    messages = amount(folder.messages, "message")
    steps.append(Step("folder", True, f"{clean_text(folder.name)} can be read: {messages}."))
    entries = [entry for entry in list_entries(client) if entry.selectable]
    sent = trial.sent_folder or of_role(entries, "sent")
    steps.append(sent_step(trial, entries, sent))
    steps.append(write_step(trial, client, of_role(entries, "drafts"), of_role(entries, "trash")))
    return Probe((), sent, folder.messages)


def of_role(entries: list[Entry], role: str) -> str:
    """The folder of a role, first the one that the server itself marked."""
    found = sorted((entry for entry in entries if entry.role == role), key=lambda entry: not entry.by_flag)
    return found[0].name if found else ""


def sent_step(trial: Trial, entries: list[Entry], sent: str) -> Step:
    """Where copies of what is sent will be."""
    if trial.sent_folder and all(entry.name != trial.sent_folder for entry in entries):
        what = f"There is no folder {clean_text(trial.sent_folder)[:200]} for copies of sent mail."
        return Step("sent", False, what, "Choose another folder for sent mail.", "sent_folder")
    if trial.sent_copy == "never":
        return Step("sent", True, "No copy of sent mail is put into this mailbox, as its settings say.")
    if not sent:
        what = "The server has no folder for sent mail."
        return Step("sent", False, what, "Name one, or switch copies of sent mail off.", "sent_folder")
    if trial.keeps_copies and trial.sent_copy != "always":
        return Step("sent", True, f"{trial.keeps_copies} keeps a copy of sent mail in {clean_text(sent)} by itself.")
    by_flag = any(entry.name == sent and entry.by_flag for entry in entries)
    how = "which the server marks as Sent" if by_flag else "found by its name"
    how = "as its settings say" if trial.sent_folder else how
    return Step("sent", True, f"Gatepost puts one copy of sent mail into {clean_text(sent)}, {how}.")


def write_step(trial: Trial, client: Client, drafts: str, trash: str) -> Step:
    """Put a mail into Drafts, find it, take it away. What the server does not let us is no reason not to connect."""
    if not drafts or "UIDPLUS" not in client.can:
        why = "the server has no folder for drafts" if not drafts else "the server cannot delete single mails (UIDPLUS)"
        return Step("write", None, f"Writing was not tried: {why}.")
    try:
        append(client, drafts, probe_mail(trial), ["seen"], trial.now)
        open_to_write(client, drafts)
        uids = find_ids(client, [trial.message_id])
        if not uids:
            what = f"A mail put into {clean_text(drafts)} is not found there again."
            return Step("write", False, what, "Look at it with another mail program.", "server")
        take_away(client, uids, trial.message_id, trash)
        open_to_write(client, drafts)
        left = find_ids(client, [trial.message_id])
    except Trouble as trouble:
        return failed("write", trouble)
    if left:
        what = f"A mail put into {clean_text(drafts)} could not be taken away again."
        return Step("write", False, what, f"Delete “{SUBJECT}” there by hand.", "server")
    return Step("write", True, f"A mail was put into {clean_text(drafts)}, found, and taken away again.")


def probe_mail(trial: Trial) -> bytes:
    """The mail that is put there, or sent to oneself."""
    return compose(
        from_=("Gatepost", trial.address),
        to=[("", trial.address)],
        cc=[],
        subject=SUBJECT,
        text=TEXT,
        message_id=trial.message_id,
        date=trial.now,
        extra_headers={"Auto-Submitted": "auto-generated"},
    )


def send_to_self(trial: Trial, client: Client, sent: str, steps: list[Step]) -> None:
    """Send a mail to oneself, wait for it, see where its copy landed, and take both away. Raises Trouble."""
    if trial.try_sending is None:
        return
    ok, sentence, fix, field = trial.try_sending(probe_mail(trial))
    steps.append(Step("send", ok, sentence, fix, field))
    if not ok:
        return
    trash = of_role(list_entries(client), "trash")
    if sent:
        steps.append(copies_step(trial, client, sent, trash))
    steps.append(wait_for(trial, client, trash))


def wait_for(trial: Trial, client: Client, trash: str) -> Step:
    """The mail in the folder that is read, within a minute."""
    open_to_write(client, trial.settings.folder)
    waited = 0.0
    while not (uids := find_ids(client, [trial.message_id])):
        if waited >= ARRIVES_SECONDS:
            what = f"The mail sent to {trial.address} did not arrive within {ARRIVES_SECONDS:g} seconds."
            return Step("arrive", False, what, "Look for it in Junk and in other folders, and delete it.", "server")
        trial.sleep(LOOK_EVERY)
        waited += LOOK_EVERY
        hear_news(client)
    take_away(client, uids, trial.message_id, trash)
    return Step("arrive", True, f"It arrived in {clean_text(trial.settings.folder)}, and was taken away again.")


def copies_step(trial: Trial, client: Client, sent: str, trash: str) -> Step:
    """How many copies the provider itself kept: more than expected would be twice in Sent."""
    open_to_write(client, sent)
    uids = find_ids(client, [trial.message_id])
    if uids:
        take_away(client, uids, trial.message_id, trash)
    kept = f"The provider kept {len(uids) or 'no'} {'copy' if len(uids) == 1 else 'copies'} in {clean_text(sent)}"
    if bool(uids) == bool(trial.keeps_copies):
        return Step("copy", True, f"{kept}, as expected.")
    fix = "Set copies of sent mail to never." if uids else "Set copies of sent mail to always."
    return Step("copy", False, f"{kept}, which is not what Gatepost knows of it.", fix, "sent_copy")
