"""Rows of connecting mailboxes at providers."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class OAuthClient(SQLModel, table=True):
    """What Gatepost is registered as at a provider; one for each.

    `tenant` is Microsoft's directory where the registration is for one alone. `audience` is who may connect: `internal`
    (one organisation), `external`, or `testing` (Google ends its tokens after seven days).
    """

    __tablename__ = "oauth_client"
    provider: str = Field(primary_key=True)
    client_id: str
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    tenant: str = ""
    audience: str = "internal"
    secret_expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
