"""The guarded HTTP client of the core as a transport of requests, which google-auth-oauthlib brings."""

from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from gatepost.connectors.oauth_http import ask
from gatepost.http import Guard


class GuardedAdapter(BaseAdapter):
    """requests' transport, for the session that google-auth-oauthlib brings."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self.guard = guard

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """One request; never follows a redirect by itself."""
        body = request.body or b""
        headers = {name.lower(): str(value) for name, value in request.headers.items() if name.lower() != "host"}
        headers.pop("accept-encoding", None)
        headers.pop("content-length", None)
        content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
        answer = ask(request.method or "GET", request.url or "", self.guard, content, headers)
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response._content = answer.body
        response.url = request.url or ""
        response.request = request
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        """Nothing is kept open."""
