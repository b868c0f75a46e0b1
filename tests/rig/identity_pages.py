"""The pages of the identity provider of the tests, as a person meets them."""

from collections.abc import Iterable
from html import escape

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}"
    "label{display:block;margin:.75rem 0}button{margin:.5rem .5rem .5rem 0;padding:.5rem 1rem}"
)


def page(title: str, body: str) -> str:
    """A page with a heading."""
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    return f"<!doctype html><html lang=en>{head}<style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>"


def form(action: str, step: str, body: str, hidden: dict[str, str] | None = None) -> str:
    """A form that leads back to the same address with the next step."""
    fields = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">'
        for name, value in {"step": step, **(hidden or {})}.items()
    )
    return f'<form method=post action="{escape(action)}">{fields}{body}</form>'


def login_page(action: str, hint: str = "", wrong: bool = False) -> str:
    """Who are you?"""
    alert = "<p role=alert>Wrong email or password.</p>" if wrong else ""
    body = (
        f'<label>Email <input type=email name=user value="{escape(hint)}"></label>'
        "<label>Password <input type=password name=password></label><button>Sign in</button>"
    )
    return page("Sign in", alert + form(action, "login", body))


def consent_page(action: str, session: str, title: str, scopes: Iterable[str]) -> str:
    """What may the client do? Every scope of a resource can be unticked."""
    boxes = "".join(
        f'<label><input type=checkbox name=grant value="{escape(scope)}" checked> {escape(scope)}</label>'
        for scope in scopes
        if scope.startswith("https://")
    )
    buttons = "<button name=do value=allow>Allow</button><button name=do value=deny>Cancel</button>"
    return page(title, form(action, "consent", boxes + buttons, {"session": session}))


def approval_page(action: str, workflow: bool) -> str:
    """Only an administrator can go on."""
    text = "<p>Gatepost needs permission to access resources in your organization that only an admin can grant.</p>"
    back = "<button>Return to the application without granting consent</button>"
    ask = "<label>Justification <input name=why></label><button>Request approval</button>"
    asking = form(action, "request", ask) if workflow else ""
    return page("Need admin approval", text + form(action, "return", back) + asking)


def posting_page(address: str, fields: dict[str, str]) -> str:
    """A page that posts an answer by itself (response_mode=form_post)."""
    inputs = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    script = "<script>document.forms[0].submit()</script>"
    return page("Working", f'<form method=post action="{escape(address)}">{inputs}</form>{script}')
