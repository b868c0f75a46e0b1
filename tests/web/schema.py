"""A small JSON Schema checker (the keywords that our models use), written apart from what makes the schemas."""

import re
from datetime import datetime
from typing import Any

KNOWN = {
    *("$ref", "type", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "enum", "const"),
    *("minLength", "maxLength", "minItems", "maxItems", "pattern", "format"),
    *("title", "description", "default", "examples", "contentEncoding", "maxProperties"),
}
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "#") -> list[str]:
    """What does not fit; empty when all does. Raises AssertionError for a keyword nobody checks."""
    assert schema.keys() <= KNOWN, f"{at}: unknown keywords {schema.keys() - KNOWN}"
    if "$ref" in schema:
        schema = resolve(schema["$ref"], root)
    found = []
    for name in ("anyOf", "oneOf"):
        if name in schema and not any(not problems(value, option, root, at) for option in schema[name]):
            found.append(f"{at}: fits nothing of {name}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} is not {schema['const']!r}")
    wanted = schema.get("type")
    if wanted and (not isinstance(value, TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool))):
        return [*found, f"{at}: {value!r} is not of type {wanted}"]
    if isinstance(value, dict):
        found += object_problems(value, schema, root, at)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{at}: wrong length")
        for index, item in enumerate(value):
            found += problems(item, schema.get("items", {}), root, f"{at}/{index}")
    if isinstance(value, str):
        found += text_problems(value, schema, at)
    return found


def object_problems(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}/{name}: missing" for name in schema.get("required", ()) if name not in value]
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            found += problems(item, properties[name], root, f"{at}/{name}")
        elif more is False:
            found.append(f"{at}/{name}: not in the schema")
        elif isinstance(more, dict):
            found += problems(item, more, root, f"{at}/{name}")
    return found


def text_problems(value: str, schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if len(value) > schema.get("maxLength", len(value)) or len(value) < schema.get("minLength", 0):
        found.append(f"{at}: wrong length")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: does not match {schema['pattern']}")
    if schema.get("format") == "date-time" and not is_utc(value):
        found.append(f"{at}: {value!r} is no time in UTC")
    return found


def is_utc(value: str) -> bool:
    """Whether this is an RFC 3339 time in UTC."""
    return value.endswith("Z") and datetime.fromisoformat(value).utcoffset() is not None


def resolve(ref: str, root: dict[str, Any]) -> dict[str, Any]:
    """What a local reference points at."""
    found: Any = root
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found
