"""Signed tokens on the wire: return paths, reply addresses and minted Message-IDs.

A token is lower-case base32 of `key id (1) + row's UUID (16) + HMAC-SHA-256 cut to 16 octets`: 53 characters, so that
`b+TOKEN` stays within the 64 octets of a local part (RFC 5321 section 4.5.3.1.1). The purpose is part of the HMAC.
"""

import base64
import binascii
import hmac

from gatepost.ids import id_bytes, id_from_bytes
from gatepost.seal import Keys

LENGTH = 53
MAC = 16


def make_token(keys: Keys, purpose: str, identifier: str) -> str:
    """A token for one row and one purpose."""
    body = bytes([keys.current]) + id_bytes(identifier)
    return base64.b32encode(body + mac(keys, purpose, body)).decode().rstrip("=").lower()


def read_token(keys: Keys, purpose: str, prefix: str, token: str) -> str | None:
    """The identifier a token was made for, or None when it is not ours; compared in constant time."""
    if len(token) != LENGTH or not token.isascii() or not token.isalnum():
        return None
    try:
        raw = base64.b32decode(token.upper() + "===")
    except binascii.Error:
        return None
    body, given = raw[:17], raw[17:]
    if body[0] not in keys.secrets or not hmac.compare_digest(mac(keys, purpose, body), given):
        return None
    # Unused low bits of the last character would make several spellings of one token.
    if base64.b32encode(raw).decode().rstrip("=").lower() != token.lower():
        return None
    return id_from_bytes(prefix, body[1:])


def mac(keys: Keys, purpose: str, body: bytes) -> bytes:
    return hmac.digest(keys.purpose("token." + purpose, body[0]), body, "sha256")[:MAC]


def return_path(keys: Keys, delivery_id: str) -> str:
    """The local part of the reverse-path of one delivery, `b+TOKEN`."""
    return "b+" + make_token(keys, "return-path", delivery_id)


def read_return_path(keys: Keys, local: str) -> str | None:
    """The delivery whose return path this local part is, or None."""
    return read_token(keys, "return-path", "dlv", local[2:]) if local[:2].lower() == "b+" else None


def reply_address(keys: Keys, message_id: str) -> str:
    """The local part that answers to one message of ours go to, `r+TOKEN`."""
    return "r+" + make_token(keys, "reply", message_id)


def read_reply_address(keys: Keys, local: str) -> str | None:
    """The message whose reply address this local part is, or None."""
    return read_token(keys, "reply", "msg", local[2:]) if local[:2].lower() == "r+" else None


def unsubscribe_address(keys: Keys, delivery_id: str) -> str:
    """The local part that takes the recipient of one delivery out of its stream, `u+TOKEN`; the link has this token."""
    return "u+" + make_token(keys, "unsubscribe", delivery_id)


def read_unsubscribe_address(keys: Keys, local: str) -> str | None:
    """The delivery whose unsubscribe address this local part is, or None."""
    return read_token(keys, "unsubscribe", "dlv", local[2:]) if local[:2].lower() == "u+" else None


def mint_message_id(keys: Keys, message_id: str, domain: str) -> str:
    """A Message-ID of ours without brackets, `TOKEN@domain` (RFC 5322 section 3.6.4); it proves who minted it."""
    return f"{make_token(keys, 'message-id', message_id)}@{domain}"


def read_message_id(keys: Keys, value: str) -> str | None:
    """The message row that a Message-ID of ours names, or None."""
    return read_token(keys, "message-id", "msg", value.partition("@")[0])


ROLES = {"p": "public", "n": "private"}
"""First letters of agents' reply addresses: what comes to `p+TOKEN` goes to the customer, to `n+TOKEN` is a note."""


def agent_address(keys: Keys, copy_id: str, role: str) -> str:
    """The local part that an agent answers to: of one copy (message id), for one role, `public` or `private`."""
    letter = next(letter for letter, name in ROLES.items() if name == role)
    return f"{letter}+" + make_token(keys, f"agent-{role}", copy_id)


def read_agent_address(keys: Keys, local: str) -> tuple[str, str] | None:
    """The copy and the role that an agent's reply address stands for, or None."""
    role = ROLES.get(local[:1].lower()) if local[1:2] == "+" else None
    copy_id = read_token(keys, f"agent-{role}", "msg", local[2:]) if role else None
    return (copy_id, role) if copy_id and role else None
