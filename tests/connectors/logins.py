"""Logging in at the rig's identity provider, as the tests of OAuth and of access do it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gatepost.connectors import oauth
from gatepost.connectors.grant import Client, Granted
from gatepost.connectors.provider import Provider, configure_all
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.http import Guard
from tests.rig.identity import GOOGLE_CLIENT, MICROSOFT_CLIENT, REDIRECT, Identity
from tests.rig.identity_state import Person
from tests.rig.walker import walk

CLIENTS = {"google": Client("google", *GOOGLE_CLIENT), "microsoft": Client("microsoft", *MICROSOFT_CLIENT)}
TENANT_OF = {"google": "", "microsoft": "contoso"}


def guard_of(identity: Identity) -> Guard:
    return Guard(private=True, ca=str(identity.certificate))


def provider_at(identity: Identity, key: str) -> Provider:
    return configure_all(PROVIDERS, identity.providers)[key]


def providers_at(values: Mapping[str, Mapping[str, str]]) -> dict[str, Provider]:
    return configure_all(PROVIDERS, values)


def log_in(
    identity: Identity,
    key: str,
    person: Person,
    *,
    walking: Mapping[str, Any] | None = None,
    client: Client | None = None,
    **begin: Any,
) -> Granted:
    """The whole way: begin, the pages, finish."""
    provider, guard = provider_at(identity, key), guard_of(identity)
    used = client or CLIENTS[key]
    begun = oauth.begin(provider, used, redirect_uri=REDIRECT, state="the-state", guard=guard, **begin)
    query = walk(identity, begun.url, person, **(walking or {}))
    return oauth.finish(provider, used, begun.flow, query, now=datetime.now(UTC), guard=guard)
