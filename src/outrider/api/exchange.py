"""One request's passage through the guard: unknown parameters, rate limits, credentials, permission, idempotency."""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.api.auth import authenticate
from outrider.api.deps import App, Db
from outrider.api.idempotency import Idempotency
from outrider.api.limits import RateLimiter
from outrider.core import log
from outrider.core.db import Scope
from outrider.core.errors import Forbidden, Invalid, Unauthenticated
from outrider.domain.accounts.permissions import Actor, Permission


class Exchange:
    """What the guard found out; the contract asks it for an earlier answer and hands it the new one."""

    def __init__(self, idempotency: Idempotency | None = None) -> None:
        self._idempotency = idempotency

    @classmethod
    def within(cls, request: Request, db: AsyncSession, actor: Actor) -> "Exchange":
        """One whose answer is kept in the request's own transaction, where it names a key."""
        key = request.headers.get("idempotency-key")
        return cls(Idempotency(request, db, actor, key) if key is not None and request.method == "POST" else None)

    async def replay(self) -> Response | None:
        return await self._idempotency.replay() if self._idempotency else None

    async def keep(self, response: Response) -> None:
        if self._idempotency:
            await self._idempotency.keep(response)


def guard(
    needs: Permission | str, *, takes_unknown: bool = False, reaches_out: bool = False, counts_itself: bool = False
) -> Callable[..., Awaitable[Exchange]]:
    """Builds the dependency that every route of a contract starts with.

    `takes_unknown` is for what other services call: they add parameters as they please. With `reaches_out` no
    transaction is held while the route runs, which asks somebody outside. `counts_itself`: the route knows its callers
    by more than their address, and counts those whom it refuses.
    """
    if isinstance(needs, Permission):
        return _guarded_briefly(needs) if reaches_out else _guarded(needs)
    if counts_itself:
        return _uncounted
    return _public_to_others if takes_unknown else _public


async def _uncounted() -> Exchange:
    return Exchange()


async def _public(request: Request, app: App) -> Exchange:
    refuse_unknown_parameters(request)
    return await _public_to_others(request, app)


async def _public_to_others(request: Request, app: App) -> Exchange:
    """Lets anybody in; whoever shows credentials is known all the same. Holds no transaction."""
    request.state.standing = await request.state.limiter.hit("address", _address(request))
    if "authorization" in request.headers or "x-api-key" in request.headers:
        async with app.db.begin(Scope(request_id=request.state.request_id)) as db:
            request.state.actor = await authenticate(app, db, request)
    return Exchange()


def _guarded(needs: Permission) -> Callable[..., Awaitable[Exchange]]:
    async def check(request: Request, app: App, db: Db) -> Exchange:
        refuse_unknown_parameters(request)
        return Exchange.within(request, db, await _admit(request, app, db, needs))

    return check


def _guarded_briefly(needs: Permission) -> Callable[..., Awaitable[Exchange]]:
    async def check(request: Request, app: App) -> Exchange:
        refuse_unknown_parameters(request)
        async with app.db.begin(Scope(request_id=request.state.request_id)) as db:
            await _admit(request, app, db, needs)
        return Exchange()

    return check


async def _admit(request: Request, app: App, db: AsyncSession, needs: Permission) -> Actor:
    limiter: RateLimiter = request.state.limiter
    try:
        actor = await authenticate(app, db, request)
    except Unauthenticated:
        # Guessing credentials is slowed by address; whoever has good ones is counted as themselves.
        request.state.standing = await limiter.hit("address", _address(request))
        raise
    request.state.standing = await limiter.hit("user", str(actor.user_id))
    log.bind_request(
        request_id=request.state.request_id, user_id=str(actor.user_id), workspace_id=str(actor.workspace_id)
    )
    if not actor.may(needs):
        raise Forbidden(f"Your role or access key doesn't allow this: it needs {needs}.", needs=str(needs))
    request.state.actor = actor
    return actor


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def refuse_unknown_parameters(request: Request) -> None:
    """A misspelt filter must not silently return everything."""
    route = request.scope["route"]
    known = _known_parameters(route.dependant)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise Invalid(
            f"Unknown query parameter: {', '.join(unknown[:5])}. Known here: {', '.join(sorted(known)) or 'none'}.",
            errors=[{"field": f"query.{name}", "message": "Unknown parameter"} for name in unknown[:20]],
        )


def _known_parameters(dependant: Dependant) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    for inner in dependant.dependencies:
        names |= _known_parameters(inner)
    return names
