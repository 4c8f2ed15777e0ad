"""People in the pipeline: what makes a contact a lead, tags, merges that can be undone, words to find people by; and
what the DNS says of a mailbox's domain.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from outrider.core.schema import audit, execute, grant, protect, tenant

revision = "0011"
down_revision = "0010"

TABLES = ("tags", "contact_tags", "contact_merges", "contact_words", "preflights")
# As `domain/people/words.py` writes them for every contact since.
WORDS = r"""
insert into contact_words (workspace_id, contact_id, word)
select distinct workspace_id, contact_id, replace(replace(replace(translate(regexp_replace(
    normalize(word, NFKD), '[\u0300-\u036f]', '', 'g'), 'łøđħŧıð', 'lodhtid'), 'æ', 'ae'), 'œ', 'oe'), 'ß', 'ss')
from (
    select workspace_id, id as contact_id, regexp_split_to_table(lower(name), '\W+') as word from contacts
    union all
    select c.workspace_id, c.id, regexp_split_to_table(lower(o ->> 'name'), '\W+')
    from contacts c cross join jsonb_array_elements(c.organisations) o where o ->> 'name' is not null
    union all
    select workspace_id, contact_id, address from contact_emails
    union all
    select workspace_id, contact_id, split_part(address, '@', 2) from contact_emails
    union all
    select workspace_id, contact_id, regexp_split_to_table(split_part(address, '@', 1), '[^[:alnum:]]+')
    from contact_emails
) found
where word <> ''
"""


def upgrade() -> None:
    extend_contacts()
    create_tags()
    create_merges()
    create_words()
    create_preflights()
    for table in TABLES:
        protect(table)
    audit("tags")
    audit("contact_tags")
    audit("contact_merges", hidden=["record"])  # the contacts' own entries hold the values
    grant(context.config.attributes["app_role"])


def extend_contacts() -> None:
    op.add_column("contacts", sa.Column("language", sa.Text(), nullable=False, server_default=""))
    op.add_column("contacts", sa.Column("status", sa.String(40), nullable=True))
    op.add_column("contacts", sa.Column("score", sa.Double(), nullable=True))
    op.add_column("contacts", sa.Column("details", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.add_column("contacts", sa.Column("merged_into", sa.Uuid(), nullable=True))
    for column in ("language", "details"):
        op.alter_column("contacts", column, server_default=None)
    op.create_check_constraint("ck_contacts_score", "contacts", "score between 0 and 10")
    op.create_foreign_key(
        "fk_contacts_workspace_id_merged_into",
        "contacts",
        "contacts",
        ["workspace_id", "merged_into"],
        ["workspace_id", "id"],
        ondelete="CASCADE",
    )
    # A page of contacts is walked by id, which grows with time; these two are what walks are narrowed by most.
    op.create_index(
        "ix_contacts_workspace_id_status_id",
        "contacts",
        ["workspace_id", "status", "id"],
        postgresql_where=sa.text("status is not null"),
    )
    op.create_index(
        "ix_contacts_workspace_id_merged_into",
        "contacts",
        ["workspace_id", "merged_into"],
        postgresql_where=sa.text("merged_into is not null"),
    )
    op.alter_column("contacts", "source", type_=sa.String(40))
    op.drop_index("ix_contacts_workspace_id_created_at", "contacts")
    # People of one office share its number.
    op.drop_constraint("uq_contact_phones_workspace_id_number", "contact_phones")
    op.create_unique_constraint(
        "uq_contact_phones_workspace_id_number_contact_id", "contact_phones", ["workspace_id", "number", "contact_id"]
    )


def create_tags() -> None:
    op.create_table(
        "tags",
        *tenant("tags"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("workspace_id", "name", name="uq_tags_workspace_id_name"),
    )
    op.create_table(
        "contact_tags",
        *tenant("contact_tags"),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        _within("contact_tags", "contact_id", "contacts"),
        _within("contact_tags", "tag_id", "tags"),
        sa.UniqueConstraint(
            "workspace_id", "contact_id", "tag_id", name="uq_contact_tags_workspace_id_contact_id_tag_id"
        ),
    )
    op.create_index(
        "ix_contact_tags_workspace_id_tag_id_contact_id", "contact_tags", ["workspace_id", "tag_id", "contact_id"]
    )


def create_merges() -> None:
    op.create_table(
        "contact_merges",
        *tenant("contact_merges"),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=True),
        sa.Column("record", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        _within("contact_merges", "kept_id", "contacts"),
        _within("contact_merges", "merged_id", "contacts"),
        sa.ForeignKeyConstraint(["merged_by"], ["users.id"], name="fk_contact_merges_merged_by", ondelete="SET NULL"),
    )
    op.create_index(
        "uq_contact_merges_workspace_id_merged_id",
        "contact_merges",
        ["workspace_id", "merged_id"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_index("ix_contact_merges_workspace_id_kept_id", "contact_merges", ["workspace_id", "kept_id"])


def create_words() -> None:
    # Compared byte by byte, so that a prefix is a range; such comparisons may use an index behind row-level security,
    # which the operators of full text and LIKE may not.
    op.create_table(
        "contact_words",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "contact_id", "word", name="pk_contact_words"),
        _within("contact_words", "contact_id", "contacts"),
    )
    op.create_index(
        "ix_contact_words_workspace_id_word_contact_id", "contact_words", ["workspace_id", "word", "contact_id"]
    )
    # The owner's eyes are bound by the wall too, and a backfill is no workspace's.
    for table in ("contacts", "contact_emails"):
        execute(f"alter table {table} no force row level security")
    execute(WORDS)
    for table in ("contacts", "contact_emails"):
        execute(f"alter table {table} force row level security")


def create_preflights() -> None:
    op.create_table(
        "preflights",
        *tenant("preflights"),
        sa.Column("mailbox_id", sa.Uuid(), nullable=False),
        sa.Column("checks", postgresql.JSONB(), nullable=False),
        sa.Column("examined_at", sa.DateTime(timezone=True), nullable=False),
        _within("preflights", "mailbox_id", "mailboxes"),
        sa.UniqueConstraint("workspace_id", "mailbox_id", name="uq_preflights_workspace_id_mailbox_id"),
    )


def _within(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", column],
        [f"{other}.workspace_id", f"{other}.id"],
        name=f"fk_{table}_workspace_id_{column}",
        ondelete="CASCADE",
    )
