"""The worker's part: sealing as the trail grows, and writing heads where the database's owner can't reach."""

from sqlalchemy import text
from structlog.testing import capture_logs

from outrider.core.embedded import EmbeddedServer
from outrider.domain.audit import jobs, trail
from outrider.runtime import Runtime
from tests.domain.audit.test_trail import as_superuser, leave_entries, sealed_chain


async def test_heads_go_to_a_file_and_to_the_log(runtime: Runtime, server: EmbeddedServer) -> None:
    ada, head = await sealed_chain(runtime, server)
    async with as_superuser(server) as db:
        await db.execute(text("update audit_mark set anchored_at = 'epoch'"))
        await db.commit()
    with capture_logs() as logs:
        await jobs.anchor(runtime)
        await jobs.anchor(runtime)
    assert [each["seal"] for each in logs if each["workspace_id"] == str(ada.workspace_id)] == [head.seal]
    assert head in trail.read_anchors(runtime.settings.data_dir / trail.HEADS)


async def test_a_long_trail_is_sealed_in_one_go(runtime: Runtime, server: EmbeddedServer) -> None:
    ada, _ = await sealed_chain(runtime, server)
    await leave_entries(runtime, ada, 50)
    before, trail.AT_ONCE = trail.AT_ONCE, 7
    try:
        await jobs.seal(runtime)  # learns where the trail ends
        await jobs.seal(runtime)
    finally:
        trail.AT_ONCE = before
    async with runtime.db.begin() as db:
        assert await trail.problems(db, [ada.workspace_id]) == []
    async with runtime.db.begin(ada.scope) as db:
        blocks = list(await db.scalars(text("select cardinality(ids) from audit_seals where number > 3")))
    assert len(blocks) > 1
