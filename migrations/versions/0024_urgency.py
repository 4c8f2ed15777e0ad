"""Urgency: judgements of mail, the user's word on them, and what is learnt from it."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, grant, protect, tenant

revision = "0024"
down_revision = "0023"

TABLES = ("message_judgements", "judgement_corrections", "urgency_models")


def upgrade() -> None:
    create_judgements()
    create_corrections()
    create_models()
    for table in TABLES:
        protect(table)
    # Judgements follow from mail, and models from corrections; these alone are somebody's doing.
    audit("judgement_corrections")
    grant(context.config.attributes["app_role"])


def create_judgements() -> None:
    op.create_table(
        "message_judgements",
        *tenant("message_judgements"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("user_id", "message_id")),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("decided_by", "sentence")),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("received_at", "judged_at")),
        *_of_mail("message_judgements"),
    )
    columns = ["workspace_id", "user_id", "received_at", "id"]
    op.create_index("ix_message_judgements_workspace_id_user_id_received_at_id", "message_judgements", columns)
    op.create_index(
        "ix_message_judgements_urgent", "message_judgements", columns, postgresql_where=sa.text("is_urgent")
    )


def create_corrections() -> None:
    op.create_table(
        "judgement_corrections",
        *tenant("judgement_corrections"),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("user_id", "message_id")),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("topic", sa.String(40), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("created_at", "updated_at")),
        *_of_mail("judgement_corrections"),
    )
    op.create_index(
        "ix_judgement_corrections_workspace_id_user_id_updated_at",
        "judgement_corrections",
        ["workspace_id", "user_id", "updated_at"],
    )


def create_models() -> None:
    op.create_table(
        "urgency_models",
        *tenant("urgency_models"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("learnt", postgresql.JSONB(), nullable=False),
        sa.Column("examples", sa.BigInteger(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        _of_user("urgency_models"),
        sa.UniqueConstraint("workspace_id", "user_id", name="uq_urgency_models_workspace_id_user_id"),
    )


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")


def _of_mail(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        _of_user(table),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            name=f"fk_{table}_workspace_id_message_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("workspace_id", "message_id", name=f"uq_{table}_workspace_id_message_id"),
    )
