"""Erasing a deleted account for good, in short transactions that may be repeated, and proving it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now, now
from outrider.core.db import Database, Scope
from outrider.core.errors import AppError
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.models import Erasure
from outrider.domain.erasure import walking
from outrider.domain.erasure.registry import PERSONAL, Personal
from outrider.domain.erasure.walking import Step

AT_ONCE = 250  # rows a transaction: what others wait for at most
LEASE = timedelta(minutes=10)
ACTOR = "erasure"
Counts = dict[str, int]
# What is left of a workspace beside the registry's tables, by the column that names it.
WHOLE = (("workspaces", "id"), *((each, "workspace_id") for each in ("audit_entries", "audit_seals", "audit_erased")))


async def claim(db: AsyncSession) -> Erasure | None:
    """Takes an erasure whose time has come, by moving its time past this run."""
    found: Erasure | None = await db.scalar(
        select(Erasure)
        .where(Erasure.finished_at.is_(None), Erasure.due_at <= func.clock_timestamp())
        .order_by(Erasure.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if found is not None:
        found.due_at = await database_now(db) + LEASE
        if found.workspace_ids is None and found.user_id is not None:
            # Kept from here on: once the memberships are erased, nothing else tells.
            found.workspace_ids = [each for each, _ in await accounts.memberships(db, found.user_id)]
    return found


async def purge(database: Database, erasure: Erasure) -> None:
    """Erases everything of a claimed erasure. Raises AppError where something is left: it is tried again."""
    user_id = erasure.user_id
    assert user_id is not None  # noqa: S101  # only a finished one has none
    erased: Counts = {}
    left: Counts = {}
    for workspace_id in erasure.workspace_ids or ():
        # In their name, so that the entries which erasing leaves are found with theirs.
        scope = Scope(workspace_id, user_id, actor=ACTOR)
        is_shared = await _is_shared(database, scope, user_id)
        for each in PERSONAL:
            if not is_shared or each.whose is not None:
                whose = user_id if is_shared else None
                _add(erased, each.table, await _all(database, scope, _erase(each, workspace_id, whose)))
        if not is_shared:
            await _end_workspace(database, scope, erasure.id, erased)
        for table, count in (await _count(database, scope, user_id if is_shared else None)).items():
            _add(left, table, count)
    await _end_user(database, erasure.id, user_id, erased)
    left |= await _count_user(database, user_id)
    if rest := {table: count for table, count in left.items() if count}:
        raise AppError(f"Something of a deleted account is left: {rest}.")
    await _finish(database, erasure.id, {"erased": erased, "left": left})


async def _is_shared(database: Database, scope: Scope, user_id: UUID) -> bool:
    """Whether others stay in the workspace."""
    others = text("select exists (select 1 from members where workspace_id = :ws and user_id <> :user)")
    async with database.begin(scope) as db:
        return bool(await db.scalar(others, {"ws": scope.workspace_id, "user": user_id}))


async def _all(database: Database, scope: Scope, step: Step) -> int:
    return await walking.repeat(database, scope, step, at_once=AT_ONCE)


def _erase(personal: Personal, workspace_id: UUID, user_id: UUID | None) -> Step:
    where, values = _where(personal, workspace_id, user_id)
    table = personal.table
    statement = text(
        f"with gone as (delete from {table} where ctid = any (array(select ctid from {table} where {where} limit {AT_ONCE}))"  # names of the registry
        " returning 1) select count(*) from gone"
    )

    async def step(db: AsyncSession) -> int:
        return await db.scalar(statement, values) or 0

    return step


def _where(personal: Personal, workspace_id: UUID, user_id: UUID | None) -> tuple[str, dict[str, Any]]:
    if user_id is None:
        return "workspace_id = :ws", {"ws": workspace_id}
    return f"workspace_id = :ws and {personal.whose} = :user", {"ws": workspace_id, "user": user_id}


async def _end_workspace(database: Database, scope: Scope, erasure_id: UUID, erased: Counts) -> None:
    ws = {"ws": scope.workspace_id}
    named = {"name": f"%{scope.workspace_id}%".encode()}
    async with database.begin(scope) as db:
        await db.execute(
            text("delete from pgqueuer_log where job_id in (select id from pgqueuer where payload like :name)"), named
        )
        queued = await db.execute(text("delete from pgqueuer where payload like :name returning 1"), named)
        _add(erased, "pgqueuer", len(queued.all()))
        gone = await db.execute(text("delete from workspaces where id = :ws returning 1"), ws)
        _add(erased, "workspaces", len(gone.all()))
    # At last: erasing leaves entries of its own.
    _add(erased, "audit_entries", await _all(database, scope, _erase_audit(erasure_id, scope.workspace_id)))
    async with database.begin(scope) as db:
        await db.execute(text("select end_audit(:erasure, :ws)"), {"erasure": erasure_id, **ws})


async def _end_user(database: Database, erasure_id: UUID, user_id: UUID, erased: Counts) -> None:
    scope = Scope(user_id=user_id, actor=ACTOR)
    async with database.begin(scope) as db:
        gone = await db.execute(text("delete from users where id = :user returning 1"), {"user": user_id})
        _add(erased, "users", len(gone.all()))
    step = _erase_audit(erasure_id, None)
    while count := await _all(database, scope, step):
        _add(erased, "audit_entries", count)


def _erase_audit(erasure_id: UUID, workspace_id: UUID | None) -> Step:
    async def step(db: AsyncSession) -> int:
        values = {"erasure": erasure_id, "ws": workspace_id, "at_most": AT_ONCE}
        return await db.scalar(text("select erase_audit(:erasure, :ws, :at_most)"), values) or 0

    return step


async def _count(database: Database, scope: Scope, user_id: UUID | None) -> Counts:
    assert scope.workspace_id is not None  # noqa: S101  # made so by purge
    left: Counts = {}
    async with database.begin(scope) as db:
        for each in PERSONAL:
            if user_id is None or each.whose is not None:
                where, values = _where(each, scope.workspace_id, user_id)
                left[each.table] = (
                    await db.scalar(text(f"select count(*) from {each.table} where {where}"), values) or 0
                )
        if user_id is None:
            ws = {"ws": scope.workspace_id}
            for table, column in WHOLE:
                left[table] = await db.scalar(text(f"select count(*) from {table} where {column} = :ws"), ws) or 0
            named = {"name": f"%{scope.workspace_id}%".encode()}
            left["pgqueuer"] = (
                await db.scalar(text("select count(*) from pgqueuer where payload like :name"), named) or 0
            )
    return left


async def _count_user(database: Database, user_id: UUID) -> Counts:
    async with database.begin() as db:
        return {"users": await db.scalar(text("select count(*) from users where id = :user"), {"user": user_id}) or 0}


async def _finish(database: Database, erasure_id: UUID, proof: dict[str, Counts]) -> None:
    async with database.begin(Scope(actor=ACTOR)) as db:
        erasure = await db.get_one(Erasure, erasure_id, with_for_update=True)
        erasure.finished_at, erasure.proof = now(), proof
        erasure.user_id = erasure.workspace_ids = None


def _add(counts: Counts, table: str, count: int) -> None:
    counts[table] = counts.get(table, 0) + count
