"""Reading a form: bounded in size and fields, without control characters, with problems named by field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LIMIT = 1024 * 1024
FIELDS = 500
KINDS = ("application/x-www-form-urlencoded", "")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields that were sent, and for showing them again what is wrong with which."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """The first value, without spaces around it."""
        return self.fields[name][0].strip() if name in self.fields else default

    def text(self, name: str) -> str:
        """The first value as written, with LF line ends."""
        return self.fields.get(name, [""])[0].replace("\r\n", "\n").replace("\r", "\n")

    def all(self, name: str) -> list[str]:
        """All values that are not empty."""
        return [value.strip() for value in self.fields.get(name, []) if value.strip()]

    def wrong(self, problems: Mapping[str, str]) -> "Form":
        """The same fields, with sentences beside them."""
        return Form(self.fields, problems)


def filled(**values: str | list[str]) -> Form:
    """A form with values to begin with."""
    return Form({name: value if isinstance(value, list) else [value] for name, value in values.items()})


async def read_form(request: Request) -> Form:
    """The posted fields. Raises HTTPException 413 or 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise HTTPException(415, "This form was sent in a way that is not understood; please use the page's own form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            raise HTTPException(413, "That is more text than fits here (1 MB). Please shorten it.")
    return parse_form(bytes(body))


def parse_form(body: bytes) -> Form:
    """Fields of an urlencoded body (WHATWG URL, section 5.1)."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise HTTPException(413, f"A form has at most {FIELDS} fields.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(clean(value))
    return Form(fields)


def clean(value: str) -> str:
    """Without control characters other than line ends and tabs, and without lone surrogates."""
    kept = (c for c in value if c in "\n\r\t" or (ord(c) >= 32 and ord(c) != 127 and not 0xD800 <= ord(c) <= 0xDFFF))
    return "".join(kept)
