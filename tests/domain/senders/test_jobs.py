"""A scan: what was stored before is sorted part by part, and the mailboxes are waited for."""

from sqlalchemy import text

from outrider.core.clock import now
from outrider.domain.mailboxes import syncing
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.operations import actions as operations
from outrider.domain.operations import queries
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.senders import actions, jobs
from outrider.runtime import Runtime
from tests.domain.senders.test_gathering import senders_of
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message


async def scan_of(runtime: Runtime, owner: Someone) -> Operation:
    async with runtime.db.begin(owner.scope) as db:
        return await actions.scan(db, owner.workspace_id, owner.user.id)


async def step(runtime: Runtime, owner: Someone, scan: Operation, turn: int = 0) -> Operation:
    await jobs.scan(runtime, workspace_id=owner.workspace_id, user_id=owner.user.id, operation_id=scan.id, turn=turn)
    async with runtime.db.begin(owner.scope) as db:
        return await db.get_one(Operation, (owner.workspace_id, scan.id))


async def test_a_scan_sorts_what_was_stored_before_and_says_how_far_it_is(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    for number in range(210):
        await make_message(runtime, mailbox, direction=Direction.IN, to=f"sender{number % 7}@b.test")
    scan = await scan_of(runtime, ada)
    first = await step(runtime, ada, scan)
    assert (first.status, first.processed) == (OperationStatus.RUNNING, 200)
    assert 0 < first.progress < 100
    # The same part again, as after a crash, counts nothing twice.
    second = await step(runtime, ada, scan, turn=1)
    assert second.processed == 210
    assert second.status is OperationStatus.RUNNING, "the mailbox is still to be read"
    async with runtime.db.begin(ada.scope) as db:
        await operations.finish_of(db, ada.workspace_id, syncing.OPERATION, mailbox.id)
    ended = await step(runtime, ada, scan, turn=2)
    assert (ended.status, ended.progress) == (OperationStatus.SUCCEEDED, 100)
    found = await senders_of(runtime, ada)
    assert sum(each.email_count for each in found.values()) == 210
    assert len(found) == 7


async def test_a_scan_counts_as_done_what_is_read_and_sorted_meanwhile(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    scan = await scan_of(runtime, ada)
    for number in range(3):
        message = await make_message(runtime, mailbox, direction=Direction.IN, to=f"sender{number}@b.test")
        async with runtime.db.begin(ada.scope) as db:
            (await db.get_one(Message, (ada.workspace_id, message.id))).sender_type = SenderType.PERSONAL
            sync = await queries.latest(db, ada.workspace_id, syncing.OPERATION, mailbox.id)
            assert sync is not None
            sync.advance(now(), done=1, failed=0, remaining=9 - number)
        told = await step(runtime, ada, scan, turn=number)
        assert (told.processed, told.total) == (number + 1, 10)


async def test_a_mailbox_that_could_not_be_read_fails_the_scan_with_its_reason(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    scan = await scan_of(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        await operations.finish_of(db, ada.workspace_id, syncing.OPERATION, mailbox.id, error="No answer.")
    ended = await step(runtime, ada, scan)
    assert (ended.status, ended.error) == (OperationStatus.FAILED, f"{mailbox.address}: No answer.")


async def test_one_scan_runs_at_a_time_and_asking_again_queues_nothing_more(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await make_mailbox(runtime, ada)
    scans = {(await scan_of(runtime, ada)).id for _ in range(3)}
    assert len(scans) == 1
    async with runtime.db.begin(ada.scope) as db:
        queued = await db.scalar(
            text("select count(*) from pgqueuer where entrypoint = 'senders.scan' and payload like :id"),
            {"id": f"%{scans.pop()}%".encode()},
        )
    assert queued == 1
