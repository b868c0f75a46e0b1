"""Header fields and bodies as DKIM sees them (RFC 6376 section 3.4), in time linear in their size."""

import re

Field = tuple[bytes, bytes]

SPACES = re.compile(rb"[\t ]+")
NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
MOST_HEADER = 256 * 1024
MOST_FIELDS = 1000


class NotMail(ValueError):
    """The octets do not start with a header block; the text says why."""


def with_crlf(raw: bytes) -> bytes:
    """The mail with every line end as CRLF; a bare CR ends a line too, as it does once the mail is sent."""
    if raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r"):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def split_mail(raw: bytes) -> tuple[list[Field], bytes]:
    """The header fields in their order, each as (name, value with its folds and last CRLF), and the body.

    Line ends are CRLF. Raises NotMail for a header block over 256 KB, over 1,000 fields, or a line that is no field.
    """
    if raw.startswith(b"\r\n"):
        return [], raw[2:]
    end = raw.find(b"\r\n\r\n", 0, MOST_HEADER)
    if end < 0 and len(raw) > MOST_HEADER:
        raise NotMail("its header block is over 256 KB")
    block, body = (raw, b"") if end < 0 else (raw[:end], raw[end + 4 :])
    return _fields(block.removesuffix(b"\r\n").split(b"\r\n")), body


def _fields(lines: list[bytes]) -> list[Field]:
    found: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if not found:
                raise NotMail("it starts with a folded line")
            found[-1][1].append(line)
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if not colon or not NAME.fullmatch(name):
            if not found and line.startswith(b"From "):
                continue
            raise NotMail("it has a header line without a field name")
        found.append((name, [value]))
        if len(found) > MOST_FIELDS:
            raise NotMail("it has more than 1,000 header fields")
    return [(name, b"\r\n".join(parts) + b"\r\n") for name, parts in found]


def values(fields: list[Field], name: bytes) -> list[bytes]:
    """The values of the fields of this lower-case name, topmost first."""
    return [value for field_name, value in fields if field_name.lower() == name]


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """One field as `name:value` without CRLF (section 3.4.2)."""
    unfolded = value.replace(b"\r\n", b"")
    if b"  " in unfolded or b"\t" in unfolded:
        unfolded = SPACES.sub(b" ", unfolded)
    return name.lower() + b":" + unfolded.strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """The body (section 3.4.4); a last line without CRLF counts as having one."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    if b"  " in body or b"\t" in body:
        body = SPACES.sub(b" ", body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    end = len(body)
    for lines in (4096, 1):
        while body.endswith(b"\r\n" * lines, 0, end):
            end -= 2 * lines
    return body[: end + 2] if end > 0 else b""
