"""Errors of the API as RFC 9457 problems: one table of kinds, which the documentation is made from too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse

from gatepost.web.api_models import Fault, ProblemOut

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 50
TEMPORARY_SECONDS = 5
FULL_SECONDS = 30
HERE = ("not-found",)
"""The problem of an operation on something that may not be there."""
BODY = ("malformed", "request-timeout", "too-large", "unsupported-media-type")
"""The problems of an operation that takes a body."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, title, and what a caller does about it."""

    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read", "Send JSON in UTF-8, and headers as documented."),
    "unauthorized": Kind(401, "A valid API key is needed", "Send `Authorization: Bearer gp_...` with a key in use."),
    "missing-scope": Kind(403, "The API key lacks a scope", "Use a key that has the scope named in `detail`."),
    "sender-not-allowed": Kind(403, "You may not send as this address", "Use a From that the key's senders cover."),
    "not-found": Kind(404, "Nothing here", "Check the path and the id; a key sees only what belongs to it."),
    "method-not-allowed": Kind(405, "Not a method of this path", "Use one of the methods in the `Allow` header."),
    "request-timeout": Kind(408, "The request took too long to arrive", "Send it again."),
    "too-large": Kind(413, "The request is too large", "Send less; `detail` names the limit."),
    "unsupported-media-type": Kind(415, "The content type is not understood", "Use a type that `detail` names."),
    "invalid-fields": Kind(422, "The request does not fit", "Mend what `errors` points at."),
    "refused": Kind(422, "The mail was refused", "Mend what `detail` says; the same request fails again."),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key was used for another request", "Use a new key."),
    "too-many-attempts": Kind(429, "Too many refused keys from this network", "Wait as `Retry-After` says."),
    "internal-error": Kind(500, "Something went wrong here", "Send it again later; nothing was accepted."),
    "unavailable": Kind(503, "Not available for a moment", "Send it again after `Retry-After` seconds."),
    "storage-full": Kind(
        507, "There is no room to store it", "Send it again after `Retry-After` seconds; tell the admin."
    ),
}

INTERNAL = "It is our fault and it is written in the log. Nothing was accepted; please try again later."
STORAGE_FULL = (
    "The disk of this server has no room for mail at the moment. Nothing was accepted; please try again later."
)
UNAVAILABLE = "The storage cannot be reached at the moment. Nothing was accepted; please try again."


class Problem(Exception):
    """A request that is answered with this kind of problem; `faults` name each field that does not fit."""

    def __init__(
        self, kind: str, detail: str = "", faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail or KINDS[kind].advice
        self.faults = tuple(faults)[:MOST_FAULTS]
        self.headers = dict(headers or {})


def problem_response(problem: Problem, path: str) -> JSONResponse:
    """The problem as it is sent; `path` is the request's."""
    kind = KINDS[problem.kind]
    body = ProblemOut(
        type=f"/docs/api#{problem.kind}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=path[:500],
        code=problem.kind,
        errors=list(problem.faults),
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, kind.status, headers=problem.headers, media_type=MEDIA_TYPE)


def wrong_field(pointer: str, detail: str) -> Problem:
    """One field of the body that does not fit."""
    return Problem("invalid-fields", detail, [Fault(pointer=pointer, detail=detail)])


def wrong_header(header: str, detail: str) -> Problem:
    """One header that does not fit."""
    return Problem("malformed", detail, [Fault(header=header, detail=detail)])


def unavailable() -> Problem:
    """Trouble that passes."""
    return Problem("unavailable", UNAVAILABLE, headers={"Retry-After": str(TEMPORARY_SECONDS)})


def storage_full() -> Problem:
    """No room on the disk."""
    return Problem("storage-full", STORAGE_FULL, headers={"Retry-After": str(FULL_SECONDS)})


def body_problem(error: ValidationError, branches: Sequence[str] = ()) -> Problem:
    """What pydantic says about a body; `branches` are the tags of a union, which are no part of a pointer."""
    items = error.errors(include_url=False, include_input=False)
    if items and items[0]["type"] == "json_invalid":
        reason = items[0].get("ctx", {}).get("error", "")
        return Problem("malformed", f"The body is not JSON: {reason}", [Fault(pointer="#", detail=str(reason))])
    faults = [Fault(pointer=pointer_of(item["loc"], branches), detail=sentence(item)) for item in items]
    return Problem("invalid-fields", summary(faults), faults)


def query_problem(error: ValidationError) -> Problem:
    """What pydantic says about the query."""
    items = error.errors(include_url=False, include_input=False)
    faults = [Fault(parameter=str(item["loc"][0]) if item["loc"] else "", detail=sentence(item)) for item in items]
    return Problem("invalid-fields", summary(faults), faults)


def summary(faults: Sequence[Fault]) -> str:
    """The first fault, and how many more there are."""
    first = faults[0]
    more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{first.pointer or first.parameter or first.header}: {first.detail}{more}"


def pointer_of(location: Sequence[int | str], branches: Sequence[str] = ()) -> str:
    """A JSON Pointer as a URI fragment (RFC 6901 section 6), such as `#/to/0/address`."""
    parts = list(location)
    if parts and parts[0] in branches:
        parts = parts[1:]
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts if part != "[key]")
    return "#" + "".join(f"/{part[:200]}" for part in escaped)


def sentence(item: Any) -> str:
    """What is wrong with one field, as a sentence for people."""
    match item["type"]:
        case "extra_forbidden":
            return "This field is not known here; check its spelling or leave it out"
        case "missing":
            return "This field is needed"
        case "list_type":
            return "Write a list here, in [square brackets], also of one"
        case "string_type":
            return "Write a text here, in quotes"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "Write an object here, in {braces}"
        case _:
            return str(item["msg"]).removeprefix("Value error, ")[:500]
