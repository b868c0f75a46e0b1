"""A writer of winmail.dat (MS-OXTNEF), for tests: attributes, and the properties of an attachment."""

from struct import pack

from gatepost.mail_tnef import (
    BINARY,
    CODE_PAGE,
    CONTENT_ID,
    DATA,
    DATA_OF,
    LONG_NAME,
    MIME_TAG,
    OBJECT,
    PROPERTIES,
    RENDERING,
    SIGNATURE,
    TEXT,
    TITLE,
    UNICODE,
)


def attribute(level: int, number: int, content: bytes) -> bytes:
    """One attribute with its checksum."""
    return pack("<BII", level, number | 0x60000, len(content)) + content + pack("<H", sum(content) % 65536)


def padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)


def value(kind: int, number: int, content: bytes) -> bytes:
    """A property whose value says how long it is."""
    return pack("<HHII", kind, number, 1, len(content)) + padded(content)


def text(number: int, written: str) -> bytes:
    return value(UNICODE, number, (written + "\0").encode("utf-16-le"))


def named(content: bytes) -> bytes:
    """A property with a name of its own, a text, and a number as its value."""
    name = content.decode().encode("utf-16-le")
    return pack("<HH", 3, 0x8001) + b"\1" * 16 + pack("<II", 1, len(name)) + padded(name) + pack("<I", 7)


def several() -> bytes:
    """A property with three numbers, and one with two texts."""
    numbers = pack("<HHIIII", 0x1003, 0x6001, 3, 1, 2, 3)
    return numbers + pack("<HHI", 0x101E, 0x6002, 2) + pack("<I", 2) + padded(b"a\0") + pack("<I", 3) + padded(b"bc\0")


def properties(*each: bytes) -> bytes:
    return attribute(2, PROPERTIES, pack("<I", len(each)) + b"".join(each))


def simple(title: bytes, content: bytes) -> bytes:
    """An attachment as older programs write it."""
    return attribute(2, RENDERING, b"\0" * 14) + attribute(2, TITLE, title + b"\0") + attribute(2, DATA, content)


def full(name: str, content: bytes, *, kind: str = "", cid: str = "") -> bytes:
    """An attachment with a long name, a media type and a content id."""
    known = [pack("<HHI", 3, 0x3705, 1), named(b"Own"), several(), text(LONG_NAME, name)]
    known += [value(TEXT, MIME_TAG, kind.encode() + b"\0")] if kind else []
    known += [text(CONTENT_ID, cid)] if cid else []
    known.insert(3, pack("<HHHxx", 11, 0x7FFE, 0))
    return simple(b"SHORT~1.DAT", content) + attribute(2, PROPERTIES, pack("<I", len(known) + 1) + b"".join(known))


def attached_mail(name: str, inner: bytes) -> bytes:
    """A mail as an attachment: an object, its interface first."""
    return attribute(2, RENDERING, b"\0" * 14) + properties(
        text(LONG_NAME, name), value(OBJECT, DATA_OF, b"\7" * 16 + inner)
    )


def in_property(name: str, content: bytes) -> bytes:
    """An attachment whose content is a property only."""
    return attribute(2, RENDERING, b"\0" * 14) + properties(text(LONG_NAME, name), value(BINARY, DATA_OF, content))


def winmail(*attachments: bytes, code_page: int = 1252) -> bytes:
    head = SIGNATURE + b"\x01\x00" + attribute(1, 0x9006, pack("<I", 0x10000))
    return head + attribute(1, CODE_PAGE, pack("<II", code_page, 0)) + b"".join(attachments)
