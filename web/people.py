"""Users: who works here, in which mailboxes, and invitations."""

from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.model import User
from gatepost.store import channels, users
from gatepost.web.forms import Form
from gatepost.web.mailboxes import sentence
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "saved": "The changes are saved.",
    "disabled": "The user is switched off and logged out everywhere.",
    "enabled": "The user can log in again.",
}


def people(visit: Visit) -> Response:
    """All users."""
    return show(visit, "users.html", context_of(visit))


def context_of(visit: Visit, *, link: str = "", linked: str = "", form: Form | None = None) -> dict[str, Any]:
    """The list; `link` is a one-time link that was just made for the user `linked`."""
    return {
        "section": "users",
        "users": users.list_users(visit.session),
        "channels": channels.list_channels(visit.session),
        "memberships": users.all_memberships(visit.session),
        "invites": users.open_invites(visit.session, visit.now),
        "notices": NOTICES,
        "link": link,
        "linked": linked,
        "form": form or Form(),
    }


def invite(visit: Visit) -> Response:
    """A new user with a one-time link to set the password."""
    email, problems = read_email(visit.form)
    name, role, now = visit.form.get("name")[:100], visit.form.get("role"), visit.now
    known = {channel.id for channel in channels.list_channels(visit.session)}
    wanted = [channel_id for channel_id in visit.form.all("channels") if channel_id in known]

    def write(session: Session) -> tuple[str, str]:
        user = users.create_user(session, email=email, name=name or email, role=role, now=now)
        users.set_memberships(session, user.id, wanted)
        return user.id, users.make_invite(session, user.id, now=now)

    if not problems:
        try:
            user_id, token = visit.app.ledger.write(write)
            return linked_page(visit, user_id, token)
        except ValueError as error:
            problems["email"] = sentence(str(error))
    return show(visit, "users.html", context_of(visit, form=visit.form.wrong(problems)), status=422)


def read_email(form: Form) -> tuple[str, dict[str, str]]:
    """The address of a new user."""
    try:
        return parse_address(form.get("email")).key, {}
    except AddressError as error:
        return "", {"email": str(error)}


def linked_page(visit: Visit, user_id: str, token: str) -> Response:
    """The list with a link to hand on; it is shown once."""
    visit.session.rollback()
    link = f"{visit.app.settings.base_url}/invite/{token}"
    return show(visit, "users.html", context_of(visit, link=link, linked=user_id))


def user_of(visit: Visit) -> User:
    """The user in the path. Raises HTTPException 404."""
    user = users.get_user(visit.session, visit.path("id"))
    if user is None:
        raise HTTPException(404, NOT_HERE)
    return user


def person(visit: Visit) -> Response:
    """One user's role and mailboxes."""
    return person_view(visit, user_of(visit))


def person_view(visit: Visit, user: User, form: Form | None = None, status: int = 200) -> Response:
    """The page, with what was chosen when it was refused."""
    context = {
        "section": "users",
        "person": user,
        "channels": channels.list_channels(visit.session),
        "member": users.memberships(visit.session, user.id),
        "form": form or Form(),
        "notices": NOTICES,
    }
    return show(visit, "user.html", context, status=status)


def save(visit: Visit) -> Response:
    """Change name, role and mailboxes."""
    user = user_of(visit)
    name, role = visit.form.get("name")[:100] or user.name, visit.form.get("role")
    known = {channel.id for channel in channels.list_channels(visit.session)}
    wanted = [channel_id for channel_id in visit.form.all("channels") if channel_id in known]

    def write(session: Session) -> None:
        users.change_user(session, user.id, name=name, role=role)
        users.set_memberships(session, user.id, wanted)

    try:
        visit.app.ledger.write(write)
    except ValueError as error:
        return person_view(visit, user, visit.form.wrong({"role": sentence(str(error))}), 422)
    return RedirectResponse("/users?done=saved", 303)


def toggle(visit: Visit) -> Response:
    """Switch a user off or on."""
    user = user_of(visit)
    off = visit.form.get("off") == "yes"
    at = visit.now if off else None
    try:
        visit.app.ledger.write(lambda session: users.disable_user(session, user.id, at))
    except ValueError as error:
        return person_view(visit, user, visit.form.wrong({"off": sentence(str(error))}), 422)
    return RedirectResponse(f"/users?done={'disabled' if off else 'enabled'}", 303)


def new_link(visit: Visit) -> Response:
    """A new one-time link to set a password; earlier links end."""
    user, now = user_of(visit), visit.now
    if user.disabled_at:
        form = visit.form.wrong({"off": "This user is switched off. Switch it on first, then make a link."})
        return person_view(visit, user, form, 422)
    purpose = "reset" if user.password_hash else "invite"
    token = visit.app.ledger.write(lambda session: users.make_invite(session, user.id, purpose=purpose, now=now))
    return linked_page(visit, user.id, token)
