"""Erasing one person from a workspace: asked for at once, done in short steps that may be repeated, and proved."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import jobs
from outrider.core.clock import now
from outrider.core.crypto import Keyring
from outrider.core.db import Database, Scope
from outrider.core.errors import AppError, NotFound
from outrider.domain.accounts.permissions import Actor
from outrider.domain.erasure import subjects, walking
from outrider.domain.erasure.contact_registry import HELD, MENTIONED, Held, Mentioned
from outrider.domain.erasure.models import ContactErasure
from outrider.domain.erasure.subjects import Subject
from outrider.domain.operations import actions as operations
from outrider.domain.operations import queries as operation_queries
from outrider.domain.operations.models import Operation
from outrider.domain.sequences import actions as sequences
from outrider.domain.sequences import queries as enrollments
from outrider.domain.sequences.models import EnrollmentStatus
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.suppressions.models import Reason

OPERATION, JOB = "contact.erasure", "erasure.erase_contact"
AT_ONCE = 200
WHY = "The person is being erased at their request."
STEPS: tuple[Held | Mentioned, ...] = (*HELD, *MENTIONED)
# The steps of the registry, the queue and the audit trail.
TOTAL = len(STEPS) + 2
AUDITED = text("select tgrelid::regclass::text from pg_trigger where tgname = 'audit'")
# A mail that is leaving, or an import that is reading a file of theirs, is waited for.
BUSY = text("""
    select exists (select 1 from sends s where s.workspace_id = :ws and s.recipient = any(:addresses)
                   and s.state = 'sending' and s.lease_until > clock_timestamp())
        or exists (select 1 from contact_import_files f join contact_import_jobs j on j.workspace_id = :ws and j.id = f.id
                   where f.workspace_id = :ws and j.status not in ('completed', 'failed', 'cancelled')
                   and encode(f.content, 'escape') ilike any(:likes))
""")
REMEMBER = text(
    "update contact_erasures set objects = objects || cast(:ids as text[]) where workspace_id = :ws and id = :id"
)
QUEUED = "payload like :named and encode(payload, 'escape') ilike any(:traces)"
AUDIT = text("select * from erase_contact_audit(:id, :objects, :traces, :trace_mask, :at, :after, :at_most)")
Counts = dict[str, int]


class ErasureNotFound(NotFound):
    code = "erasure_not_found"


async def begin(db: AsyncSession, keyring: Keyring, actor: Actor, subject: Subject) -> tuple[ContactErasure, Operation]:
    """Sends the person nothing more from now on, and queues their erasure; one under way stands for it. Raises
    OwnAddress.
    """
    subjects.check_not_own(subject)
    erasure = await _unfinished(db, subject)
    if erasure is None:
        erasure = ContactErasure(
            workspace_id=subject.workspace_id,
            requested_by=actor.user_id,
            contact_id=subject.contact_id,
            contact_ids=subject.contact_ids,
            addresses=subject.addresses,
            numbers=subject.numbers,
            names=subject.names,
        )
        db.add(erasure)
        await db.flush()
        for address in subject.addresses:
            await suppressions.suppress(
                db, keyring, subject.workspace_id, address, reason=Reason.ERASED, proof={"erasureId": str(erasure.id)}
            )
            await suppressions.mark_erased(db, keyring, subject.workspace_id, address, at=erasure.requested_at)
    operation = await operations.start(
        db, workspace_id=subject.workspace_id, user_id=actor.user_id, type=OPERATION, subject_id=erasure.id
    )
    await jobs.enqueue(db, JOB, workspace_id=subject.workspace_id, erasure_id=erasure.id)
    return erasure, operation


async def erase(database: Database, workspace_id: UUID, erasure_id: UUID) -> bool:
    """Erases whatever is left to erase; False where something is under way that has to be waited for. Raises AppError
    where something stays behind: it is gone through again.
    """
    async with database.begin(Scope(workspace_id, actor="erasure")) as db:
        erasure = await db.get(ContactErasure, (workspace_id, erasure_id))
        if erasure is None or erasure.finished_at is not None:
            return True
        subject = await _subject(db, erasure)
        audited = frozenset(await db.scalars(AUDITED))
    scope = Scope(workspace_id, erasure.requested_by, actor="erasure")
    if not await _stop(database, scope, subject):
        return False
    erased: Counts = dict(erasure.proof.get("erased", {}))
    for number in range(erasure.step, TOTAL):
        table, done = await _take(database, scope, erasure, subject, number, audited)
        erased[table] = erased.get(table, 0) + done
        await _advance(database, scope, erasure_id, number + 1, erased)
    left = {name: rest for name, rest in (await _left(database, scope, erasure_id, subject)).items() if rest}
    async with database.begin(scope) as db:
        current = await db.get_one(ContactErasure, (workspace_id, erasure_id), with_for_update=True)
        if left:
            current.step = 0
        else:
            current.finish(now(), {"erased": erased, "left": left})
            await operations.finish_of(db, workspace_id, OPERATION, erasure_id)
    if left:
        raise AppError(f"Something of an erased person is left: {left}.")
    return True


async def fail(database: Database, workspace_id: UUID, erasure_id: UUID) -> None:
    async with database.begin(Scope(workspace_id, actor="erasure")) as db:
        why = "It could not be done; the log says why. Ask for it again: it goes on where it stopped."
        await operations.finish_of(db, workspace_id, OPERATION, erasure_id, error=why)


async def get(db: AsyncSession, workspace_id: UUID, erasure_id: UUID) -> tuple[ContactErasure, Operation]:
    """Returns an erasure and how far it has come. Raises ErasureNotFound."""
    erasure = await db.get(ContactErasure, (workspace_id, erasure_id))
    operation = await operation_queries.latest(db, workspace_id, OPERATION, erasure_id)
    if erasure is None or operation is None:
        raise ErasureNotFound("There is no such erasure.")
    return erasure, operation


async def _unfinished(db: AsyncSession, subject: Subject) -> ContactErasure | None:
    query = select(ContactErasure).where(
        ContactErasure.workspace_id == subject.workspace_id,
        ContactErasure.finished_at.is_(None),
        ContactErasure.contact_id == subject.contact_id
        if subject.contact_id
        else ContactErasure.addresses == subject.addresses,
    )
    found: ContactErasure | None = await db.scalar(query.order_by(ContactErasure.requested_at).limit(1))
    return found


async def _subject(db: AsyncSession, erasure: ContactErasure) -> Subject:
    own = await subjects.own_addresses(db, erasure.workspace_id)
    return Subject(
        erasure.workspace_id, erasure.contact_id, erasure.contact_ids, erasure.addresses, erasure.numbers,
        erasure.names, own,
    )  # fmt: skip


async def _stop(database: Database, scope: Scope, subject: Subject) -> bool:
    """Ends what is under way to them; False while a mail is leaving or a file is being read."""
    for address in subject.addresses:
        found = AT_ONCE
        while found == AT_ONCE:
            async with database.begin(scope) as db:
                under_way = await enrollments.open_to(db, subject.workspace_id, address, at_most=AT_ONCE)
                for each in under_way:
                    await sequences.end(db, each, EnrollmentStatus.CANCELLED, WHY)
                found = len(under_way)
    async with database.begin(scope) as db:
        return not await db.scalar(BUSY, subject.values)


async def _take(
    database: Database, scope: Scope, erasure: ContactErasure, subject: Subject, number: int, audited: frozenset[str]
) -> tuple[str, int]:
    if number == len(STEPS):
        return "pgqueuer", await _erase_queue(database, scope, subject)
    if number > len(STEPS):
        return "audit_entries", await _erase_audit(database, scope, erasure.id, subject)
    step = STEPS[number]

    async def remember(db: AsyncSession, keys: list[Any]) -> None:
        if step.table in audited:
            ids = [str(each) for each in keys]
            await db.execute(REMEMBER, {"ws": subject.workspace_id, "id": erasure.id, "ids": ids})

    if isinstance(step, Held):
        return step.table, await walking.erase(database, scope, step, subject.values, remember)
    return f"{step.table} (struck)", await walking.strike(database, scope, step, subject.values, remember)


async def _erase_queue(database: Database, scope: Scope, subject: Subject) -> int:
    """Jobs about them, and what their failures said."""
    values = {"named": f"%{subject.workspace_id}%".encode(), "traces": subject.values["traces"]}
    async with database.begin(scope) as db:
        await db.execute(
            text(f"delete from pgqueuer_log where job_id in (select id from pgqueuer where {QUEUED})"), values
        )
        gone = await db.execute(text(f"delete from pgqueuer where {QUEUED} returning 1"), values)
        return len(gone.all())


async def _erase_audit(database: Database, scope: Scope, erasure_id: UUID, subject: Subject) -> int:
    at: datetime | None = datetime(1970, 1, 1, tzinfo=UTC)
    after, total = 0, 0
    async with database.begin(scope) as db:
        objects = await _objects(db, subject.workspace_id, erasure_id)
    while at is not None:
        async with database.begin(scope) as db:
            values = {
                **subject.values,
                "id": erasure_id,
                "objects": objects,
                "at": at,
                "after": after,
                "at_most": 2_000,
            }
            at, after, erased = (await db.execute(AUDIT, values)).one()
        total += erased
    return total


async def _objects(db: AsyncSession, workspace_id: UUID, erasure_id: UUID) -> list[str]:
    current = await db.get_one(ContactErasure, (workspace_id, erasure_id), populate_existing=True)
    return current.objects


async def _advance(database: Database, scope: Scope, erasure_id: UUID, step: int, erased: Counts) -> None:
    assert scope.workspace_id is not None  # noqa: S101  # made so by erase
    async with database.begin(scope) as db:
        current = await db.get_one(ContactErasure, (scope.workspace_id, erasure_id), with_for_update=True)
        current.step, current.proof = step, {"erased": dict(erased)}
        await operations.advance_of(
            db, scope.workspace_id, OPERATION, erasure_id, done=1, failed=0, remaining=TOTAL - step
        )


async def _left(database: Database, scope: Scope, erasure_id: UUID, subject: Subject) -> Counts:
    left: Counts = {}
    for each in STEPS:
        left[each.table] = left.get(each.table, 0) + await walking.count(database, scope, each, subject.values)
    # A trail may be long: it is gone through once more, and whatever is found then means another round of all.
    left["audit_entries"] = await _erase_audit(database, scope, erasure_id, subject)
    async with database.begin(scope) as db:
        values = {"named": f"%{subject.workspace_id}%".encode(), "traces": subject.values["traces"]}
        left["pgqueuer"] = await db.scalar(text(f"select count(*) from pgqueuer where {QUEUED}"), values) or 0
    return left
