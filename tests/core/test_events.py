"""Facts: written with the change that made them true, and heard by everybody they concern."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.encoding import encode
from outrider.core.events import Event, during, emit, on
from outrider.core.ids import new_id
from outrider.runtime import Runtime
from tests.core.test_jobs import at_work, fails, until
from tests.factories.accounts import make_user

heard: list[UUID] = []
followed: list[list[int]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    name: ClassVar[str] = "tests.rang"
    bell: UUID
    times: int = 1


@on(Rang, "tests.on_rang")
async def on_rang(_app: Any, event: Rang) -> None:
    assert isinstance(event.bell, UUID)
    heard.append(event.bell)


@during(Rang)
async def while_ringing(_db: AsyncSession, events: Sequence[Rang]) -> None:
    followed.append([each.times for each in events])


async def test_a_committed_fact_is_a_row_and_reaches_its_subscriber(runtime: Runtime) -> None:
    ada, bell = await make_user(runtime), new_id()
    async with runtime.db.begin(ada.scope) as db:
        await emit(db, Rang(workspace_id=ada.workspace_id, bell=bell))
    async with at_work(runtime):
        await until(lambda: bell in heard)
    async with runtime.db.begin(ada.scope) as db:
        payload = await db.scalar(text("select payload from events where name = 'tests.rang'"))
    assert payload["bell"] == str(bell)


async def test_a_fact_of_a_failed_transaction_never_was(runtime: Runtime) -> None:
    ada, bell = await make_user(runtime), new_id()
    await fails(runtime, ada.scope, lambda db: emit(db, Rang(workspace_id=ada.workspace_id, bell=bell)))
    async with at_work(runtime):
        await asyncio.sleep(0.3)
    assert bell not in heard


async def test_several_facts_are_followed_together_in_their_order(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    followed.clear()
    async with runtime.db.begin(ada.scope) as db:
        await emit(db, *(Rang(workspace_id=ada.workspace_id, bell=new_id(), times=times) for times in range(5)))
        await emit(db)
    assert followed == [[0, 1, 2, 3, 4]]
    async with runtime.db.begin(ada.scope) as db:
        times = await db.scalars(text("select payload->>'times' from events where name = 'tests.rang' order by id"))
        assert list(times) == ["0", "1", "2", "3", "4"]


def test_what_has_no_place_in_a_payload_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode({"thing": object()})
    assert orjson.loads(encode({"id": new_id()}))["id"]
