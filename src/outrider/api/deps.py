"""What routes may ask for: the transaction, the runtime, the caller."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.db import Scope
from outrider.core.errors import Unauthenticated
from outrider.domain.accounts.permissions import Actor
from outrider.runtime import Runtime


# All of these are coroutines: FastAPI gives any other function to a thread, which takes longer than the function itself.
async def get_runtime(request: Request) -> Runtime:
    runtime: Runtime = request.state.runtime
    return runtime


App = Annotated[Runtime, Depends(get_runtime)]


async def get_db(request: Request, app: App) -> AsyncIterator[AsyncSession]:
    async with app.db.begin(Scope(request_id=request.state.request_id)) as db:
        yield db


# With FastAPI's default scope the commit would come after the answer has left; this way a failed commit is an error.
Db = Annotated[AsyncSession, Depends(get_db, scope="function")]


async def get_actor(request: Request) -> Actor:
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None:  # only on a public route that asks for an actor all the same
        raise Unauthenticated("Sign in first.")
    return actor


Caller = Annotated[Actor, Depends(get_actor)]
