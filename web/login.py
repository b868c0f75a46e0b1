"""Logging in and out, and setting a password: with the old one, or with an invitation."""

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from gatepost.password import check_password, hash_password, problem_of
from gatepost.store import users
from gatepost.store.events import add_event
from gatepost.web.render import show
from gatepost.web.route import Guest, Visit, local_path
from gatepost.web.session import drop_cookie, may_try, net_of, read_cookie, set_cookie

WRONG = "This address and password do not belong together. Check both and try again."
TOO_MANY = "There were too many tries. Wait 15 minutes, then try again, or ask an admin for a new password link."


def login_page(guest: Guest) -> Response:
    """The form, or the inbox for who is logged in."""
    if users.session_by_token(guest.session, read_cookie(guest.request, guest.app.secure), guest.now):
        return RedirectResponse("/inbox", 303)
    return show(guest, "login.html", {"next": local_path(guest.query("next", 2000)), "problem": ""})


def log_in(guest: Guest) -> Response:
    """Check the password, at the same cost for an unknown address, and start a session."""
    email, password = guest.form.get("email").lower()[:254], guest.form.fields.get("password", [""])[0]
    target = local_path(guest.form.get("next"))
    if not may_log_in(guest, email):
        return show(guest, "login.html", {"next": target, "problem": TOO_MANY}, status=429)
    user = users.user_by_email(guest.session, email)
    known = user if user and not user.disabled_at else None
    if not check_password(password, known.password_hash if known else None) or not known:
        return show(guest, "login.html", {"next": target, "problem": WRONG}, status=401)
    return begin(guest, known.id, target)


def may_log_in(guest: Guest, account: str) -> bool:
    """Whether somebody may try a password from where the request came."""
    return may_try(guest.app.ledger, guest.session, account, net_of(guest.ip), guest.now)


def begin(guest: Guest, user_id: str, target: str) -> Response:
    """Start a session; one that the browser had before ends, so that none can be planted."""
    agent, ip, now = guest.request.headers.get("user-agent", ""), guest.ip, guest.now
    before = read_cookie(guest.request, guest.app.secure)

    def write(session: Session) -> str:
        if before:
            users.end_session(session, user_id, users.token_hash(before))
        user = users.get_user(session, user_id)
        users.forget_failures(session, user.email if user else "", net_of(ip))
        add_event(session, "user.login", now=now, user_id=user_id, data={"ip": ip})
        return users.start_session(session, user_id, agent=agent, ip=ip, now=now)

    response = RedirectResponse(target, 303)
    set_cookie(response, guest.app.ledger.write(write), guest.app.secure)
    return response


def log_out(visit: Visit) -> Response:
    """End this session."""
    user_id, hashed = visit.user.id, visit.login.token_hash
    visit.app.ledger.write(lambda session: users.end_session(session, user_id, hashed))
    response = RedirectResponse("/login", 303)
    drop_cookie(response, visit.app.secure)
    return response


def password_page(visit: Visit) -> Response:
    """The form to change one's password."""
    return show(visit, "password.html", {"must": visit.user.must_change_password})


def change_password(visit: Visit) -> Response:
    """Change it; all sessions end, also a copy of this one, and a new one starts here."""
    old, new, again = (visit.form.fields.get(name, [""])[0] for name in ("old", "new", "again"))
    user = visit.user
    problems = new_password_problems(new, again, user.email)
    if new == old:
        problems["new"] = "The new password must differ from the old one."
    elif not problems and not may_log_in(visit, user.email):
        problems["old"] = TOO_MANY
    elif not problems and not check_password(old, user.password_hash):
        problems["old"] = "This is not your present password."
    if problems:
        context = {"must": user.must_change_password, "form": visit.form.wrong(problems)}
        return show(visit, "password.html", context, status=422)
    hashed, target = hash_password(new), "/inbox" if user.must_change_password else "/profile?done=password"
    visit.app.ledger.write(lambda session: users.set_password(session, user.id, hashed))
    return begin(visit, user.id, target)


def new_password_problems(new: str, again: str, email: str) -> dict[str, str]:
    """What is wrong with a new password, by field."""
    problem = problem_of(new, email)
    if problem:
        return {"new": problem}
    return {} if new == again else {"again": "The two new passwords differ. Type the same one twice."}


def invite_page(guest: Guest) -> Response:
    """The form behind an invitation's link."""
    found = users.invite_by_token(guest.session, guest.path("token")[:128], guest.now)
    return show(guest, "invite.html", {"invited": found[1] if found else None}, status=200 if found else 404)


def accept_invite(guest: Guest) -> Response:
    """Set the password that an invitation allows, and log in."""
    token, now = guest.path("token")[:128], guest.now
    found = users.invite_by_token(guest.session, token, now)
    if not found:
        return show(guest, "invite.html", {"invited": None}, status=404)
    new, again = (guest.form.fields.get(name, [""])[0] for name in ("new", "again"))
    problems = new_password_problems(new, again, found[1].email)
    if problems:
        context = {"invited": found[1], "form": guest.form.wrong(problems)}
        return show(guest, "invite.html", context, status=422)
    hashed = hash_password(new)
    user = guest.app.ledger.write(lambda session: users.use_invite(session, token, hashed, now))
    if not user:
        return show(guest, "invite.html", {"invited": None}, status=404)
    return begin(guest, user.id, "/inbox")
