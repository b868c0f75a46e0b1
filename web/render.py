"""Templates: the environment, its filters, and answers made of it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gatepost.account_states import meaning_of
from gatepost.acts import possible
from gatepost.codes import code_page
from gatepost.reply import capital
from gatepost.store import message_pages, pages, set_aside
from gatepost.store.accounts import list_accounts
from gatepost.store.events import last_seq
from gatepost.web import looks
from gatepost.web.assets import Assets
from gatepost.web.forms import Form
from gatepost.web.route import Guest, Visit
from gatepost.web.said import tls_of

TEMPLATES = Path(__file__).resolve().parent / "templates"
THEMES = ("auto", "light", "dark")
LINK = re.compile(r"https?://[^\s<>\"']{1,2000}")
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)
SHAPES = ("relative", "stamp", "precise", "ahead", "day", "date")


def make_environment(assets: Assets, *, theme: str) -> Environment:
    """The template environment; texts go through gettext, which has no translations yet."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        assets=assets,
        default_theme=theme,
        delivery_look=looks.delivery_look,
        strength_look=looks.strength_look,
        account_look=looks.account_look,
        event_look=looks.event_look,
        meaning_of=meaning_of,
        acts_for=possible,
        code_page=code_page,
        codes_on=True,
        tls_of=tls_of,
        no_form=Form(),
    )
    env.filters.update(when=when, size=size, initials=initials, tint=tint, linked=linked, plain_time=plain_time)
    env.filters.update(sentence=capital, browser=browser)
    return env


def browser(agent: str) -> str:
    """The browser and system that a User-Agent claims, such as `Firefox on Windows`; others stay as they are."""
    name = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{name} on {system}" if name and system else name or agent[:70]


def when(moment: datetime | None, shape: str = "stamp") -> Markup:
    """A time that the browser shows in the reader's zone; without scripts it is UTC."""
    if moment is None:
        return Markup("")
    if shape not in SHAPES:
        raise ValueError(f"a time is shown as {', '.join(SHAPES)}")
    iso = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" data-shape="{}">{}</time>').format(iso, shape, text)


def plain_time(moment: datetime) -> str:
    """A time in UTC for places without markup."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size(octets: int) -> str:
    """A size for people."""
    if octets < 1000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1000:.0f} KB"
    return f"{octets / 1_000_000:.1f} MB"


def initials(name: str) -> str:
    """Two letters for a round picture."""
    words = [word for word in re.split(r"[\s.@_+-]+", name[:200].partition("@")[0] or name[:200]) if word[:1].isalnum()]
    if not words:
        return "?"
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[1][0]).upper()


def tint(name: str) -> str:
    """A colour class that stays the same for a name."""
    return f"c{crc32(name.casefold().encode('utf-8', 'replace')) % 6}"


def linked(text: str) -> Markup:
    """Plain text with its http addresses as links; everything is escaped."""
    parts: list[Markup] = []
    position = 0
    for found in LINK.finditer(text):
        url = found[0].rstrip(".,;:!?)]}")
        parts.append(escape(text[position : found.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(url))
        position = found.start() + len(url)
    parts.append(escape(text[position:]))
    return Markup("").join(parts)


def show(visit: Guest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200) -> HTMLResponse:
    """A page made of a template."""
    env: Environment = visit.request.app.state.templates
    known: dict[str, Any] = {"theme": theme_of(visit.request), "visit": visit, "now": visit.now, "form": visit.form}
    if isinstance(visit, Visit):
        known["codes_on"] = codes_on(visit)
    if isinstance(visit, Visit) and not visit.partial:
        known["rail"] = rail_of(visit)
        known["seq"] = last_seq(visit.session)
    html = env.get_template(template).render({**known, **(context or {})})
    return HTMLResponse(html, status, headers={"Vary": "HX-Request, Cookie"})


def codes_on(visit: Visit) -> bool:
    """Whether this reader is shown the codes beside the reasons: as he chose, else as the installation is set."""
    return visit.app.settings.show_codes if visit.user.show_codes is None else visit.user.show_codes


def theme_of(request: Request) -> str:
    """The theme that this browser chose."""
    chosen = request.cookies.get("gatepost-theme", "")
    return chosen if chosen in THEMES else ""


def rail_of(visit: Visit) -> dict[str, Any]:
    """What the rail at the side shows: counts, and the mailboxes with their state."""
    session, scope = visit.session, visit.scope
    accounts = {account.channel_id: account for account in list_accounts(session)}
    by_channel = pages.open_by_channel(session, scope)
    mailboxes = [
        {"channel": channel, "open": by_channel.get(channel.id, 0), "account": accounts.get(channel.id)}
        for channel in pages.channels_in(session, scope)
        if channel.visible
    ]
    counts = pages.tab_counts(session, scope=scope, user_id=visit.user.id)
    return {
        "counts": counts,
        "mailboxes": mailboxes,
        "relayed": message_pages.relayed_failures(session, scope),
        "set_aside": sum(set_aside.counts(session).values()) if visit.user.role == "admin" else 0,
    }
