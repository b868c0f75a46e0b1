"""Identifiers: a prefix that names the kind and a time-ordered UUIDv7 (RFC 9562 section 5.7) in hex, `msg_0198...`."""

import uuid

import uuid_utils

PREFIXES = (
    "msg",
    "arr",
    "con",
    "dlv",
    "dev",
    "evt",
    "usr",
    "ses",
    "chn",
    "acc",
    "crd",
    "dom",
    "ctc",
    "sbx",
    "inv",
    "whk",
    "whc",
    "key",
    "snd",
    "cor",
    "apv",
)


def new_id(prefix: str) -> str:
    """A new identifier, `prefix_` and 32 hexadecimal digits; later ones sort after earlier ones."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def id_bytes(identifier: str) -> bytes:
    """The 16 octets of an identifier, for tokens.

    Raises ValueError when it is not one of ours.
    """
    prefix, _, digits = identifier.partition("_")
    if prefix not in PREFIXES or len(digits) != 32:
        raise ValueError(f"not an identifier of ours: {identifier!r}")
    return bytes.fromhex(digits)


def id_from_bytes(prefix: str, raw: bytes) -> str:
    """The identifier whose 16 octets these are."""
    return f"{prefix}_{uuid.UUID(bytes=raw).hex}"
