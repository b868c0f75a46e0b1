"""The DKIM keys of a domain of ours (RFC 6376 section 3.6.1, RFC 8463): made here, published by its owner."""

import base64
from enum import StrEnum
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

RSA = "rsa-sha256"
ED25519 = "ed25519-sha256"
ALGORITHMS = (RSA, ED25519)
RESERVED = ("example", "invalid", "localhost", "test")
RESERVED_NAMES = ("example.com", "example.net", "example.org")

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class KeyState(StrEnum):
    """Made, not published; seen in the DNS; signing; stopped, but mail of it is under way; erased."""

    MADE = "made"
    SEEN = "seen"
    SIGNING = "signing"
    STOPPED = "stopped"
    RETIRED = "retired"


def make_key(algorithm: str = RSA) -> tuple[bytes, str]:
    """A new key (rsa of 2,048 bit): the private half as PEM (PKCS 8) and the text of its DNS record."""
    private: PrivateKey
    if algorithm == ED25519:
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, public_record(private)


def public_record(private: PrivateKey) -> str:
    """The TXT record that publishes the public half."""
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(public.public_bytes_raw()).decode('ascii')}"
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode('ascii')}"


def algorithm_of(private: PrivateKey) -> str:
    """The `a=` of signatures by this key."""
    return RSA if isinstance(private, rsa.RSAPrivateKey) else ED25519


@lru_cache(maxsize=256)
def load_key(pem: bytes) -> PrivateKey:
    """The private key in a PEM, read once. Raises ValueError when it is no Ed25519 key or RSA key of 1,024 bit."""
    private = serialization.load_pem_private_key(pem, password=None)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < 1024:
        raise ValueError("neither an Ed25519 key nor an RSA key of at least 1,024 bit")
    return private


def is_reserved(domain: str) -> bool:
    """Whether a name is for trials and documents: the world's DNS has no such domain (RFC 6761)."""
    return domain.rpartition(".")[2] in RESERVED or ".".join(domain.split(".")[-2:]) in RESERVED_NAMES
