"""Sender identity, routes and delivery truth."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the gateway needs."""
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
