"""What reading, placing and agents' mail need."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what threading needs."""
    add_agents_mail()
    add_placing()
    add_set_aside()


def add_agents_mail() -> None:
    """Agents who work by mail, who follows what, and what is sent by itself."""
    time = sa.DateTime(timezone=True)
    op.add_column("user", sa.Column("follows_assigned", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("conversation", sa.Column("snoozed_until", time, nullable=True))
    op.create_table(
        "follower",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("following", sa.Boolean(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "conversation_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
    )
    op.create_table(
        "agent_address",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_at", time, nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("confirmed_at", time, nullable=True),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("address"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    op.create_index("ix_agent_address_user_id", "agent_address", ["user_id"])
    op.create_index("ix_agent_address_token_hash", "agent_address", ["token_hash"])
    add_agents_copies()
    add_automatic_mail()


def add_agents_copies() -> None:
    """The copies that agents get, and what they answer."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "agent_copy",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("answers_id", sa.String(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("expires_at", time, nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    op.create_index("ix_agent_copy_conversation_id", "agent_copy", ["conversation_id"])
    op.create_index("ix_agent_copy_user_id", "agent_copy", ["user_id"])
    op.create_table(
        "agent_mail",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("copy_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("acted_at", time, nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["released_by"], ["user.id"]),
    )
    op.create_index("ix_agent_mail_copy_id", "agent_mail", ["copy_id"])


def add_automatic_mail() -> None:
    """Acknowledgements, what was sent by itself, and who gets none. What happened before this is told to nobody."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "acknowledgement",
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )
    op.create_table(
        "automatic_mail",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
    )
    op.create_index("ix_automatic_mail_address", "automatic_mail", ["address"])
    op.create_index("ix_automatic_mail_at", "automatic_mail", ["at"])
    op.create_table(
        "breaker",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("cycle", sa.JSON(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.execute("INSERT INTO counter (name, value) SELECT 'desk mail', COALESCE(MAX(seq), 0) FROM event")


def add_placing() -> None:
    """What servers say of fetched mail, what people corrected, and further mailboxes that show a conversation."""
    time = sa.DateTime(timezone=True)
    op.add_column("arrival", sa.Column("internal_date", time, nullable=True))
    op.add_column("arrival", sa.Column("provider_thread", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_arrival_provider_thread", "arrival", ["account_id", "provider_thread"])
    op.add_column("conversation", sa.Column("merged_into", sa.String(), nullable=True))
    op.create_index("ix_conversation_merged_into", "conversation", ["merged_into"])
    op.create_table(
        "conversation_channel",
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "channel_id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )
    op.create_index("ix_conversation_channel_channel_id", "conversation_channel", ["channel_id"])
    op.create_table(
        "correction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("undone_at", time, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["source_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["target_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    for name in ("source_id", "target_id"):
        op.create_index(f"ix_correction_{name}", "correction", [name])


def add_set_aside() -> None:
    """What a person decided about mail that was set aside."""
    op.add_column("arrival", sa.Column("decided", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
