"""The stream that tells open pages what has changed: topics, over which they ask for their part again."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from outrider.api.deps import App, Caller
from outrider.console import session
from outrider.console.live import Hub
from outrider.console.routing import Router
from outrider.core.db import Scope
from outrider.core.errors import Unauthenticated
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.runtime import Runtime

router = Router()

HEARTBEAT = 20.0  # seconds between proofs that both ends and the session are still there


@router.get("/live", needs=Permission.ACCOUNT_READ, reaches_out=True)
async def follow(request: Request, app: App, actor: Caller) -> Response:
    hub: Hub = request.state.hub
    return StreamingResponse(_stream(request, app, hub, actor), media_type="text/event-stream")


async def _stream(request: Request, app: Runtime, hub: Hub, actor: Actor) -> AsyncIterator[str]:
    async with hub.following(actor.user_id) as changes:
        yield "retry: 2000\nevent: open\ndata: \n\n"
        while not changes.is_over:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    topics = await changes.wait()
            except TimeoutError:
                if not await _is_signed_in(request, app):
                    yield "event: signed-out\ndata: \n\n"
                    return
                yield ": still here\n\n"
                continue
            if topics:
                yield f"data: {' '.join(sorted(topics))}\n\n"


async def _is_signed_in(request: Request, app: Runtime) -> bool:
    try:
        async with app.db.begin(Scope(request_id=request.state.request_id)) as db:
            await session.enter(app, db, request)
    except Unauthenticated:
        return False
    return True
