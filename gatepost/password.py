"""People's passwords: argon2id, at most two at a time, and the same work for a user that does not exist."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
LONGEST = 256

_hasher = PasswordHasher()
_turn = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """An argon2id hash with its parameters. Takes about 50 ms and 64 MB."""
    with _turn:
        return _hasher.hash(password)


def check_password(password: str, stored: str | None) -> bool:
    """Whether this is the password of the hash; without a hash the same time passes and the answer is no."""
    if len(password) > LONGEST:
        return False
    with _turn:
        try:
            return _hasher.verify(stored or _nobody(), password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def problem_of(password: str, email: str = "") -> str | None:
    """Why a new password is not taken, as a sentence for the form, or None."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a few words in a row are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if len(set(password)) < 5:
        return "This password repeats itself too much to be safe."
    local = email.partition("@")[0].casefold()
    if email and password.casefold() in (email.casefold(), local * 2, f"{local}12345"):
        return "Choose a password that is not your email address."
    return None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody")
