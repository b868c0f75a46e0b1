"""The servers that connector tests talk to."""

from tests.rig.dovecot import dovecot, shared_dovecot

__all__ = ["dovecot", "shared_dovecot"]
