"""What finishing the parts of connecting and sending needs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    add_folder_roles()
    add_snoozed_index()
    add_processes()
    add_deletion()


def add_folder_roles() -> None:
    """Whether a folder is read where nobody said anything about it, and why."""
    op.add_column("cursor", sa.Column("by_role", sa.Boolean(), nullable=True))
    op.add_column("cursor", sa.Column("role_why", sa.String(), nullable=False, server_default=""))


def add_snoozed_index() -> None:
    """What is snoozed is found without reading every conversation."""
    op.create_index("ix_conversation_snoozed_until", "conversation", ["snoozed_until"])


def add_deletion() -> None:
    """Conversations that people delete, and of which mail the content is gone for ever."""
    for name in ("deleted_at", "purged_at"):
        op.add_column("conversation", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in ("deleted_by", "deleted_from"):
        op.add_column("conversation", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("conversation", sa.Column("spam", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_conversation_deleted_at", "conversation", ["deleted_at"])
    for table in ("message", "raw"):
        op.add_column(table, sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    named = sa.text("blob IS NOT NULL")
    op.create_index("ix_raw_blob", "raw", ["blob"], sqlite_where=named, postgresql_where=named)
    for table, name in (("automatic_mail", "conversation_id"), ("agent_copy", "answers_id")):
        op.create_index(f"ix_{table}_{name}", table, [name])


def add_processes() -> None:
    """Which process reads or watches a mailbox, so that what a dead one held is free at once."""
    op.add_column("account", sa.Column("lease_process", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("idler", sa.Column("process", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
