"""`gatepost queue fix`: send failed mails to corrected addresses, many at once, after telling how many that are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gatepost.cli.acts import ACTOR, confirm, known
from gatepost.cli.frame import BadInput, opened, print_object, print_rows, say, warn
from gatepost.cli.queue import check_which
from gatepost.gateway.fixing import SHOWN, Row, preview_fixes, rows_of, send_fixes
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store.fixing import Planned
from gatepost.store.queue import Which
from gatepost.words import NOT_DELIVERED

MOST = 100


def read_fixes(texts: Sequence[str]) -> dict[str, str]:
    """The corrected address by the failing one, of `OLD=NEW`; the `=` is the first behind an `@`. Raises BadInput."""
    if len(texts) > MOST:
        raise BadInput(f"FIX: {len(texts)} are too many; give at most {MOST} at once")
    found: dict[str, str] = {}
    for text in texts:
        local, _, rest = text.partition("@")
        domain, equals, new = rest.partition("=")
        if not (domain and equals and new):
            raise BadInput(f"FIX {text}: write it as OLD=NEW, such as ana@exmaple.org=ana@example.org")
        old = f"{local}@{domain}".strip().lower()
        if found.get(old, new) != new:
            raise BadInput(f"FIX {text}: {old} is named twice, with different corrected addresses")
        found[old] = new.strip()
    return found


def fix(settings: Settings, texts: Sequence[str], which: Which, preview: bool, yes: bool, as_json: bool) -> None:
    """List what failed, or send it to the corrected addresses that are given."""
    fixes = read_fixes(texts)
    which = replace(check_which(which), states=tuple(sorted(NOT_DELIVERED)))
    with opened(settings) as parts:
        which = known(parts, which)
        if not fixes:
            list_failing(parts, which, as_json)
            return
        rows = preview_fixes(parts.database, which, fixes, clock())
        for row in rows:
            if row.problem:
                raise BadInput(f"FIX {row.old}={row.new}: {row.problem}")
        ready, sent = sum(len(row.ready) for row in rows), 0
        if ready and not preview:
            confirm(ready, "sent to corrected addresses", yes)
            sent = send_fixes(parts.database, parts.ledger, which, fixes, ACTOR, clock()).changed
    if as_json:
        print_object({"data": [row_of(row) for row in rows], "sent": sent})
    else:
        tell(rows, sent, preview)


def row_of(row: Planned) -> dict[str, Any]:
    """As the API gives it."""
    return {"from": row.old, "to": row.new, "ready": len(row.ready), "refused": row.refused}


def tell(rows: Sequence[Planned], sent: int, preview: bool) -> None:
    for row in rows:
        say(f"{row.old} -> {row.new}: {mails(len(row.ready))}")
        for why, number in row.refused.items():
            warn(f"gatepost: {row.old}: {mails(number)} left as before: {why}")
    if preview:
        say("Nothing was sent; without --preview it is.")
    elif sent:
        say(f"{mails(sent)} on the way; the running `gatepost serve` sends within seconds.")
    else:
        say("No failed mail fits; `gatepost queue fix` lists the addresses that mail did not reach.")


def mails(number: int) -> str:
    return f"{number} {'mail' if number == 1 else 'mails'}"


def list_failing(parts: Parts, which: Which, as_json: bool) -> None:
    """The failing addresses with what may be meant, as the page shows them."""
    with parts.database.session() as session:
        rows = [failing_row(row) for row in rows_of(session, which)]
    print_rows(rows, as_json, "No mail failed here.")
    if len(rows) == SHOWN:
        warn(f"gatepost: the newest {SHOWN} are shown; the rest follow once these are done")
    if rows and not as_json:
        say("`gatepost queue fix OLD=NEW --preview` tells how many mails would go to a corrected address.")


def failing_row(row: Row) -> dict[str, Any]:
    return {
        "address": row.address,
        "mails": row.mails,
        "proposals": [proposal.address for proposal in row.proposals],
        "reason": row.explanation.reason,
        "advice": row.explanation.advice,
        "delivery": row.delivery.id,
    }
