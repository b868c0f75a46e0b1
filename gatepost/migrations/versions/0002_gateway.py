"""Sender identity, routes and delivery truth."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the gateway needs."""
    add_sender_identity()
    add_routes()
    add_streams()
    add_delivery_truth()


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")


def add_delivery_truth() -> None:
    """A reader's choice about codes, and contacts with several addresses."""
    op.add_column("user", sa.Column("show_codes", sa.Boolean(), nullable=True))
    op.add_column("contact", sa.Column("same_as", sa.String(), nullable=True))
    op.create_index("ix_contact_same_as", "contact", ["same_as"])


def add_routes() -> None:
    """Ways out beside that of the settings, and the one that a person chose for a delivery."""
    op.create_table(
        "route",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.add_column("delivery", sa.Column("via", sa.String(), nullable=False, server_default=""))


def add_streams() -> None:
    """Streams that their recipients can leave by themselves (RFC 8058), and who has left."""
    op.add_column("credential", sa.Column("stream", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "unsubscribe",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "address"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
    )


def add_sender_identity() -> None:
    """DKIM keys beside their domain, the evidence of the DNS, and confirmed addresses."""
    op.create_table(
        "domain_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("domain_id", sa.String(), nullable=False),
        sa.Column("selector", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public_record", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["domain_id"], ["domain.id"]),
        sa.UniqueConstraint("domain_id", "selector"),
    )
    op.execute(
        "INSERT INTO domain_key (id, domain_id, selector, algorithm, private_sealed, public_record, state, steps, "
        "created_at) SELECT id, id, selector, 'rsa-sha256', private_sealed, public_record, 'signing', '[]', created_at "
        "FROM domain"  # a sealed value names its row, so the first key keeps the domain's id
    )
    for name in ("selector", "private_sealed", "public_record"):
        op.drop_column("domain", name)
    for name in ("verified_at", "checked_at", "broken_at"):
        op.add_column("domain", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("domain", sa.Column("report", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "sender",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
    )
    op.create_index("ix_sender_token_hash", "sender", ["token_hash"])
    keep_listed_senders()


def keep_listed_senders() -> None:
    """What an admin had listed before there was any confirmation may be used as before: no mail stops by an upgrade."""
    time = sa.DateTime(timezone=True)
    credential = sa.table("credential", sa.column("senders", sa.JSON()), sa.column("created_at", time))
    channel = sa.table("channel", sa.column("address", sa.String()), sa.column("created_at", time))
    names = ("id", "address", "token_hash", "asked", "confirmed_at", "how", "created_at")
    kinds: dict[str, Any] = {"asked": sa.JSON(), "confirmed_at": time, "created_at": time}
    sender = sa.table("sender", *(sa.column(name, kinds.get(name, sa.String())) for name in names))
    bind = op.get_bind()
    listed = {row.address: row.created_at for row in bind.execute(sa.select(channel))}
    for row in bind.execute(sa.select(credential)):
        listed |= {address.lower(): row.created_at for address in row.senders}
    values = [
        {"id": f"snd_{number:032x}", "address": address, "token_hash": "", "asked": [], "confirmed_at": at,
         "how": "listed", "created_at": at}
        for number, (address, at) in enumerate(sorted(listed.items()), 1)
    ]  # fmt: skip
    if values:
        bind.execute(sender.insert(), values)
