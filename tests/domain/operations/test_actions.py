"""Long pieces of work and their progress."""

from outrider.core.ids import new_id
from outrider.domain.operations import actions, queries
from outrider.domain.operations.models import OperationStatus
from outrider.runtime import Runtime
from tests.factories.accounts import make_user

TYPE = "tests.work"


async def test_progress_goes_from_nothing_to_a_hundred_at_the_end_alone(runtime: Runtime) -> None:
    ada, subject = await make_user(runtime), new_id()
    async with runtime.db.begin(ada.scope) as db:
        started = await actions.start(
            db, workspace_id=ada.workspace_id, user_id=ada.user.id, type=TYPE, subject_id=subject
        )
        assert (started.status, started.progress) == (OperationStatus.QUEUED, 0)
        await actions.advance_of(db, ada.workspace_id, TYPE, subject, done=30, failed=2, remaining=70)
        assert (started.progress, started.total, started.succeeded, started.failed) == (30, 100, 28, 2)
        await actions.advance_of(db, ada.workspace_id, TYPE, subject, done=70, failed=0, remaining=0)
        assert started.progress == 99
        await actions.finish_of(db, ada.workspace_id, TYPE, subject)
        assert (started.status, started.progress) == (OperationStatus.SUCCEEDED, 100)


async def test_one_under_way_stands_for_another(runtime: Runtime) -> None:
    ada, subject = await make_user(runtime), new_id()
    given = {"workspace_id": ada.workspace_id, "user_id": ada.user.id, "type": TYPE, "subject_id": subject}
    async with runtime.db.begin(ada.scope) as db:
        first = await actions.start(db, **given)
        assert (await actions.start(db, **given)).id == first.id
        await actions.finish_of(db, ada.workspace_id, TYPE, subject, error="It broke.")
        assert (first.status, first.error) == (OperationStatus.FAILED, "It broke.")
        second = await actions.start(db, **given)
        assert second.id != first.id
        latest = await queries.latest(db, ada.workspace_id, TYPE, subject)
    assert latest is not None
    assert latest.id == second.id


async def test_work_nobody_asked_for_has_no_progress_to_tell(runtime: Runtime) -> None:
    ada, subject = await make_user(runtime), new_id()
    async with runtime.db.begin(ada.scope) as db:
        await actions.advance_of(db, ada.workspace_id, TYPE, subject, done=1, failed=0, remaining=0)
        await actions.finish_of(db, ada.workspace_id, TYPE, subject)
        assert await queries.latest(db, ada.workspace_id, TYPE, subject) is None
