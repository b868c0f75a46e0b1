"""`gatepost mailbox verify`: proves that every mail on the servers is here, or says which is not."""

from gatepost.amount import amount
from gatepost.cli.frame import DONE, FINDINGS, opened, print_object, print_rows, say
from gatepost.cli.mailbox import account_of
from gatepost.connectors.completeness import by_folder
from gatepost.connectors.heal import EVERY
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.verify import Verified, rows_of, verify
from gatepost.mailbox_access import access_of, imap_login
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import accounts, completeness
from gatepost.store.accounts import AccountState


def verify_mailboxes(settings: Settings, address: str, days: bool, as_json: bool) -> int:
    """Compare one mailbox, or all that are read; 3 when anything is missing or could not be asked. Raises BadInput."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            if address:
                chosen = [account_of(session, address)]
            else:
                found = accounts.list_accounts(session)
                chosen = [account for account in found if account.state != AccountState.DISABLED]
        if not chosen:
            say("No account is connected: run `gatepost mailbox connect ADDRESS --host HOST`.")
            return DONE
        codes = [verify_one(parts, account, days, as_json) for account in chosen]
    return max(codes)


def verify_one(parts: Parts, account: Account, days: bool, as_json: bool) -> int:
    """One account: its sums by folder, or by folder and day; kept for the pages."""
    now = clock()
    name = account.address or account.username
    try:
        secret = imap_login(access_of(parts), account)
        verified = verify(account, secret, parts.database, private_hosts=parts.settings.private_hosts)
    except Trouble as error:
        why, later = str(error), now + EVERY
        parts.ledger.write(lambda session: completeness.keep_trouble(session, account.id, why, later))
        tell_trouble(name, why, as_json)
        return FINDINGS
    next_at = now if verified.missing else now + EVERY
    parts.ledger.write(
        lambda session: completeness.keep_comparison(session, account, rows_of(verified.days), next_at=next_at, now=now)
    )
    tell(name, verified, days, as_json)
    return FINDINGS if verified.count("missing") else DONE


def tell_trouble(name: str, why: str, as_json: bool) -> None:
    if as_json:
        print_object({"mailbox": name, "trouble": why})
    else:
        say(f"{name}: could not be compared. {why}")


def tell(name: str, verified: Verified, days: bool, as_json: bool) -> None:
    """The sums as a table, and one sentence that says whether all is here."""
    found = rows_of(verified.days if days else by_folder(verified.days))
    rows = [{"mailbox": name, **{key: row[key] for key in row if days or key != "day"}} for row in found]
    if as_json:
        print_rows(rows, True, "")
        return
    say(sentence_of(name, verified))
    shown = [{**row, "reasons": reasons(row["reasons"])} for row in rows]
    print_rows([{key: row[key] for key in row if key not in ("mailbox", "uids")} for row in shown], False, "")
    for folder, uids in verified.missing.items():
        more = f" and {len(uids) - 20} more" if len(uids) > 20 else ""
        say(f"missing in {folder}: UID {', '.join(map(str, uids[:20]))}{more}")
    if verified.missing:
        say("The running `gatepost serve` fetches them again by itself, now.")


def sentence_of(name: str, verified: Verified) -> str:
    """Whether all is here, in one sentence."""
    count, missing, waiting = verified.count("on_server"), verified.count("missing"), verified.count("waiting")
    if missing:
        are = "is" if missing == 1 else "are"
        return f"{name}: {missing:,} of {amount(count, 'mail')} on the server {are} not here."
    wait = f", {waiting:,} arrived just now or wait for the import" if waiting else ""
    left = f", {verified.count('skipped'):,} left out on purpose" if verified.count("skipped") else ""
    return f"{name}: complete. {amount(count, 'mail')} on the server, {verified.count('stored'):,} stored{left}{wait}."


def reasons(found: dict[str, int]) -> str:
    return "; ".join(f"{number:,} {why}" for why, number in found.items())
