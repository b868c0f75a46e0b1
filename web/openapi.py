"""The OpenAPI 3.1 description, made from the table of operations and the models that really read and write."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from gatepost import __version__
from gatepost.store.credentials import SCOPES
from gatepost.web.api_call import Operation
from gatepost.web.api_errors import KINDS, MEDIA_TYPE
from gatepost.web.api_models import ProblemOut

Schema = dict[str, Any]

ALWAYS = (
    "unauthorized",
    "missing-scope",
    "invalid-fields",
    "too-many-attempts",
    "internal-error",
    "unavailable",
    "storage-full",
)
REF = "#/components/schemas/{model}"
PARAMETER = re.compile(r"\{(\w+)\}")
ABOUT = (
    "Send mail, see what became of it for every recipient, read and answer conversations. Every error is a problem "
    "(RFC 9457); times are RFC 3339 in UTC; lists are paged by `limit` and `after`."
)
ABOUT_PATHS = {
    "agents": "The address that the agent logs in with, or one of his addresses",
    "automatic-mail": "An address",
    "mailboxes": "Its address",
    "conversations": "Its id, or its number",
    "delivery-codes": "A code such as 550 or 5.1.1",
    "streams": "A credential's id",
    "suppressions": "An address",
}
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "One word, kept 24 h: the same request again makes no second mail and gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


@cache
def document(operations: tuple[Operation, ...], prefix: str, server: str) -> Schema:
    """The whole description, which nobody changes."""
    refs, definitions = schemas(operations)
    paths: Schema = {}
    for operation in operations:
        paths.setdefault(prefix + operation.path, {})[operation.method.lower()] = described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gatepost", "version": __version__, "description": ABOUT},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": {kind: problem_of(kind) for kind in KINDS},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"An API key `gp_...`; its scopes are among {', '.join(SCOPES)}.",
                }
            },
        },
    }


def schemas(operations: Iterable[Operation]) -> tuple[dict[tuple[int, str], Schema], Schema]:
    """A reference for each form by (identity, mode), and the definitions of them all."""
    inputs: list[tuple[Any, JsonSchemaMode, Any]] = []
    given: list[type[BaseModel]] = [ProblemOut]
    for operation in operations:
        given.append(operation.gives)
        if operation.takes:
            inputs.append((id(operation.takes), "validation", operation.takes.core_schema))
    inputs += [(id(model), "serialization", model.__pydantic_core_schema__) for model in dict.fromkeys(given)]
    refs, definitions = GenerateJsonSchema(ref_template=REF).generate_definitions(inputs)
    return {(key, mode): dict(schema) for (key, mode), schema in refs.items()}, {
        str(name): schema for name, schema in definitions.items()
    }


def described(operation: Operation, refs: dict[tuple[int, str], Schema]) -> Schema:
    """One operation."""
    given = refs[id(operation.gives), "serialization"]
    success: Schema = {"description": "Done", "content": {"application/json": {"schema": given}}}
    responses: Schema = {str(operation.status): success}
    by_status: dict[int, list[str]] = {}
    for kind in (*ALWAYS, *operation.problems):
        by_status.setdefault(KINDS[kind].status, []).append(kind)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = one_of(kinds)
    found: Schema = {
        "operationId": operation.serve.__name__,
        "summary": (operation.serve.__doc__ or "").strip(),
        "tags": [operation.path.split("/")[1]],
        "security": [{"key": [operation.scope]}],
        "x-scope": operation.scope,
        "parameters": [*path_parameters(operation.path), *query_parameters(operation)],
        "responses": responses,
    }
    if operation.takes:
        found["requestBody"] = body_of(operation, refs[id(operation.takes), "validation"])
    if operation.takes and operation.once:
        found["parameters"].append(KEY_HEADER)
        success["headers"] = {
            "Location": {"description": "Where the mail is found", "schema": {"type": "string"}},
            "Idempotent-Replayed": {"description": "`true` for a repeated request", "schema": {"type": "string"}},
        }
    return found


def body_of(operation: Operation, schema: Schema) -> Schema:
    """The forms of a request's body."""
    content: Schema = {"application/json": {"schema": schema}}
    if operation.raw:
        content["message/rfc822"] = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": content}


def path_parameters(path: str) -> list[Schema]:
    """The parts of a path; a conversation is named by its id or its number."""
    about = ABOUT_PATHS.get(path.split("/")[1], "Its id")
    return [
        {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}
        for name in PARAMETER.findall(path)
    ]


def query_parameters(operation: Operation) -> list[Schema]:
    """The fields of the query; those of a raw mail's envelope are needed for that body only."""
    schema = operation.query.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    needed = set() if operation.raw else set(schema.get("required", ()))
    found = []
    for name, field in schema.get("properties", {}).items():
        shown = inlined(field, definitions)
        shown.pop("title", None)
        about = f"The envelope of a `message/rfc822` body: {name}" if operation.raw else shown.pop("description", "")
        found.append({"name": name, "in": "query", "required": name in needed, "description": about, "schema": shown})
    return found


def inlined(schema: Any, definitions: Schema) -> Any:
    """A schema without references."""
    if isinstance(schema, list):
        return [inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: inlined(value, definitions) for name, value in schema.items()}


def one_of(kinds: Sequence[str]) -> Schema:
    """The response for one or several kinds of problem of the same status."""
    if len(kinds) == 1:
        return {"$ref": f"#/components/responses/{kinds[0]}"}
    lines = [f"`{kind}`: {KINDS[kind].title}. {KINDS[kind].advice}" for kind in kinds]
    return {**problem_of(kinds[0]), "description": "\n\n".join(lines)}


def problem_of(kind: str) -> Schema:
    """The response for one kind of problem."""
    entry = KINDS[kind]
    return {
        "description": f"`{kind}`: {entry.title}. {entry.advice}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="ProblemOut")}}},
    }
