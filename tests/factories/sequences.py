"""Sequences and enrolments."""

from datetime import timedelta
from typing import Any

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Message
from outrider.domain.sequences import actions, queries
from outrider.domain.sequences.actions import SequenceDraft, StepDraft
from outrider.domain.sequences.models import Enrollment, Sequence, SequenceStatus
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


async def make_sequence(
    runtime: Runtime, owner: Someone, *, steps: int = 2, delay_days: int = 1, body: str = "Any news?",
    stop_on_reply: bool = True, send_window: dict[str, Any] | None = None, timezone: str = "UTC",
) -> Sequence:  # fmt: skip
    draft = SequenceDraft(
        name="After the demo",
        description="",
        steps=[StepDraft(delay_days, 0, "", body, None) for _ in range(steps)],
        stop_on_reply=stop_on_reply,
        timezone=timezone,
        send_window=send_window,
        status=SequenceStatus.ACTIVE,
    )
    async with runtime.db.begin(owner.scope) as db:
        return await actions.create(db, draft, by=owner.actor)


async def make_enrollment(
    runtime: Runtime, owner: Someone, email: Message, sequence: Sequence, *, is_due: bool = False, **options: Any
) -> Enrollment:
    """Enrols a mail; with `is_due` its next step is due already."""
    async with runtime.db.begin(owner.scope) as db:
        loaded = await queries.get(db, owner.workspace_id, owner.user.id, sequence.id)
        enrollment = await actions.enroll(
            db, email, loaded, by=owner.actor, keyring=runtime.keyring, due_now=now(), **options
        )
        if is_due:
            enrollment.next_step_at = now() - timedelta(minutes=1)
        await db.flush()
    return enrollment
