"""One's own profile: password, sessions, theme."""

from starlette.responses import RedirectResponse, Response

from gatepost.store import users
from gatepost.store.agents import addresses_of
from gatepost.web.forms import Form
from gatepost.web.render import THEMES, show, theme_of
from gatepost.web.route import Visit

NOTICES = {
    "password": "Your password is changed; your other sessions are logged out.",
    "theme": "The theme is set for this browser.",
    "codes": "From now on codes are shown to you as you chose.",
    "ended": "That session is logged out.",
    "asked": "A mail with a link is on its way; open the link to confirm the address.",
    "removed": "The address is removed.",
    "follows": "From now on you get mail as you chose.",
    "others": "All your other sessions are logged out.",
}
YEAR = 31_536_000


def profile(visit: Visit, *, form: Form | None = None, status: int = 200) -> Response:
    """The page."""
    context = {
        "section": "profile",
        "sessions": users.list_sessions(visit.session, visit.user.id, visit.now),
        "chosen": theme_of(visit.request) or visit.app.settings.theme,
        "themes": THEMES,
        "notices": NOTICES,
        "addresses": addresses_of(visit.session, visit.user.id),
        "form": form or Form(),
    }
    return show(visit, "profile.html", context, status=status)


def set_theme(visit: Visit) -> Response:
    """Keep the theme in this browser."""
    chosen = visit.form.get("theme")
    response = RedirectResponse("/profile?done=theme", 303)
    if chosen in THEMES:
        response.set_cookie(
            "gatepost-theme", chosen, max_age=YEAR, path="/", secure=visit.app.secure, httponly=True, samesite="lax"
        )
    return response


def set_codes(visit: Visit) -> Response:
    """Whether this reader is shown delivery codes: always, never, or as the installation is set."""
    user_id, chosen = visit.user.id, {"show": True, "hide": False}.get(visit.form.get("codes"))
    visit.app.ledger.write(lambda session: users.set_show_codes(session, user_id, chosen))
    return RedirectResponse("/profile?done=codes", 303)


def end_session(visit: Visit) -> Response:
    """Log one of one's own sessions out."""
    user_id, hashed = visit.user.id, visit.form.get("session")[:64]
    visit.app.ledger.write(lambda session: users.end_session(session, user_id, hashed))
    return RedirectResponse("/profile?done=ended", 303)


def end_others(visit: Visit) -> Response:
    """Log all others out."""
    user_id, keep = visit.user.id, visit.login.token_hash
    visit.app.ledger.write(lambda session: users.end_sessions(session, user_id, keep=keep))
    return RedirectResponse("/profile?done=others", 303)
