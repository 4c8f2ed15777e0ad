"""Each class is kept exactly as long as its limit says: on a clock of the test's own, nothing longer, nothing less."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from outrider.core.ids import new_id
from outrider.domain.erasure import retention
from outrider.domain.erasure.contact_registry import Held, Mentioned
from outrider.domain.erasure.registry import PERSONAL
from outrider.domain.erasure.retention import CLASSES, KEPT
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.canary import furnish

AT = datetime(2031, 3, 1, tzinfo=UTC)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
LIMIT = timedelta(days=10)
# When a row began to age, by table.
AGED_BY = {
    "messages": "received_at", "sends": "sent_at", "hits": "at", "idempotency_keys": "created_at", "events": "created_at",
    "operations": "finished_at", "call_speeches": "created_at", "calls": "updated_at", "call_notices": "created_at",
    "sessions": "expires_at", "reply_drafts": "updated_at", "message_judgements": "received_at", "model_questions": "asked_at",
}  # fmt: skip
ENDED = {"reply_drafts": "state = 'sent'", "sends": "state = 'sent'", "calls": "status = 'completed', speech_id = null"}
CASES = [(name, each) for name, several in CLASSES.items() for each in several]


def test_every_table_has_its_limit_or_a_reason_to_stay() -> None:
    aging = {each.table for several in CLASSES.values() for each in several}
    assert aging == AGED_BY.keys()
    assert {each.table for each in PERSONAL} - aging - KEPT.keys() == set()
    assert KEPT.keys() - {each.table for each in PERSONAL} == set()


def test_bodies_are_kept_unless_somebody_says_otherwise(settings: Settings) -> None:
    limits = retention.limits(settings)
    assert [name for name, limit in limits.items() if limit is None] == ["bodies"]
    assert limits.keys() == {*CLASSES, "jobs"}


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{name}-{each.table}" for name, each in CASES])
async def test_nothing_is_kept_past_its_limit_and_nothing_goes_early(
    runtime: Runtime, name: str, kind: Held | Mentioned
) -> None:
    owner = await furnish(runtime, f"kept{new_id().hex}")
    await age(runtime, owner, kind.table, AT - LIMIT)
    kept = {**dict.fromkeys(CLASSES), name: LIMIT}
    own = (runtime.db, owner.workspace_id)
    assert (await retention.count_workspace(*own, kept, at=AT))[name] == 0
    assert (await retention.tidy_workspace(*own, kept, at=AT))[name] == 0, "to the moment, it is not past it"
    assert await holds(runtime, owner, kind)
    later = AT + timedelta(microseconds=1)
    assert not await retention.tidy_workspace(*own, dict.fromkeys(CLASSES), at=later), "a class without a limit"
    going = (await retention.count_workspace(*own, kept, at=later))[name]
    assert going >= 1
    assert await retention.tidy_workspace(*own, kept, at=later) == {name: going}
    assert not await holds(runtime, owner, kind)
    assert (await retention.tidy_workspace(*own, kept, at=later))[name] == 0


async def test_a_mail_whose_follow_up_is_under_way_keeps_its_text(runtime: Runtime) -> None:
    owner = await furnish(runtime, f"kept{new_id().hex}")
    await age(runtime, owner, "messages", AT - 2 * LIMIT)
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update enrollments set status = 'paused'"))
    gone = await retention.tidy_workspace(runtime.db, owner.workspace_id, {"bodies": LIMIT}, at=AT)
    assert gone["bodies"] == 0


async def test_every_workspace_that_is_old_enough_is_gone_through(runtime: Runtime) -> None:
    """In the year 2001, long before anything else in the database was made."""
    old, young = await furnish(runtime, f"kept{new_id().hex}"), await furnish(runtime, f"kept{new_id().hex}")
    for owner, made in ((old, LONG_AGO - 3 * LIMIT), (young, LONG_AGO)):
        await age(runtime, owner, "events", LONG_AGO - 2 * LIMIT)
        async with runtime.db.begin(owner.scope) as db:
            await db.execute(text("update workspaces set created_at = :at"), {"at": made})
    kept = {"events": LIMIT, "jobs": LIMIT}
    events = (await retention.count(runtime.db, kept, at=LONG_AGO))["events"]
    assert events >= 1
    assert await retention.tidy(runtime.db, kept, at=LONG_AGO) == {"events": events, "jobs": 0}
    for owner, is_held in ((old, False), (young, True)):
        assert await holds(runtime, owner, CLASSES["events"][0]) is is_held


async def test_the_log_of_jobs_goes_too(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        for moment in (LONG_AGO - LIMIT - timedelta(seconds=1), LONG_AGO - LIMIT):
            await db.execute(
                text("insert into pgqueuer_log (created, job_id, status, priority, entrypoint)"
                     " values (:at, 1, 'successful', 0, 'x')"), {"at": moment},
            )  # fmt: skip
    assert await retention.count(runtime.db, {"jobs": LIMIT}, at=LONG_AGO) == {"jobs": 1}
    assert await retention.tidy(runtime.db, {"jobs": LIMIT}, at=LONG_AGO) == {"jobs": 1}
    assert await retention.tidy(runtime.db, {"jobs": LIMIT}, at=LONG_AGO + timedelta(seconds=1)) == {"jobs": 1}


async def test_one_worker_tidies_every_six_hours(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        assert await retention.claim(db) is None, "it was installed just now"
        await db.execute(text("update installation set tidied_at = tidied_at - interval '6 hours'"))
        assert await retention.claim(db) is not None
        assert await retention.claim(db) is None


async def age(runtime: Runtime, owner: Someone, table: str, at: datetime) -> None:
    """Ends what is under way, and makes a table's rows as old as that; those of its class's other tables are young."""
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update enrollments set status = 'completed'"))
        for each, column in AGED_BY.items():
            moment = at if each == table else AT
            ended = f", {ENDED[each]}" if each in ENDED else ""
            await db.execute(text(f"update {each} set {column} = :at{ended}"), {"at": moment})


async def holds(runtime: Runtime, owner: Someone, kind: Held | Mentioned) -> bool:
    if isinstance(kind, Held):
        where = "true"
    else:
        where = " or ".join(
            f"{column} <> {value}" if value != "null" else f"{column} is not null"
            for column, value in kind.strikes.items()
        )
    async with runtime.db.begin(owner.scope) as db:
        return bool(await db.scalar(text(f"select exists (select 1 from {kind.table} where {where})")))
