"""What stands before every page: known host names, security headers, and no state change from another site."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
MAIL_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
    f"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-dns-prefetch-control": "off",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware: refuses unknown hosts, and adds the headers that a response does not set itself.

    What a browser may keep for a while, it keeps for one login only; and it asks no name server about links in mail.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = known_hosts(settings)
        self.extra = dict(HEADERS)
        if settings.base_url.startswith("https://"):
            self.extra["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not is_known_host(Headers(scope=scope).get("host", ""), self.hosts):
            refusal = PlainTextResponse("This name is not ours; set web_url to the address people use.\n", 400)
            await refusal(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.extra.items():
                    headers.setdefault(name, value)
                if headers["cache-control"].startswith("private"):
                    headers.add_vary_header("Cookie")
            await send(message)

        await self.app(scope, receive, with_headers)


def known_hosts(settings: Settings) -> frozenset[str]:
    """The names under which the pages may be asked for."""
    named = urlsplit(settings.base_url).hostname or ""
    return frozenset({named.lower(), "localhost", settings.host, settings.domain} - {""})


def is_known_host(host: str, known: frozenset[str]) -> bool:
    """One of ours, or an address literal: a name of somebody else pointed at us is DNS rebinding."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return False
    if name in known:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def same_site(request: Request) -> bool:
    """Whether a state change comes from our own pages (Sec-Fetch-Site, or Origin for older browsers)."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc.lower() == request.headers.get("host", "").lower()
