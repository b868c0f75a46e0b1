"""Many failed mails at once: corrected addresses beside each failing one, how many would go, then sending."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gatepost.gateway.fixing import SHOWN, preview_fixes, rows_of, send_fixes
from gatepost.store.queue import Which
from gatepost.web.acts import actor
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.words import NOT_DELIVERED

OTHER = "other"


def chosen(visit: Visit) -> Which:
    """What was not delivered of the reader's mailboxes, to this address or domain, with this code."""
    field = visit.form.get if visit.request.method == "POST" else visit.query
    return Which(
        states=tuple(sorted(NOT_DELIVERED)),
        channels=visit.scope,
        recipient=field("address"),
        domain=field("domain"),
        code=field("code"),
    )


def fix_page(visit: Visit) -> Response:
    """The failing addresses with a place for a corrected one each."""
    which = chosen(visit)
    return fix_view(visit, which, {which.recipient.lower(): visit.query("to", 320)} if which.recipient else {}, {})


def fix_view(
    visit: Visit, which: Which, given: Mapping[str, str], problems: Mapping[str, str], status: int = 200
) -> Response:
    rows = rows_of(visit.session, which)
    context = {
        "section": "messages",
        "rows": rows,
        "which": which,
        "given": given,
        "problems": problems,
        "more": len(rows) == SHOWN,
    }
    return show(visit, "fix.html", context, status=status)


def read_fixes(visit: Visit) -> dict[str, str]:
    """The corrected address of each failing one that has one: typed in, or else a proposal that was chosen."""
    found: dict[str, str] = {}
    for name in visit.form.fields:
        kind, _, address = name.partition(":")
        if kind not in ("to", "choice") or not address:
            continue
        choice, typed = visit.form.get(f"choice:{address}"), visit.form.get(f"to:{address}")
        new = typed if typed and choice in ("", OTHER) else choice
        if new and new != OTHER:
            found[address.lower()] = new[:320]
    return found


def fix(visit: Visit) -> Response:
    """Say how many would be sent where; send them once that was confirmed."""
    which, fixes = chosen(visit), read_fixes(visit)
    rows = preview_fixes(visit.app.database, which, fixes, visit.now)
    problems = {row.old: row.problem for row in rows if row.problem}
    if not rows or problems:
        problems = problems or {"": "Choose or type a corrected address for at least one of them."}
        return fix_view(visit, which, fixes, problems, 422)
    if visit.form.get("step") != "send":
        total = sum(len(row.ready) for row in rows)
        context = {"section": "messages", "rows": rows, "fixes": fixes, "which": which, "total": total}
        return show(visit, "fix_preview.html", context)
    done = send_fixes(visit.app.database, visit.app.ledger, which, fixes, actor(visit), visit.now)
    visit.app.gate.wake()
    return RedirectResponse(f"/messages?{urlencode({'done': 'fixed' if done.changed else 'unchanged'})}", 303)
