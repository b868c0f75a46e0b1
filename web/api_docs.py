"""The API's reference as a page, made from the same description as `/openapi.json`; nothing is fetched from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from gatepost.web.api import OPERATIONS, VERSION
from gatepost.web.openapi import Schema, document
from gatepost.web.render import show
from gatepost.web.route import Visit

BODIES = ("application/json", "message/rfc822")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form or a query: its type in words, and the form that it leads to, if any."""

    name: str
    type: str
    needed: bool
    about: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """One operation as the page shows it."""

    method: str
    path: str
    summary: str
    scope: str
    parameters: tuple[Field, ...]
    takes: str
    takes_raw: bool
    gives: str
    status: str
    problems: tuple[tuple[str, str], ...]
    example: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is sent or answered."""

    name: str
    about: str
    fields: tuple[Field, ...]
    choices: tuple[str, ...] = ()


def api_page(visit: Visit) -> Response:
    """Every operation and every form."""
    found = document(OPERATIONS, VERSION, visit.app.settings.base_url)
    groups: dict[str, list[Described]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            server = visit.app.settings.base_url
            groups.setdefault(operation["tags"][0], []).append(described(method, path, operation, server))
    forms = [form_of(name, schema) for name, schema in sorted(found["components"]["schemas"].items())]
    context = {"section": "api", "groups": groups, "forms": forms, "about": found["info"]["description"]}
    return show(visit, "api.html", context)


def described(method: str, path: str, operation: Schema, server: str) -> Described:
    """One operation of the description."""
    content = operation.get("requestBody", {}).get("content", {})
    status, success = next((code, row) for code, row in operation["responses"].items() if code.startswith("2"))
    parameters = tuple(
        Field(row["name"], f"{type_of(row['schema'])} ({row['in']})", row["required"], row.get("description", ""))
        for row in operation["parameters"]
    )
    problems = tuple(
        (code, row.get("$ref", "").rpartition("/")[2] or row["description"].partition(":")[0].strip("`"))
        for code, row in operation["responses"].items()
        if not code.startswith("2")
    )
    return Described(
        method.upper(),
        path,
        operation["summary"],
        operation["x-scope"],
        parameters,
        type_of(content[BODIES[0]]["schema"]) if content else "",
        BODIES[1] in content,
        type_of(success["content"]["application/json"]["schema"]),
        status,
        problems,
        example(method.upper(), path, server, bool(content)),
    )


def example(method: str, path: str, server: str, has_body: bool) -> str:
    """How curl calls it."""
    verb = "" if method == "GET" else f" -X {method}"
    body = " -H 'Content-Type: application/json' -d @body.json" if has_body else ""
    return f'curl -s{verb} {server}{path} -H "Authorization: Bearer $KEY"{body}'


def form_of(name: str, schema: Schema) -> Form:
    """A form of the description."""
    needed = schema.get("required", ())
    fields = tuple(
        Field(key, type_of(value), key in needed, value.get("description", ""), leads_to(value))
        for key, value in schema.get("properties", {}).items()
    )
    choices = tuple(str(choice) for choice in schema.get("enum", ()))
    choices += tuple(type_of(one) for one in alternatives(schema))
    return Form(name, schema.get("description", ""), fields, choices)


def alternatives(schema: Schema) -> Sequence[Schema]:
    found: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    return found


def type_of(schema: Any) -> str:
    """A schema's type in words."""
    if not isinstance(schema, dict):
        return "anything"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if found := alternatives(schema):
        return " or ".join(dict.fromkeys(type_of(one) for one in found))
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "anything"))


def leads_to(schema: Schema) -> str:
    """The form that a field's type names first."""
    for one in (schema, schema.get("items", {}), *alternatives(schema)):
        if "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return ""
