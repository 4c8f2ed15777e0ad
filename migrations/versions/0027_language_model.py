"""A language model: who agreed to it, what it was asked; and drafts of answers that wait for their user."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0027"
down_revision = "0026"

# The console hears of drafts as it does of calls.
TELL = """
create trigger tell_console after insert or update on reply_drafts
    for each row execute function tell_console('drafts');
"""


def upgrade() -> None:
    create_consents()
    create_questions()
    create_drafts()
    op.add_column("calls", sa.Column("worded_by", sa.Text(), nullable=True))
    for table in ("model_consents", "model_questions", "reply_drafts"):
        protect(table)
    audit("model_consents")
    audit("reply_drafts", hidden=["subject", "body"])
    execute(TELL)
    grant(context.config.attributes["app_role"])


def create_consents() -> None:
    op.create_table(
        "model_consents",
        *tenant("model_consents"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        *_moments("given_at"),
        *_moments("withdrawn_at", nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        _of_user("model_consents"),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"], ["users.id"], name="fk_model_consents_withdrawn_by", ondelete="SET NULL"
        ),
    )
    op.create_index(
        "ix_model_consents_given",
        "model_consents",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )


def create_questions() -> None:
    op.create_table(
        "model_questions",
        *tenant("model_questions"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in ("characters", "input_tokens", "output_tokens")),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        *_moments("asked_at"),
        _of_user("model_questions"),
    )
    op.create_index(
        "ix_model_questions_answered",
        "model_questions",
        ["workspace_id", "user_id", "digest"],
        unique=True,
        postgresql_where=sa.text("answer is not null"),
    )
    _index("model_questions", ["workspace_id", "asked_at"])


def create_drafts() -> None:
    op.create_table(
        "reply_drafts",
        *tenant("reply_drafts"),
        *(sa.Column(each, sa.Uuid(), nullable=False) for each in ("user_id", "mailbox_id", "thread_id", "message_id")),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        *(sa.Column(each, sa.String(40), nullable=False) for each in ("state", "written_by")),
        *(
            sa.Column(each, sa.Text(), nullable=False)
            for each in ("recipient", "recipient_name", "subject", "body", "language")
        ),
        *(sa.Column(each, sa.Text(), nullable=True) for each in ("model", "note")),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in ("tries", "approvals")),
        *_moments("edited_at", "decided_at", "sent_at", nullable=True),
        *_moments("created_at", "updated_at"),
        _of_user("reply_drafts"),
        *(
            sa.ForeignKeyConstraint(
                ["workspace_id", column],
                [f"{table}.workspace_id", f"{table}.id"],
                name=f"fk_reply_drafts_workspace_id_{column}",
                ondelete="CASCADE",
            )
            for column, table in (("mailbox_id", "mailboxes"), ("thread_id", "threads"), ("message_id", "messages"))
        ),
    )
    op.create_index(
        "ix_reply_drafts_open",
        "reply_drafts",
        ["workspace_id", "message_id"],
        unique=True,
        postgresql_where=sa.text("state in ('writing', 'waiting', 'approved')"),
    )
    _index("reply_drafts", ["workspace_id", "user_id", "created_at", "id"])


def _moments(*names: str, nullable: bool = False) -> list[sa.Column[sa.DateTime]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _index(table: str, columns: Sequence[str]) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")
