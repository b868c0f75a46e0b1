"""What connecting and syncing mailboxes at providers needs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what connectors need."""
    add_oauth()
    add_folders()


def add_oauth() -> None:
    """How an account logs in, by which tokens, who connected it; and what we are registered as at providers."""
    time = sa.DateTime(timezone=True)
    for name, default in (("address", ""), ("provider", "other"), ("auth", "password"), ("tenant", "")):
        op.add_column("account", sa.Column(name, sa.String(), nullable=False, server_default=default))
    op.add_column("account", sa.Column("scopes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("account", sa.Column("tokens_sealed", sa.LargeBinary(), nullable=True))
    for name in ("token_expires_at", "token_lease_until", "granted_at", "refreshed_at"):
        op.add_column("account", sa.Column(name, time, nullable=True))
    op.add_column("account", sa.Column("user_id", sa.String(), nullable=True))
    op.execute("UPDATE account SET address = lower(username) WHERE username LIKE '%@%'")
    op.create_table(
        "oauth_client",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("secret_expires_at", time, nullable=True),
        sa.Column("created_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.PrimaryKeyConstraint("provider"),
    )


def add_folders() -> None:
    """What is known of each folder, of each place in it, and which mails were left out on purpose."""
    time = sa.DateTime(timezone=True)
    for name in ("highestmodseq", "messages", "floor_uid"):
        op.add_column("cursor", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("role", "trouble"):
        op.add_column("cursor", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("cursor", sa.Column("chosen", sa.Boolean(), nullable=True))
    op.add_column("cursor", sa.Column("changes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("cursor", sa.Column("checked_at", time, nullable=True))
    for name in ("flags", "fingerprint", "gm_msgid"):
        op.add_column("view", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("view", sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("view", sa.Column("labels", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("view", sa.Column("gone_at", time, nullable=True))
    op.create_table(
        "left_out",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "folder", "uidvalidity", "uid"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
