"""The doctor's look at what is stored: disk, mailboxes, queue, and mail that was not read."""

import os
from datetime import timedelta
from pathlib import Path

from gatepost.account_states import STEPS
from gatepost.amount import amount
from gatepost.cli.findings import Finding, Findings, fail, ok, warn
from gatepost.disk import disk_of
from gatepost.expiries import sentence_of, tone_of
from gatepost.model import Account, Verification
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store.accounts import AccountState, list_accounts
from gatepost.store.arrivals import count_outcomes, pending_arrivals
from gatepost.store.channels import list_channels
from gatepost.store.completeness import verifications
from gatepost.store.deliveries import count_states
from gatepost.store.expiries import list_expiries
from gatepost.store.queue import arrivals_with, count_overdue
from gatepost.store.undone import Undone, undone_by_account
from gatepost.words import WAITING, ImportChoice, Outcome

MEGABYTE = 1024 * 1024
LITTLE = 1024 * MEGABYTE
OVERDUE = timedelta(minutes=10)
POLLS_MISSED = 10


def look_at_disk(settings: Settings) -> Findings:
    """Whether there is room for mail, and whether we may write it."""
    folder = settings.path(settings.var)
    if not folder.is_dir():
        yield fail("disk", f"the folder {folder} is not there", "run `gatepost init`")
        return
    if not os.access(folder, os.W_OK):
        yield fail("disk", f"{folder} cannot be written", f"give it to the user that serves: chown -R USER {folder}")
        return
    disk = disk_of(settings)
    room = disk.room()
    free = room.octets if room else 0
    text = f"{free // MEGABYTE:,} MB are free under {folder}"
    if short := disk.shortage():
        yield fail("disk", short, "free some space: until then mail is refused (452 4.3.1)")
    elif free < max(LITTLE, 2 * disk.least):
        yield warn("disk", text, "free some space before it runs out")
    else:
        yield ok("disk", text)
    yield from look_at_blobs(folder / "blobs")


def look_at_blobs(folder: Path) -> Findings:
    """Large mail lies in files."""
    if folder.exists() and not os.access(folder, os.W_OK):
        yield fail("disk", f"{folder} cannot be written", f"give it to the user that serves: chown -R USER {folder}")


def look_at_mailboxes(parts: Parts) -> Findings:
    """Every mailbox has an inlet, and every account can be read."""
    with parts.database.session() as session:
        channels = list_channels(session)
        by_channel = {account.channel_id: account for account in list_accounts(session)}
        checks, undone = verifications(session), undone_by_account(session)
    if not channels:
        yield warn("mailboxes", "there is no mailbox, so nobody can write", "run `gatepost mailbox add ADDRESS`")
    for channel in channels:
        account = by_channel.get(channel.id)
        if channel.state != "active":
            yield ok("mailboxes", f"{channel.address} is switched off")
        elif account:
            yield judge_account(channel.address, account, parts.settings.poll_seconds)
            yield from judge_completeness(channel.address, checks.get(account.id))
            yield from judge_undone(channel.address, undone.get(account.id, Undone()))
        elif channel.by_mx and parts.settings.mx:
            yield ok("mailboxes", f"{channel.address} takes mail by MX")
        else:
            what = f"{channel.address} has no inlet: no mail by MX and no account"
            yield warn("mailboxes", what, f"run `gatepost mailbox connect {channel.address} --host HOST`")


def judge_account(address: str, account: Account, poll_seconds: int) -> Finding:
    """The state of one account."""
    again = f"run `gatepost mailbox connect {address} --host {account.host} --username {account.username}`"
    if account.state == AccountState.NEEDS_RECONNECT:
        return fail("mailboxes", f"{address} is not fetched: {account.state_why}", again)
    if account.state == AccountState.NEEDS_APPROVAL:
        what = f"{address} waits for an administrator's approval: {account.state_why}"
        return fail("mailboxes", what, STEPS[AccountState.NEEDS_APPROVAL])
    if account.import_choice == ImportChoice.ASKING:
        what = f"{address} is not fetched before somebody says what of its old mail is wanted"
        return warn("mailboxes", what, f"run `gatepost mailbox import {address} --days 30`, or --new, or --all")
    if account.state == AccountState.DELAYED:
        return warn("mailboxes", f"{address} is late: {account.state_why}", f"run `gatepost mailbox check {address}`")
    if account.state == AccountState.DISABLED:
        return ok("mailboxes", f"fetching {address} is switched off")
    since = account.last_sync_at or account.created_at
    if clock() - since > timedelta(seconds=poll_seconds * POLLS_MISSED):
        what = f"{address} was last fetched at {since:%Y-%m-%d %H:%M} UTC"
        return warn("mailboxes", what, "start `gatepost serve`; nobody fetches now")
    return ok("mailboxes", f"{address} is {account.state}, fetched from {account.host}")


def judge_completeness(address: str, checked: Verification | None) -> Findings:
    """Whether every mail on the server is here, as last compared."""
    if checked is None or checked.checked_at is None:
        return
    if checked.missing:
        what = f"not here: {checked.missing:,} of {amount(checked.on_server, 'mail')} on the server of {address}"
        fix = f"they are fetched again by themselves; see `gatepost mailbox verify {address}` where it does not help"
        yield fail("mailboxes", what, fix)
    elif checked.trouble:
        what = f"{address} could not be compared with its server: {checked.trouble}"
        yield warn("mailboxes", what, f"run `gatepost mailbox verify {address}`")
    else:
        when = f"{checked.checked_at:%Y-%m-%d %H:%M} UTC"
        mails = amount(checked.on_server, "mail")
        yield ok("mailboxes", f"{address} is complete, {mails} on its server, as compared at {when}")


def judge_undone(address: str, undone: Undone) -> Findings:
    """Whether everything could be done at the provider: copies in Sent, and what is written back."""
    copies = amount(undone.copies, "copy in Sent", "copies in Sent")
    acts = amount(undone.acts, "change of a mail", "changes of mails")
    lacking = " and ".join(([copies] if undone.copies else []) + ([acts] if undone.acts else []))
    if undone.given_up:
        what = f"the mailbox of {address} at its provider lacks {lacking}: {undone.why.rstrip('.')}"
        fix = f"mend that, then run `gatepost mailbox sending {address} --again`, which tries once more"
        yield warn("mailboxes", what, fix)
    elif lacking:
        said = undone.why.rstrip(".")
        yield ok("mailboxes", f"{lacking} could not be done yet at the provider of {address}, tried again: {said}")


def look_at_expiries(parts: Parts) -> Findings:
    """Nothing ends within a month that does not renew itself."""
    now = clock()
    with parts.database.session() as session:
        found = [one for one in list_expiries(session, parts.settings) if one.key != "certificate"]  # see tls
    near = [one for one in found if tone_of(one, now) != "fine"]
    for one in near:
        say = fail if tone_of(one, now) == "past" and not one.key.startswith("dkim") else warn
        yield say("expiries", sentence_of(one, now).rstrip("."), one.fix)
    if not near:
        yield ok("expiries", f"nothing ends within 30 days, of {len(found)} that end some day")


def look_at_queue(parts: Parts) -> Findings:
    """Nothing waits longer than it should."""
    now = clock()
    with parts.database.session() as session:
        overdue = count_overdue(session, now - OVERDUE)
        states = count_states(session)
    waiting = sum(states.get(state, 0) for state in WAITING)
    if overdue:
        what = f"{overdue} deliveries should have been tried more than 10 minutes ago"
        yield warn("queue", what, "start `gatepost serve`, and look at its log if it is running")
    else:
        yield ok("queue", f"{waiting} deliveries wait for their time, none is overdue")


def look_at_arrivals(parts: Parts) -> Findings:
    """Every mail that came was read."""
    with parts.database.session() as session:
        unread = len(pending_arrivals(session, clock()))
        quarantined = count_outcomes(session).get(Outcome.QUARANTINED, 0)
        newest = arrivals_with(session, Outcome.QUARANTINED, 1)
    if unread:
        what = f"{unread}{'' if unread < 50 else ' or more'} arrivals are stored but not read"
        yield warn("arrivals", what, "start `gatepost serve`: it reads them within a minute")
    if quarantined:
        what = f"{quarantined} mails could not be read and are kept: the last one {newest[0].outcome_why}"
        yield warn("arrivals", what, f"look at it with `gatepost trace {newest[0].id}`")
    if not unread and not quarantined:
        yield ok("arrivals", "every mail that came has been read")
