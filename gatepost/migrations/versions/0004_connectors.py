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
    add_whole()
    add_sending()
    add_write_back()
    add_idling()
    add_connecting()
    add_placing()
    add_sides()


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


def add_whole() -> None:
    """What of the mail that was there is fetched, whether all of it is here, and who was told what."""
    time = sa.DateTime(timezone=True)
    for name, default in (("import_choice", "all"), ("import_state", ""), ("told", "")):
        op.add_column("account", sa.Column(name, sa.String(), nullable=False, server_default=default))
    for name in ("import_total", "import_done"):
        op.add_column("account", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("account", sa.Column("import_from", time, nullable=True))
    op.add_column("account", sa.Column("import_preview", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("cursor", sa.Column("import_until", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE account SET told = state")
    sums = ("on_server", "stored", "skipped", "waiting", "missing")
    op.create_table(
        "completeness",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in sums),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("uids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "folder", "day"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.create_table(
        "verification",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("next_at", time, nullable=False),
        sa.Column("checked_at", time, nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in (*sums, "refetched", "tries")),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.create_index("ix_verification_next_at", "verification", ["next_at"])
    op.create_table(
        "expiry_told",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("ends_at", time, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def add_idling() -> None:
    """Which process watches which mailbox, and how that goes."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "idler",
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", time, nullable=False),
        sa.PrimaryKeyConstraint("holder"),
    )
    op.create_table(
        "idling",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("since", time, nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.create_index("ix_idling_holder", "idling", ["holder"])


def add_sending() -> None:
    """Where accounts send, copies in their Sent folders, ids that servers gave our mails."""
    time = sa.DateTime(timezone=True)
    words = (("smtp_host", ""), ("smtp_security", ""), ("sent_copy", "auto"), ("sent_folder", ""))
    for name, default in words:
        op.add_column("account", sa.Column(name, sa.String(), nullable=False, server_default=default))
    op.add_column("account", sa.Column("smtp_port", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("account", sa.Column("two_way", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("arrival", sa.Column("sent", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "sent_copy",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("header_id", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", time, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "account_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.create_index("ix_sent_copy_due", "sent_copy", ["state", "next_at"])
    op.create_table(
        "other_id",
        sa.Column("header_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("header_id", "message_id"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
    )
    op.create_index("ix_other_id_message_id", "other_id", ["message_id"])


def add_write_back() -> None:
    """What was done here and is to be done at the provider."""
    op.create_table(
        "write_back",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("arrival_id", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrival.id"]),
    )
    op.create_index("ix_write_back_due", "write_back", ["state", "next_at"])
    op.create_index("ix_write_back_arrival_id", "write_back", ["arrival_id"])


def add_connecting() -> None:
    """Logins at providers under way, links for colleagues, and approvals that administrators were asked for."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "connect_attempt",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("flow_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("link_hash", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        *(sa.Column(name, time, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("used_at", time, nullable=True),
        sa.PrimaryKeyConstraint("state_hash"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    op.create_table(
        "connect_link",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("token_hash", "channel_id", "address")),
        sa.Column("user_id", sa.String(), nullable=True),
        *(sa.Column(name, time, nullable=False) for name in ("created_at", "expires_at")),
        sa.Column("used_at", time, nullable=True),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    op.create_table(
        "admin_approval",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("id", "channel_id", "provider", "address")),
        sa.Column("tenant", sa.String(), nullable=False),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("app_only", "by_link")),
        sa.Column("user_id", sa.String(), nullable=True),
        *(sa.Column(name, time, nullable=False) for name in ("created_at", "expires_at")),
        *(sa.Column(name, time, nullable=True) for name in ("approved_at", "finished_at")),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )
    for table in ("connect_attempt", "connect_link", "admin_approval"):
        op.create_index(f"ix_{table}_channel_id", table, ["channel_id"])


def add_placing() -> None:
    """By which policy mail was placed anew."""
    op.add_column("correction", sa.Column("policy", sa.String(), nullable=False, server_default=""))


def add_sides() -> None:
    """Conversations with third people about another conversation."""
    op.create_table(
        "side_conversation",
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["parent_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.PrimaryKeyConstraint("conversation_id"),
    )
    op.create_index("ix_side_conversation_parent_id", "side_conversation", ["parent_id"])


def downgrade() -> None:
    """There is no way back: a database is taken back by restoring its copy."""
    raise NotImplementedError("Gatepost does not go back to an earlier schema; restore the copy made before")
