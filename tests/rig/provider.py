"""A provider as a whole: the identity provider of the tests and a Dovecot that takes its tokens."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig.dovecot import Dovecot, started
from tests.rig.identity import Identity, serving


@dataclass(slots=True)
class ProviderRig:
    """Both servers, with one certificate."""

    identity: Identity
    dovecot: Dovecot

    @property
    def trust(self) -> Path:
        """The PEM file to trust."""
        return self.dovecot.certificate

    @property
    def providers(self) -> dict[str, dict[str, str]]:
        """The setting `providers` that leads the product here, with TLS for IMAP and STARTTLS for SMTP."""
        servers = {"imap": f"localhost:{self.dovecot.tls_port}"}
        if self.dovecot.submission_port:
            servers["smtp"] = f"localhost:{self.dovecot.submission_port}"
        return {key: {**values, **servers} for key, values in self.identity.providers.items()}

    @property
    def environ(self) -> Mapping[str, str]:
        """What the product as a process needs to know to use these servers as Google and Microsoft."""
        return {
            "SSL_CERT_FILE": str(self.trust),
            "GATEPOST_PROVIDERS": json.dumps(self.providers),
            "GATEPOST_PRIVATE_HOSTS": "true",
        }


@contextmanager
def providing(capability: str = "", relay_port: int = 0) -> Iterator[ProviderRig]:
    """A running provider (see `dovecot.started`)."""
    with serving() as identity, started(capability, identity, relay_port) as dovecot:
        yield ProviderRig(identity, dovecot)


@pytest.fixture(scope="module")
def provider_rig() -> Iterator[ProviderRig]:
    """One provider for the tests of a module: make new people, and name them in faults."""
    with providing() as rig:
        yield rig
