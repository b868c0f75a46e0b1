"""A person at the identity provider's pages, without a browser: logs in, ticks, allows, and comes back."""

import re
import ssl
from collections.abc import Sequence
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.rig.identity import Identity
from tests.rig.identity_state import Person

FIELD = re.compile(r'<input type=(?:hidden|checkbox) name="?([a-z]+)"? value="([^"]*)"( checked)?>')


class Stuck(Exception):
    """A page that leads nowhere; str() is its text."""


def walk(
    identity: Identity, url: str, person: Person, *, untick: Sequence[str] = (), press: str = "allow"
) -> dict[str, str]:
    """Go to the login as this person; the query that the browser brings back. Raises Stuck at a dead end."""
    context = ssl.create_default_context(cafile=str(identity.certificate))
    with httpx2.Client(verify=context, trust_env=False, timeout=20) as client:
        answer = client.get(url)
        if answer.status_code == 200 and "Sign in" in answer.text:
            answer = client.post(url, data={"step": "login", "user": person.address, "password": person.password})
        while answer.status_code == 200 and 'name="step" value="' in answer.text:
            answer = client.post(url, data=form_of(answer.text, untick, press))
        if answer.status_code != 302:
            raise Stuck(re.sub(r"<[^>]+>", " ", answer.text.partition("</style>")[2]).strip())
        query = parse_qs(urlsplit(answer.headers["location"]).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}


def form_of(html: str, untick: Sequence[str], press: str) -> dict[str, str | list[str]]:
    """The first form's fields, with the button that is pressed."""
    first = html.partition("</form>")[0]
    fields: dict[str, str | list[str]] = {"do": press}
    grants = []
    for name, value, _ in FIELD.findall(first):
        if name == "grant":
            grants += [unescape(value)] if unescape(value) not in untick else []
        else:
            fields[name] = unescape(value)
    return {**fields, "grant": grants} if grants else fields
