"""Three of the concierge's endpoints as somebody writes them by hand who has no others: the caller's session is asked for,
the same wall passed, the same rows answered. Once with what Outrider is built of, once on the raw driver.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from outrider.core.clock import now
from outrider.core.tokens import AccessTokens, Claims
from outrider.domain.accounts.models import Session, User
from outrider.domain.calls.models import Call, CallAttempt
from outrider.domain.preferences.models import Preferences
from outrider.domain.senders import queries
from outrider.domain.senders.models import Sender
from outrider.runtime import Addresses

LIMIT = 20
SENDERS_PAGE = (
    "select * from senders where workspace_id = $1 and user_id = $2 and email_count > 0"
    " order by latest_date desc, id desc limit $3"
)
HABITS = (
    "select 'type', sender_type, category, count(*) from (select sender_type, category from senders where workspace_id = $1"
    " and user_id = $2 and chosen_at is not null order by chosen_at desc limit 1000) lately group by 2, 3 union all"
    " select 'domain', domain, category, count(*) from senders where workspace_id = $1 and user_id = $2"
    " and chosen_at is not null and domain = any($3) group by 2, 3"
)
SENDERS_TOTAL = "select count(*) from senders where workspace_id = $1 and user_id = $2 and email_count > 0"
CALLS_PAGE = "select * from calls where workspace_id = $1 and user_id = $2 order by scheduled_at desc, id desc limit $3"
CALLS_TOTAL = "select count(*) from calls where workspace_id = $1 and user_id = $2"
ATTEMPTS = "select * from call_attempts where workspace_id = $1 and call_id = any($2) order by call_id, number"
PREFERENCES = (
    "update preferences set preferred_call_time = $3, updated_at = now() where workspace_id = $1 and user_id = $2"
    " returning *"
)
SESSION = (
    "select s.user_id from sessions s join users u on u.id = s.user_id where s.workspace_id = $1 and s.id = $2"
    " and s.revoked_at is null and s.expires_at > now() and u.disabled_at is null"
)
Connection = Any  # of a pool: asyncpg's own type can't be named outside of its stubs


class Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID
    created_at: datetime
    updated_at: datetime


class SenderRow(Row):
    email: str
    domain: str
    name: str
    category: str
    email_count: int
    latest_subject: str
    latest_date: datetime | None
    latest_preview: str
    sender_type: str
    type_reasons: list[str]


class Senders(BaseModel):
    data: list[SenderRow]
    habits: list[tuple[str, str, str, int]]
    total: int


class AttemptRow(Row):
    call_id: UUID
    number: int
    carrier: str
    state: str
    placed_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    error: str | None


class CallRow(Row):
    call_type: str
    status: str
    scheduled_at: datetime
    completed_at: datetime | None
    duration_seconds: int | None
    content_summary: str
    message_id: UUID | None
    priority: str
    due_at: datetime
    waiting_for: str | None
    last_error: str | None


class Calls(BaseModel):
    data: list[CallRow]
    attempts: list[AttemptRow]
    total: int


class PreferencesRow(Row):
    urgent_financial: bool
    investor_updates: bool
    customer_issues: bool
    team_urgent: bool
    partnership_deals: bool
    product_launches: bool
    meeting_reminder_timing: str
    meeting_reminder_frequency: str
    meeting_reminder_method: str
    preferred_call_time: str
    voice_preference: str


class Edit(BaseModel):
    preferred_call_time: str


def plain_app(addresses: Addresses, tokens: AccessTokens) -> FastAPI:
    """FastAPI, pydantic and SQLAlchemy's models as their guides show them."""
    app = FastAPI()
    sessions = async_sessionmaker(create_async_engine(addresses.app, pool_size=2), expire_on_commit=False)

    async def signed_in(authorization: Annotated[str, Header()]) -> Claims:
        return tokens.read(authorization.removeprefix("Bearer "), now=now())

    async def transaction(claims: Annotated[Claims, Depends(signed_in)]) -> AsyncIterator[AsyncSession]:
        async with sessions() as db, db.begin():
            await db.execute(select(func.set_config("app.ws", str(claims.workspace_id), True)))
            yield db

    opened = Depends(transaction, scope="function")

    async def current_user(db: Annotated[AsyncSession, opened], claims: Annotated[Claims, Depends(signed_in)]) -> User:
        own = (Session.workspace_id == claims.workspace_id, Session.id == claims.session_id)
        stands = (Session.revoked_at.is_(None), Session.expires_at > now(), User.disabled_at.is_(None))
        user = await db.scalar(select(User).join(Session, Session.user_id == User.id).where(*own, *stands))
        if user is None:
            raise HTTPException(401)
        return user

    owner, known = Depends(current_user), Depends(signed_in)

    @app.get("/api/senders", response_model=Senders)
    async def senders(
        db: Annotated[AsyncSession, opened], user: Annotated[User, owner], claims: Annotated[Claims, known]
    ) -> Any:
        own = (Sender.workspace_id == claims.workspace_id, Sender.user_id == user.id, Sender.email_count > 0)
        total = await db.scalar(select(func.count()).select_from(Sender).where(*own))
        latest = select(Sender).where(*own).order_by(Sender.latest_date.desc(), Sender.id.desc()).limit(LIMIT)
        rows = list(await db.scalars(latest))
        asked = {"workspace_id": claims.workspace_id, "user_id": user.id, "domains": [each.domain for each in rows]}
        habits = [tuple(each) for each in await db.execute(queries.HABITS, asked)]
        return {"data": rows, "habits": habits, "total": total}

    @app.get("/api/calls", response_model=Calls)
    async def calls(
        db: Annotated[AsyncSession, opened], user: Annotated[User, owner], claims: Annotated[Claims, known]
    ) -> Any:
        own = (Call.workspace_id == claims.workspace_id, Call.user_id == user.id)
        total = await db.scalar(select(func.count()).select_from(Call).where(*own))
        latest = select(Call).where(*own).order_by(Call.scheduled_at.desc(), Call.id.desc()).limit(LIMIT)
        rows = list(await db.scalars(latest))
        tried = select(CallAttempt).where(
            CallAttempt.workspace_id == claims.workspace_id, CallAttempt.call_id.in_([each.id for each in rows])
        )
        attempts = await db.scalars(tried.order_by(CallAttempt.call_id, CallAttempt.number))
        return {"data": rows, "attempts": list(attempts), "total": total}

    @app.put("/api/preferences", response_model=PreferencesRow)
    async def preferences(
        db: Annotated[AsyncSession, opened], user: Annotated[User, owner], claims: Annotated[Claims, known], edit: Edit
    ) -> Preferences:
        own = (Preferences.workspace_id == claims.workspace_id, Preferences.user_id == user.id)
        held = (await db.scalars(select(Preferences).where(*own).with_for_update())).one()
        held.preferred_call_time = edit.preferred_call_time
        await db.flush()
        return held

    return app


def raw_app(pool: "asyncpg.Pool[Any]", tokens: AccessTokens) -> FastAPI:
    app = FastAPI()

    async def under(request: Request, work: Callable[[Connection, str, str], Awaitable[Any]]) -> Response:
        claims = tokens.read(request.headers["authorization"].removeprefix("Bearer "), now=now())
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.ws', $1, true)", str(claims.workspace_id))
            user = await connection.fetchval(SESSION, claims.workspace_id, claims.session_id)
            body = await work(connection, str(claims.workspace_id), user) if user else None
        return Response(orjson.dumps(body, default=str), 200 if user else 401, media_type="application/json")

    @app.get("/api/senders")
    async def senders(request: Request) -> Response:
        async def work(connection: Connection, workspace: str, user: str) -> Any:
            total = await connection.fetchval(SENDERS_TOTAL, workspace, user)
            rows = await connection.fetch(SENDERS_PAGE, workspace, user, LIMIT)
            chosen = await connection.fetch(HABITS, workspace, user, [row["domain"] for row in rows])
            return {"data": [dict(row) for row in rows], "habits": [tuple(row) for row in chosen], "total": total}

        return await under(request, work)

    @app.get("/api/calls")
    async def calls(request: Request) -> Response:
        async def work(connection: Connection, workspace: str, user: str) -> Any:
            total = await connection.fetchval(CALLS_TOTAL, workspace, user)
            rows = await connection.fetch(CALLS_PAGE, workspace, user, LIMIT)
            tried = await connection.fetch(ATTEMPTS, workspace, [row["id"] for row in rows])
            return {"data": [dict(row) for row in rows], "attempts": [dict(row) for row in tried], "total": total}

        return await under(request, work)

    @app.put("/api/preferences")
    async def preferences(request: Request) -> Response:
        asked = orjson.loads(await request.body())

        async def work(connection: Connection, workspace: str, user: str) -> Any:
            return dict(await connection.fetchrow(PREFERENCES, workspace, user, asked["preferred_call_time"]))

        return await under(request, work)

    return app
