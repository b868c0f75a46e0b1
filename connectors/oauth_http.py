"""The guarded HTTP client of the core, in the shapes that the two login libraries want."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from gatepost.connectors.grant import Unreachable
from gatepost.http import Answer, Guard, HttpError, request

DOCUMENT_SECONDS = 3600.0
_documents: dict[str, tuple[float, Answer]] = {}
_lock = threading.Lock()


def ask(method: str, url: str, guard: Guard, content: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """One request. Raises Unreachable, also for answers that say "later" (429 and 5xx)."""
    try:
        answer = request(method, url, content=content, headers=headers, guard=guard)
    except HttpError as error:
        raise Unreachable(str(error)) from None
    if answer.status == 429 or answer.status >= 500:
        raise Unreachable(f"{urlsplit(url).hostname} answered {answer.status}: it has trouble of its own.")
    return answer


def document(url: str, guard: Guard, *, fresh: bool = False) -> Answer:
    """A public document, such as keys, kept for an hour. Raises Unreachable."""
    now = time.monotonic()
    with _lock:
        known = _documents.get(url)
    if known and not fresh and now < known[0]:
        return known[1]
    answer = ask("GET", url, guard)
    if answer.status == 200:
        with _lock:
            _documents[url] = (now + DOCUMENT_SECONDS, answer)
    return answer


@dataclass(frozen=True, slots=True)
class MsalAnswer:
    """An answer as msal reads it."""

    status_code: int
    text: str
    headers: dict[str, str]

    def raise_for_status(self) -> None:
        """Raises Unreachable where it is no success."""
        if self.status_code >= 400:
            raise Unreachable(f"The provider answered {self.status_code}.")


@dataclass(slots=True)
class MsalHttp:
    """msal's `http_client`."""

    guard: Guard

    def get(self, url: str, params: Mapping[str, str] | None = None, **_: Any) -> MsalAnswer:
        """Documents only."""
        return shaped(document(f"{url}?{urlencode(params)}" if params else url, self.guard))

    def post(self, url: str, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any) -> MsalAnswer:
        """Token requests."""
        content = data.encode() if isinstance(data, str) else urlencode(data or {}).encode()
        fields = {name.lower(): str(value) for name, value in (headers or {}).items()}
        fields["content-type"] = "application/x-www-form-urlencoded"
        return shaped(ask("POST", url, self.guard, content, fields))

    def close(self) -> None:
        """Nothing is kept open."""


def shaped(answer: Answer) -> MsalAnswer:
    """An answer for msal."""
    return MsalAnswer(answer.status, answer.body.decode("utf-8", "replace"), dict(answer.headers))


@dataclass(frozen=True, slots=True)
class GoogleAnswer:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class GoogleHttp:
    """google-auth's transport."""

    guard: Guard
    seen: list[GoogleAnswer] = field(default_factory=list)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> GoogleAnswer:
        """One request."""
        answer = ask(method, url, self.guard, body or b"", headers)
        self.seen.append(GoogleAnswer(answer.status, answer.headers, answer.body))
        return self.seen[-1]


def fields_of(raw: bytes | str) -> dict[str, object]:
    """A JSON object, or an empty one for anything else."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
