"""Contacts: a person with all addresses, what did not arrive there, and the conversations; addresses are fixed here."""

from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.failures import advice_for
from gatepost.store import contacts
from gatepost.store.pages import list_rows
from gatepost.store.queue import Which, find_deliveries
from gatepost.store.suppressions import sentence, suppressed_among
from gatepost.typos import propose
from gatepost.web.forms import Form
from gatepost.web.inbox import page_number
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "saved": "The name is saved.",
    "added": "The address is kept with this contact.",
    "removed": "The address stands for itself again.",
    "corrected": "The corrected address is kept with this contact. No failed mail waited for it.",
}


def contact_list(visit: Visit) -> Response:
    """The people of the reader's conversations."""
    text, page = visit.query("q"), page_number(visit)
    rows = contacts.contact_list(visit.session, visit.scope, text, page * contacts.PAGE)
    context = {"section": "contacts", "q": text, "rows": rows, "page": page, "more": len(rows) == contacts.PAGE}
    return show(visit, "contacts.html", context)


def wanted(visit: Visit) -> str:
    """The address that the page is about, if the reader has to do with it. Raises HTTPException 404."""
    given = visit.form.get("address") or visit.query("address", 320)
    try:
        address = parse_address(given).key
    except AddressError:
        raise HTTPException(404, NOT_HERE) from None
    if visit.scope is None:
        return address
    known = contacts.addresses_of(visit.session, address)
    which = [Which(recipient=one, channels=visit.scope) for one in known]
    if contacts.conversations_of(visit.session, known, visit.scope, there=True):
        return address
    if any(find_deliveries(visit.session, one, 1) for one in which):
        return address
    raise HTTPException(404, NOT_HERE)


def contact_page(visit: Visit) -> Response:
    """One contact."""
    return contact_view(visit, wanted(visit), Form())


def contact_view(visit: Visit, address: str, form: Form, status: int = 200) -> Response:
    session = visit.session
    known = contacts.addresses_of(session, address)
    contact = contacts.contact_by_address(session, address)
    failures = contacts.failures_of(session, known, visit.scope)
    bad = {delivery.recipient.lower() for delivery, _ in failures}
    found = contacts.conversations_of(session, known, visit.scope, there=True)
    domains = contacts.reached_domains(session) if bad else []
    context: dict[str, Any] = {
        "section": "contacts",
        "address": address,
        "addresses": known,
        "name": contact.name if contact else "",
        "failures": [(delivery, message, advice_for(delivery)) for delivery, message in failures],
        "bad": bad,
        "last": contacts.last_results(session, known),
        "suppressed": {row.address: sentence(row) for row in suppressed_among(session, known, visit.now)},
        "conversations": list_rows(session, found, visit.user.id),
        "alike": contacts.same_name(session, address, visit.scope),
        "proposals": {one: propose(one, [other for other in known if other != one], domains)[:2] for one in bad},
        "notices": NOTICES,
        "form": form,
    }
    return show(visit, "contact.html", context, status=status)


def back(address: str, done: str) -> Response:
    return RedirectResponse(f"/contact?{urlencode({'address': address, 'done': done})}", 303)


def rename(visit: Visit) -> Response:
    """Change the name."""
    address, name, now = wanted(visit), visit.form.get("name")[:200], visit.now
    visit.app.ledger.write(lambda session: contacts.rename(session, address, name, now))
    return back(address, "saved")


def add_address(visit: Visit) -> Response:
    """Keep a further address of the same person; one that corrects a failing address leads on to sending again."""
    address, now = wanted(visit), visit.now
    corrects = visit.form.get("corrects").lower()
    try:
        other = parse_address(visit.form.get("other")).key
    except AddressError as error:
        return contact_view(visit, address, visit.form.wrong({"other": f"{str(error).rstrip('.')}."}), 422)
    if other == (corrects or address):
        problem = {"other": f"{other} is this address; write another one."}
        return contact_view(visit, address, visit.form.wrong(problem), 422)
    if contacts.is_stranger(visit.session, other, visit.scope):
        problem = {"other": f"{other} is of somebody in another mailbox; an admin can say that it is the same person."}
        return contact_view(visit, address, visit.form.wrong(problem), 422)
    visit.app.ledger.write(lambda session: contacts.link(session, address, other, now))
    visit.session.rollback()
    if not corrects:
        return back(address, "added")
    if contacts.failures_of(visit.session, [corrects], visit.scope):
        return RedirectResponse(f"/messages/fix?{urlencode({'address': corrects, 'to': other})}", 303)
    return back(address, "corrected")


def remove_address(visit: Visit) -> Response:
    """Take an address from the contact."""
    address, other = wanted(visit), visit.form.get("other")
    known = contacts.addresses_of(visit.session, address)
    if other in known:
        visit.app.ledger.write(lambda session: contacts.unlink(session, other))
    return back(next((one for one in known if one != other), address), "removed")
