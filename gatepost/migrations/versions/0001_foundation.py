"""The tables of the foundation."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def text(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.String(), nullable=null)


def number(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.Integer(), nullable=null)


def large(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.BigInteger(), nullable=null)


def flag(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.Boolean(), nullable=null)


def json(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.JSON(), nullable=null)


def octets(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def time(name: str, null: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    create_people()
    create_channels()
    create_accounts()
    create_conversations()
    create_messages()
    create_arrivals()
    create_deliveries()
    create_outside()
    create_records()


def downgrade() -> None:
    for table in reversed(sa.inspect(op.get_bind()).get_sorted_table_and_fkc_names()[:-1]):
        if table[0] != "alembic_version":
            op.drop_table(table[0] or "")


def create_people() -> None:
    op.create_table(
        "user", text("id"), text("email"), text("name"), text("role"), text("password_hash", null=True),
        flag("must_change_password"), time("disabled_at", null=True), time("created_at"),
        sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("email"),
    )  # fmt: skip
    op.create_table(
        "loginsession", text("token_hash"), text("user_id"), time("created_at"), time("seen_at"), time("expires_at"),
        text("agent"), text("ip"), sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )  # fmt: skip
    op.create_index("ix_loginsession_user_id", "loginsession", ["user_id"])
    op.create_table(
        "invite", text("token_hash"), text("user_id"), text("purpose"), time("created_at"), time("expires_at"),
        time("used_at", null=True), sa.PrimaryKeyConstraint("token_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
    )  # fmt: skip
    op.create_index("ix_invite_user_id", "invite", ["user_id"])
    op.create_table(
        "loginfailure", number("id"), text("account"), text("net"), time("at"), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("ix_loginfailure_account", "loginfailure", ["account"])
    op.create_index("ix_loginfailure_at", "loginfailure", ["at"])
    op.create_index("ix_loginfailure_net", "loginfailure", ["net"])


def create_channels() -> None:
    op.create_table(
        "channel", text("id"), text("name"), text("address"), text("sender_name"), text("footer"), text("state"),
        flag("visible"), flag("by_mx"), time("created_at"), sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
    )  # fmt: skip
    op.create_table(
        "channel_alias", text("address"), text("channel_id"), sa.PrimaryKeyConstraint("address"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )  # fmt: skip
    op.create_index("ix_channel_alias_channel_id", "channel_alias", ["channel_id"])
    op.create_table(
        "membership", text("user_id"), text("channel_id"), sa.PrimaryKeyConstraint("user_id", "channel_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]), sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )  # fmt: skip
    op.create_table(
        "credential", text("id"), text("kind"), text("name"), text("username"), text("secret_hash"), json("scopes"),
        json("senders"), json("networks"), text("conversations"), flag("held"), text("tag"),
        time("disabled_at", null=True), time("last_used_at", null=True), time("created_at"),
        sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("username"),
    )  # fmt: skip
    op.create_table(
        "domain", text("id"), text("name"), text("selector"), octets("private_sealed"), text("public_record"),
        time("created_at"), sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("name"),
    )  # fmt: skip


def create_accounts() -> None:
    op.create_table(
        "account", text("id"), text("channel_id"), text("host"), number("port"), text("security"), text("username"),
        octets("secret_sealed"), text("folder"), text("authserv_id", null=True), text("state"), time("state_since"),
        text("state_why"), time("last_sync_at", null=True), time("next_poll_at"), number("failures"),
        time("lease_until", null=True), number("lease_fence"), time("created_at"), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
    )  # fmt: skip
    op.create_index("ix_account_channel_id", "account", ["channel_id"])
    op.create_table(
        "cursor", text("account_id"), text("folder"), large("uidvalidity"), large("last_uid"),
        sa.PrimaryKeyConstraint("account_id", "folder"), sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )  # fmt: skip


def create_conversations() -> None:
    op.create_table(
        "contact", text("id"), text("address"), text("name"), time("created_at"), sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address"),
    )  # fmt: skip
    op.create_table(
        "conversation", text("id"), number("number"), text("subject"), text("snippet"),
        text("channel_id", null=True), text("credential_id", null=True), text("requester"), text("state"),
        text("assignee_id", null=True), text("origin_id", null=True), text("claims_id", null=True), json("tags"),
        number("messages"), number("failed"), time("created_at"), time("updated_at"), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"]),
        sa.ForeignKeyConstraint(["assignee_id"], ["user.id"]), sa.UniqueConstraint("number"),
    )  # fmt: skip
    op.create_index("ix_conversation_assignee_id", "conversation", ["assignee_id"])
    op.create_index("ix_conversation_channel_id", "conversation", ["channel_id"])
    op.create_index("ix_conversation_failed", "conversation", ["failed"])
    op.create_index("ix_conversation_origin_id", "conversation", ["origin_id"])
    op.create_index("ix_conversation_requester", "conversation", ["requester"])
    op.create_index("ix_conversation_state", "conversation", ["state"])
    op.create_index("ix_conversation_updated_at", "conversation", ["updated_at"])
    op.create_table(
        "participant", text("conversation_id"), text("address"), text("name"), text("role"),
        sa.PrimaryKeyConstraint("conversation_id", "address"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
    )  # fmt: skip
    op.create_index("ix_participant_address", "participant", ["address"])
    op.create_table(
        "seen", text("user_id"), text("conversation_id"), time("at"),
        sa.PrimaryKeyConstraint("user_id", "conversation_id"), sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
    )  # fmt: skip
    op.create_table(
        "known_id", text("message_id"), text("conversation_id"), text("message_pk", null=True),
        sa.PrimaryKeyConstraint("message_id", "conversation_id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
    )  # fmt: skip


def create_messages() -> None:
    op.create_table(
        "message", text("id"), text("direction"), text("digest"), text("kind"), text("message_id"), text("raw_id"),
        text("subject"), text("from_name"), text("from_address"), json("recipients_shown"), text("snippet"),
        time("at"), time("sent_at", null=True), number("size"), text("envelope_from"),
        text("conversation_id", null=True), text("channel_id", null=True), text("credential_id", null=True),
        text("user_id", null=True), text("trigger"), text("outcome"), text("strength"), flag("verified"),
        json("auth"), json("why"), number("attachments"), json("dsn"), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]), sa.UniqueConstraint("direction", "digest"),
    )  # fmt: skip
    op.create_index("ix_message_at", "message", ["at"])
    op.create_index("ix_message_conversation", "message", ["conversation_id", "at"])
    op.create_index("ix_message_credential_id", "message", ["credential_id"])
    op.create_index("ix_message_message_id", "message", ["message_id"])
    op.create_table(
        "raw", text("id"), octets("data", null=True), text("blob", null=True), number("size"),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip


def create_arrivals() -> None:
    op.create_table(
        "arrival", text("id"), text("receipt"), text("inlet"), text("envelope_from"), text("recipient"),
        text("remote_ip"), text("helo"), text("account_id", null=True), text("channel_id", null=True), json("auth"),
        text("strength"), text("raw_id"), time("received_at"), text("outcome"), text("outcome_why"), number("tries"),
        text("message_id", null=True), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"]), sa.ForeignKeyConstraint(["raw_id"], ["raw.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]), sa.UniqueConstraint("receipt"),
    )  # fmt: skip
    op.create_index("ix_arrival_message_id", "arrival", ["message_id"])
    op.create_index("ix_arrival_outcome", "arrival", ["outcome"])
    op.create_index("ix_arrival_received_at", "arrival", ["received_at"])
    op.create_table(
        "view", text("account_id"), text("folder"), large("uidvalidity"), large("uid"), text("arrival_id"),
        sa.PrimaryKeyConstraint("account_id", "folder", "uidvalidity", "uid"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["arrival_id"], ["arrival.id"]),
    )  # fmt: skip
    op.create_index("ix_view_arrival_id", "view", ["arrival_id"])


def create_deliveries() -> None:
    op.create_table(
        "delivery", text("id"), text("message_id"), text("recipient"), text("state"), number("attempts"),
        time("next_attempt_at", null=True), time("lease_until", null=True), number("fence"),
        number("code", null=True), text("status", null=True), text("text"), text("remote_host"), text("route"),
        flag("reported"), text("notify"), text("orcpt"), time("notified_at", null=True), time("created_at"),
        time("updated_at"), sa.PrimaryKeyConstraint("id"), sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.UniqueConstraint("message_id", "recipient"),
    )  # fmt: skip
    op.create_index("ix_delivery_due", "delivery", ["state", "next_attempt_at"])
    op.create_index("ix_delivery_recipient", "delivery", ["recipient"])
    op.create_table(
        "delivery_event", text("id"), text("delivery_id"), time("at"), text("state"), text("source"),
        number("attempt"), number("code", null=True), text("status", null=True), text("text"), text("remote_host"),
        time("next_attempt_at", null=True), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
    )  # fmt: skip
    op.create_index("ix_delivery_event_delivery_id", "delivery_event", ["delivery_id"])
    op.create_table(
        "transcript", text("event_id"), text("text"), time("at"), sa.PrimaryKeyConstraint("event_id"),
        sa.ForeignKeyConstraint(["event_id"], ["delivery_event.id"]),
    )  # fmt: skip
    op.create_index("ix_transcript_at", "transcript", ["at"])
    op.create_table(
        "sandbox_mail", text("id"), text("delivery_id"), text("message_id"), text("mail_from"), text("recipient"),
        time("at"), number("code", null=True), text("status", null=True), text("text"),
        sa.PrimaryKeyConstraint("id"), sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
    )  # fmt: skip
    op.create_index("ix_sandbox_mail_at", "sandbox_mail", ["at"])
    op.create_index("ix_sandbox_mail_delivery_id", "sandbox_mail", ["delivery_id"])
    op.create_index("ix_sandbox_mail_message_id", "sandbox_mail", ["message_id"])


def create_outside() -> None:
    op.create_table(
        "suppression", text("address"), text("reason"), text("evidence"), text("source"),
        text("delivery_id", null=True), time("at"), time("expires_at", null=True),
        sa.PrimaryKeyConstraint("address"), sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
    )  # fmt: skip
    op.create_table(
        "destination", text("domain"), text("tls_level"), time("tls_seen_at", null=True), flag("require_tls"),
        text("sts_id"), json("sts_policy"), time("sts_expires_at", null=True), sa.PrimaryKeyConstraint("domain"),
    )  # fmt: skip
    op.create_table(
        "webhook", text("id"), text("url"), octets("secret_sealed"), octets("old_secret_sealed", null=True),
        json("kinds"), text("credential_id", null=True), number("position"), number("failures"),
        time("disabled_at", null=True), text("disabled_why"), time("created_at"), sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"]),
    )  # fmt: skip
    op.create_table(
        "webhook_call", text("id"), text("webhook_id"), number("seq"), text("kind"), text("thread"), json("payload"),
        text("state"), number("attempts"), time("next_attempt_at", null=True), time("lease_until", null=True),
        number("fence"), number("code", null=True), text("answer"), time("created_at"), time("updated_at"),
        sa.PrimaryKeyConstraint("id"), sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"]),
    )  # fmt: skip
    op.create_index("ix_webhook_call_due", "webhook_call", ["state", "next_attempt_at"])
    op.create_index("ix_webhook_call_thread", "webhook_call", ["webhook_id", "thread", "seq"])


def create_records() -> None:
    op.create_table(
        "event", number("seq"), time("at"), text("kind"), text("conversation_id", null=True),
        text("message_id", null=True), text("delivery_id", null=True), text("channel_id", null=True),
        text("user_id", null=True), json("data"), sa.PrimaryKeyConstraint("seq"),
    )  # fmt: skip
    op.create_index("ix_event_conversation_id", "event", ["conversation_id"])
    op.create_index("ix_event_message_id", "event", ["message_id"])
    op.create_index("ix_event_delivery_id", "event", ["delivery_id"])
    op.create_table(
        "idempotency", text("credential_id"), text("key"), text("request_hash"), text("message_id"), time("at"),
        sa.PrimaryKeyConstraint("credential_id", "key"),
    )  # fmt: skip
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "counter", text("name"), number("value"), sa.PrimaryKeyConstraint("name"),
    )  # fmt: skip
