"""The signature of Standard Webhooks: HMAC-SHA256 over id, time and body, one for each secret in force."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"


def sign(secrets: Sequence[str], event: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and base64, blank-separated. Raises ValueError for a broken secret."""
    signed = f"{event}.{timestamp}.".encode() + body
    marks = (hmac.new(key_of(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(mark).decode()}" for mark in marks)


def key_of(secret: str) -> bytes:
    """The key of a secret as it is shown, `whsec_` and base64."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
