"""The rows. Types carry the shape; only `gatepost.store`, `ledger` and the migrations touch them with SQL.

Times are UTC. `why` columns hold the ordered reasons of a decision as JSON, as people are shown them.
"""

from sqlmodel import SQLModel

from gatepost.model_base import UTCDateTime, Why
from gatepost.model_events import (
    Counter,
    Destination,
    Event,
    Idempotency,
    Route,
    Suppression,
    Unsubscribe,
    Webhook,
    WebhookCall,
)
from gatepost.model_identity import Domain, DomainKey, Sender
from gatepost.model_mail import (
    Arrival,
    Contact,
    Conversation,
    Delivery,
    DeliveryEvent,
    KnownId,
    Message,
    Participant,
    Raw,
    SandboxMail,
    Seen,
    Transcript,
    View,
)
from gatepost.model_people import (
    Account,
    Channel,
    ChannelAlias,
    Credential,
    Cursor,
    Invite,
    LoginFailure,
    LoginSession,
    Membership,
    User,
)

__all__ = [
    "Account",
    "Arrival",
    "Channel",
    "ChannelAlias",
    "Contact",
    "Conversation",
    "Counter",
    "Credential",
    "Cursor",
    "Delivery",
    "DeliveryEvent",
    "Destination",
    "Domain",
    "DomainKey",
    "Event",
    "Idempotency",
    "Invite",
    "KnownId",
    "LoginFailure",
    "LoginSession",
    "Membership",
    "Message",
    "Participant",
    "Raw",
    "Route",
    "SQLModel",
    "SandboxMail",
    "Seen",
    "Sender",
    "Suppression",
    "Transcript",
    "UTCDateTime",
    "Unsubscribe",
    "User",
    "View",
    "Webhook",
    "WebhookCall",
    "Why",
]
