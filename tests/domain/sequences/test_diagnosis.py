"""Why a whole sequence sends nothing, as its owner reads it."""

from datetime import timedelta

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold
from outrider.domain.sequences import diagnosis, queries
from outrider.domain.sequences.diagnosis import SequenceDiagnosis
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus, Sequence, SequenceStatus
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence


async def asked(runtime: Runtime, ada: Someone, sequence: Sequence) -> SequenceDiagnosis:
    async with runtime.db.begin(ada.scope) as db:
        loaded = await queries.get(db, ada.workspace_id, ada.user.id, sequence.id)
        return await diagnosis.of_sequence(db, ada.workspace_id, ada.user.id, loaded)


async def enrolled(
    runtime: Runtime, ada: Someone, mailbox: Mailbox, sequence: Sequence, count: int = 1
) -> list[Enrollment]:
    return [await make_enrollment(runtime, ada, await make_message(runtime, mailbox), sequence) for _ in range(count)]


async def queued(runtime: Runtime, ada: Someone, mailbox: Mailbox, sequence: Sequence) -> None:
    """One enrolment whose follow-up lies in the outbox."""
    [enrollment] = await enrolled(runtime, ada, mailbox, sequence)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Enrollment, (ada.workspace_id, enrollment.id))).next_step_at = None
    email = await make_message(runtime, mailbox)
    await make_send(runtime, ada, mailbox, email, origin="sequence", origin_id=enrollment.id)


async def test_without_anybody_enrolled_it_waits_for_them(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    assert (await asked(runtime, ada, await make_sequence(runtime, ada))).code == "waiting_for_leads"


async def test_a_draft_says_so(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    sequence = await make_sequence(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Sequence, (ada.workspace_id, sequence.id))).status = SequenceStatus.DRAFT
    assert (await asked(runtime, ada, sequence)).code == "campaign_draft"


async def test_it_counts_what_waits_and_says_what_ends_first(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence = await make_sequence(runtime, ada)
    planned = await enrolled(runtime, ada, mailbox, sequence, 3)
    async with runtime.db.begin(ada.scope) as db:
        paused = await db.get_one(Enrollment, (ada.workspace_id, planned[0].id))
        paused.pause()
    found = await asked(runtime, ada, sequence)
    assert found.code == "follow_up_delay_not_met"
    assert found.until is not None
    assert {each.code: each.count for each in found.waiting} == {"follow_up_delay_not_met": 2, "enrollment_paused": 1}


async def test_a_mailbox_held_for_its_health_is_named_until_its_end(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence = await make_sequence(runtime, ada)
    await queued(runtime, ada, mailbox, sequence)
    until = now() + timedelta(days=7)
    async with runtime.db.begin(ada.scope) as db:
        await holding.hold(db, [((mailbox.workspace_id, mailbox.id), until)], why=Hold.HEALTH)
    found = await asked(runtime, ada, sequence)
    assert (found.code, found.until) == ("account_paused", until)


async def test_with_every_mailbox_gone_only_a_person_can_help(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence = await make_sequence(runtime, ada)
    await queued(runtime, ada, mailbox, sequence)
    async with runtime.db.begin(ada.scope) as db:
        stored = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
        stored.state = MailboxState.REAUTH_REQUIRED
    found = await asked(runtime, ada, sequence)
    assert (found.code, found.until) == ("all_accounts_unhealthy", None)


async def test_when_all_have_ended_it_is_complete(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    sequence = await make_sequence(runtime, ada)
    [enrollment] = await enrolled(runtime, ada, mailbox, sequence)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Enrollment, (ada.workspace_id, enrollment.id))).end(EnrollmentStatus.REPLIED, "Answered.")
    assert (await asked(runtime, ada, sequence)).code == "campaign_completed"
