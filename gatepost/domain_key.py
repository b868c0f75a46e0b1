"""The DKIM key of a domain of ours (RFC 6376 section 3.6.1): made here, published by its owner."""

import base64
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def make_key() -> tuple[bytes, str]:
    """A new rsa-2048 key: the private half as PEM (PKCS 8) and the text of its DNS record."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, public_record(private)


def public_record(private: rsa.RSAPrivateKey) -> str:
    """The TXT record that publishes the public half."""
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode('ascii')}"


@lru_cache(maxsize=256)
def load_key(pem: bytes) -> rsa.RSAPrivateKey:
    """The private key in a PEM, read once. Raises ValueError when it is not an RSA key of at least 1,024 bit."""
    private = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < 1024:
        raise ValueError("not an RSA key of at least 1,024 bit")
    return private
