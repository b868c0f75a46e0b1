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


def add_folder_roles() -> None:
    """Whether a folder is read where nobody said anything about it, and why."""
    op.add_column("cursor", sa.Column("by_role", sa.Boolean(), nullable=True))
    op.add_column("cursor", sa.Column("role_why", sa.String(), nullable=False, server_default=""))


def add_snoozed_index() -> None:
    """What is snoozed is found without reading every conversation."""
    op.create_index("ix_conversation_snoozed_until", "conversation", ["snoozed_until"])


def add_processes() -> None:
    """Which process reads or watches a mailbox, so that what a dead one held is free at once."""
    op.add_column("account", sa.Column("lease_process", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("idler", sa.Column("process", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
