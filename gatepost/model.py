"""The rows. Types carry the shape; only `gatepost.store`, `ledger` and the migrations touch them with SQL.

Times are UTC. `why` columns hold the ordered reasons of a decision as JSON, as people are shown them.
"""

from sqlmodel import SQLModel

from gatepost.model_agents import Acknowledgement, AgentAddress, AgentCopy, AgentMail, AutomaticMail, Breaker, Follower
from gatepost.model_base import UTCDateTime, Why
from gatepost.model_connecting import AdminApproval, ConnectAttempt, ConnectLink
from gatepost.model_connectors import Completeness, ExpiryTold, Idler, Idling, OAuthClient, Verification
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
    LeftOut,
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
from gatepost.model_placing import ConversationChannel, Correction, SideConversation
from gatepost.model_sending import OtherId, SentCopy, WriteBack

__all__ = [
    "Account",
    "Acknowledgement",
    "AdminApproval",
    "AgentAddress",
    "AgentCopy",
    "AgentMail",
    "Arrival",
    "AutomaticMail",
    "Breaker",
    "Channel",
    "ChannelAlias",
    "Completeness",
    "ConnectAttempt",
    "ConnectLink",
    "Contact",
    "Conversation",
    "ConversationChannel",
    "Correction",
    "Counter",
    "Credential",
    "Cursor",
    "Delivery",
    "DeliveryEvent",
    "Destination",
    "Domain",
    "DomainKey",
    "Event",
    "ExpiryTold",
    "Follower",
    "Idempotency",
    "Idler",
    "Idling",
    "Invite",
    "KnownId",
    "LeftOut",
    "LoginFailure",
    "LoginSession",
    "Membership",
    "Message",
    "OAuthClient",
    "OtherId",
    "Participant",
    "Raw",
    "Route",
    "SQLModel",
    "SandboxMail",
    "Seen",
    "Sender",
    "SentCopy",
    "SideConversation",
    "Suppression",
    "Transcript",
    "UTCDateTime",
    "Unsubscribe",
    "User",
    "Verification",
    "View",
    "Webhook",
    "WebhookCall",
    "Why",
    "WriteBack",
]
