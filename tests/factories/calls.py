"""People who can be called, and runtimes whose calls are carried by a stand-in for Twilio."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.domain.calls import permitting, queries, scheduling
from outrider.domain.calls.models import Call, CallAttempt, Priority
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.stand_ins import twilio as twilios
from tests.stand_ins.serving import serve
from tests.stand_ins.twilio import Twilio

NUMBER = "+442079460000"
SENDER = "+442079469999"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday on which nothing is special


@asynccontextmanager
async def telephone_runtime(
    settings: Settings, database: Addresses, twilio: Twilio, **changes: Any
) -> AsyncIterator[Runtime]:
    """A runtime and its API on loopback, so that the carrier can call back."""
    known = {
        "twilio_account_sid": twilios.ACCOUNT, "twilio_auth_token": SecretStr(twilios.TOKEN),
        "twilio_phone_number": SENDER, "twilio_api_url": twilio.url, **changes,
    }  # fmt: skip
    later: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await later["app"](scope, receive, send)

    async with (
        serve(app) as url,
        open_runtime(
            settings.model_copy(update={**known, "base_url": url}), database.app, name="tests-calls"
        ) as runtime,
    ):
        later["app"] = create_app(runtime)
        runtime.clock.freeze(NOON)
        yield runtime


async def make_callee(
    runtime: Runtime, *, number: str | None = NUMBER, timezone: str = "UTC", workspace_id: UUID | None = None,
    **known: Any,
) -> Someone:  # fmt: skip
    """Somebody who agreed to be called at a number; in a workspace of their own, or in another."""
    owner = await make_user(runtime, workspace_id=workspace_id)
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update users set timezone = :z where id = :id"), {"z": timezone, "id": owner.user.id})
        changes = {"phone_number": number, **known} if number else known
        await permitting.change(db, owner.workspace_id, owner.user.id, changes, consents=True if number else None)
    return owner


async def make_call(
    runtime: Runtime, owner: Someone, *, priority: Priority = Priority.MEDIUM, content: str = "The bank called.",
    message_id: UUID | None = None,
) -> Call:  # fmt: skip
    async with runtime.db.begin(owner.scope) as db:
        at = await runtime.clock.due_now(db)
        return await scheduling.schedule_urgent(
            db, owner.workspace_id, owner.user.id, content=content, priority=priority, at=at, message_id=message_id
        )


async def found(runtime: Runtime, owner: Someone) -> tuple[Call, list[CallAttempt]]:
    """The owner's only call and its attempts."""
    async with runtime.db.begin(owner.scope) as db:
        call = (await db.scalars(select(Call).where(Call.user_id == owner.user.id))).one()
        return call, (await queries.attempts_of(db, owner.workspace_id, [call.id]))[call.id]


async def hasten(runtime: Runtime, owner: Someone) -> None:
    """Whatever is to be looked at later is looked at now."""
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update call_attempts set look_at = clock_timestamp() where look_at is not null"))


def advance(runtime: Runtime, **by: float) -> None:
    frozen = runtime.clock._frozen
    runtime.clock.freeze((frozen or now()) + timedelta(**by))


async def retire_calls(runtime: Runtime, owner: Someone) -> None:
    """Leaves nothing to place: the tests after this one share the database."""
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update calls set status = 'failed' where status <> 'completed'"))
        await db.execute(text("update call_attempts set state = 'failed', look_at = null"))
