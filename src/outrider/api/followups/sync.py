"""The whole state in one document: the extension keeps none of its own."""

from typing import Annotated
from uuid import UUID

from fastapi import Body
from pydantic import Field

from outrider.api.contract import CONFLICT
from outrider.api.deps import Caller, Db
from outrider.api.followups.contract import In, Out, contract
from outrider.api.followups.schedules import schedule_out
from outrider.api.followups.shapes import EmailOut, EnrollmentOut, ScheduleOut, SequenceOut, UserOut
from outrider.api.moments import Moment
from outrider.core.clock import database_now
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Permission
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes import syncing
from outrider.domain.sending import queries as sends
from outrider.domain.sequences import queries as sequences
from outrider.domain.sequences import schedules

router = contract.router("/sync", tag="automation")

# Of each kind; whoever has more pages through the lists.
MOST = 1000


class SyncIn(In):
    since: Moment | None = Field(None, description="The `syncedAt` of an earlier answer; default everything.")


class DeletedOut(Out):
    sequences: list[UUID]
    enrollments: list[UUID]


class StateOut(Out):
    """`isTruncated` says that some kind has more than 1,000 changes: page through its list."""

    user: UserOut
    sequences: list[SequenceOut]
    enrollments: list[EnrollmentOut]
    schedules: list[ScheduleOut]
    emails: list[EmailOut]
    deleted: DeletedOut
    is_truncated: bool
    synced_at: Moment


@router.post("", needs=Permission.MAILBOXES_WRITE, model=StateOut, errors=[CONFLICT])
async def sync_state(db: Db, actor: Caller, body: Annotated[SyncIn | None, Body()] = None) -> StateOut:
    """Returns everything, or what has changed since a moment, and looks for new mail meanwhile."""
    since = body.since if body else None
    # Taken first: what changes while this answer is made comes again with the next one rather than never.
    synced_at = await database_now(db)
    own = (actor.workspace_id, actor.user_id)
    changed = await sequences.changed_since(db, *own, since, at_most=MOST)
    planned = await schedules.changed_since(db, *own, since, at_most=MOST)
    sent = await mailboxes.sent_since(db, *own, since, at_most=MOST)
    waiting = await sends.unfinished_of(db, actor.workspace_id, [each.id for each in changed.enrollments])
    enrolled = await sequences.enrollments_of_emails(db, actor.workspace_id, [each.id for each in sent])
    connected = await mailboxes.of_user(db, *own)
    for mailbox in connected:
        if mailbox.is_usable:
            await syncing.request(db, mailbox)
    return StateOut(
        user=UserOut.of(await accounts.get_user(db, actor.user_id), connected[0] if connected else None),
        sequences=[SequenceOut.of(each) for each in changed.sequences],
        enrollments=[EnrollmentOut.of(each, waiting.get(each.id)) for each in changed.enrollments],
        schedules=[schedule_out(each) for each in planned],
        emails=[EmailOut.of(each, enrolled.get(each.id)) for each in sent],
        deleted=DeletedOut(sequences=changed.deleted_sequences, enrollments=changed.deleted_enrollments),
        is_truncated=MOST in {len(changed.sequences), len(changed.enrollments), len(planned), len(sent)},
        synced_at=synced_at,
    )
