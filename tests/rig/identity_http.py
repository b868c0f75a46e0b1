"""Requests and answers of the identity provider of the tests, and its refusals in both dialects."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.rig.identity_pages import page, posting_page


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; `many` has all values of the form, `query` and `form` the first of each name."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    many: dict[str, list[str]]
    authorization: str
    origin: str


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """A refusal in the words of OAuth (RFC 6749 section 5.2)."""

    def __init__(self, error: str, text: str = "", status: int = 400, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, Any] = {"error": error, "error_description": text, **more}


def say(body: dict[str, Any], status: int = 200) -> Said:
    """JSON."""
    return Said(status, json.dumps(body).encode())


def show(html: str, status: int = 200) -> Said:
    """A page."""
    return Said(status, html.encode(), "text/html; charset=utf-8")


def refuse(title: str, text: str, status: int = 400) -> Said:
    """A page that tells what is wrong, and sends nobody back."""
    return show(page(title, f"<p>{text}</p>"), status)


def send_back(asked: Asked, **fields: str) -> Said:
    """Back to the client with the state of its request, by redirect or by a form that posts itself."""
    fields |= {"state": asked.query["state"]} if "state" in asked.query else {}
    address = asked.query["redirect_uri"]
    if asked.query.get("response_mode") == "form_post":
        return show(posting_page(address, fields))
    joint = "&" if "?" in address else "?"
    return Said(302, b"", headers={"Location": f"{address}{joint}{urlencode(fields)}"})


def aadsts(number: int, text: str, error: str = "invalid_grant", status: int = 400, **more: Any) -> Wrong:
    """A refusal as Microsoft words it."""
    at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    trace = str(uuid.uuid4())
    told = f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {trace} Timestamp: {at}"
    uri = f"https://login.microsoftonline.com/error?code={number}"
    return Wrong(error, told, status, error_codes=[number], timestamp=at, trace_id=trace, error_uri=uri, **more)


def for_redirect(wrong: Wrong) -> dict[str, str]:
    """What of a refusal goes back over the browser."""
    return {name: wrong.body[name] for name in ("error", "error_description", "error_uri") if wrong.body.get(name)}
