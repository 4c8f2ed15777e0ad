"""Keeping a whole mailbox from sending for a while: one row for the mailbox, none for each of its mails."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.sending.models import Hold, MailboxPace

Place = tuple[UUID, UUID]  # workspace, mailbox


async def hold(
    db: AsyncSession, until: Sequence[tuple[Place, datetime]], *, why: Hold, reason: str | None = None
) -> None:
    """Keeps mailboxes, each named by workspace and id, from sending until a moment, and says why."""
    if not until:
        return
    statement = insert(MailboxPace).values(
        workspace_id=bindparam("workspace_id"),
        mailbox_id=bindparam("mailbox_id"),
        held_until=bindparam("held_until"),
        held_for=why,
        held_reason=reason,
    )
    new = statement.excluded
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "mailbox_id"],
            set_={"held_until": new.held_until, "held_for": new.held_for, "held_reason": new.held_reason},
            # What holds a mailbox longer stands: a gap must not end a pause.
            where=or_(MailboxPace.held_until.is_(None), MailboxPace.held_until < new.held_until),
        ),
        [
            {"workspace_id": workspace_id, "mailbox_id": mailbox_id, "held_until": at}
            for (workspace_id, mailbox_id), at in until
        ],
    )


async def lift(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, holds: Collection[Hold]) -> None:
    """Ends these holds of a mailbox; any other stands."""
    await db.execute(
        update(MailboxPace)
        .where(
            MailboxPace.workspace_id == workspace_id,
            MailboxPace.mailbox_id == mailbox_id,
            MailboxPace.held_for.in_(holds),
        )
        .values(held_until=None, held_for=None, held_reason=None)
        .execution_options(synchronize_session=False)
    )
