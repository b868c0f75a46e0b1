"""The key file and what is made with it: one key per purpose (HKDF, RFC 5869) and sealed values (AES-256-GCM).

The file holds one line a key, `id hex`, newest last; old ones stay readable after a rotation.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class SealError(Exception):
    """A sealed value that is not ours, was moved, or whose key is gone."""


class KeyFileError(Exception):
    """A key file that cannot be used; the text names the fix."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of this installation by their id (1-255); `current` makes new values."""

    secrets: dict[int, bytes]
    current: int
    derived: dict[tuple[str, int], bytes] = field(default_factory=dict, repr=False, compare=False)

    def purpose(self, name: str, key_id: int | None = None) -> bytes:
        """32 octets for one purpose only. Raises KeyError for an unknown key id."""
        wanted = (name, self.current if key_id is None else key_id)
        if wanted not in self.derived:
            hkdf = HKDF(SHA256(), length=32, salt=b"gatepost", info=name.encode())
            self.derived[wanted] = hkdf.derive(self.secrets[wanted[1]])
        return self.derived[wanted]


def make_keys(path: Path) -> Keys:
    """Write a new key file with mode 0600; an existing one is never touched (FileExistsError)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"1 {secrets.token_hex(32)}\n")
        file.flush()
        os.fsync(file.fileno())
    return load_keys(path)


def load_keys(path: Path) -> Keys:
    """Read the key file. Raises KeyFileError when it is missing, readable by others, or damaged."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="ascii").split("\n")
    except FileNotFoundError:
        raise KeyFileError(
            f"key file {path} is not there: put your copy back, or, where there is no data yet, run `gatepost init`"
        ) from None
    except UnicodeDecodeError:
        raise KeyFileError(f"key file {path} is damaged: put your copy of it back") from None
    except OSError as error:
        raise KeyFileError(f"key file {path} cannot be read: {error.strerror or error}") from None
    if mode & 0o077:
        raise KeyFileError(f"key file {path} is readable by others: run chmod 600 {path}")
    try:
        found = {
            int(number): bytes.fromhex(digits) for number, digits in (line.split() for line in lines if line.strip())
        }
    except ValueError:
        raise KeyFileError(f"key file {path} is damaged: each line must be `id hex`") from None
    if not found or any(len(secret) != 32 or not 0 < number < 256 for number, secret in found.items()):
        raise KeyFileError(f"key file {path} is damaged: it needs keys of 64 hexadecimal digits, ids 1 to 255")
    return Keys(found, list(found)[-1])


def seal(keys: Keys, aad: str, plain: bytes) -> bytes:
    """Encrypt for one place: `aad` names table, column and row, so that a stolen value cannot be moved."""
    nonce = secrets.token_bytes(NONCE)
    cipher = AESGCM(keys.purpose("seal")).encrypt(nonce, plain, aad.encode())
    return bytes([keys.current]) + nonce + cipher


def unseal(keys: Keys, aad: str, sealed: bytes) -> bytes:
    """What was sealed for this place. Raises SealError."""
    try:
        key = keys.purpose("seal", sealed[0])
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], aad.encode())
    except (IndexError, KeyError, ValueError, InvalidTag):
        raise SealError(f"{aad} cannot be read with this key file") from None


def secret_hash(keys: Keys, secret: str) -> str:
    """Keyed SHA-256 of a generated 256-bit secret, in hex; `id:digest`, so that a rotation leaves it valid."""
    return f"{keys.current}:{keyed(keys, secret, keys.current)}"


def secret_matches(keys: Keys, secret: str, stored: str) -> bool:
    """Whether a secret is the stored one, compared in constant time; an empty one never is."""
    number, _, digest = stored.partition(":")
    if not secret or not digest or not number.isdigit() or int(number) not in keys.secrets:
        return False
    return hmac.compare_digest(keyed(keys, secret, int(number)), digest)


def keyed(keys: Keys, secret: str, key_id: int) -> str:
    return hmac.new(keys.purpose("secret", key_id), secret.encode(), hashlib.sha256).hexdigest()
