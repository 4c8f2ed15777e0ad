"""From credentials to an actor: a bearer token or an access key."""

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import tokens
from outrider.core.clock import now
from outrider.core.db import Scope, note_scope, set_scope
from outrider.core.errors import Unauthenticated
from outrider.domain.accounts import queries
from outrider.domain.accounts.permissions import Actor
from outrider.runtime import Runtime

MISSING = "Sign in: send Authorization: Bearer with an access token, or X-API-Key with an access key."
UNKNOWN_KEY = "This access key is unknown, expired or revoked. Make a new one."


async def authenticate(app: Runtime, db: AsyncSession, request: Request) -> Actor:
    """Proves who calls and puts the transaction under their scope. Raises Unauthenticated."""
    request_id: str = request.state.request_id
    if key := request.headers.get("x-api-key"):
        return await _by_key(db, key, request_id)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(MISSING)
    claims = app.tokens.read(token.strip(), now=now())
    await set_scope(db, Scope(claims.workspace_id, request_id=request_id))
    actor = await queries.actor_of_session(db, claims.workspace_id, claims.session_id, now())
    note_scope(db, actor.scope(request_id))
    return actor


async def _by_key(db: AsyncSession, key: str, request_id: str) -> Actor:
    # The checksum in the key spares the database a query for every guess.
    if not tokens.is_well_formed(key):
        raise Unauthenticated(UNKNOWN_KEY)
    digest = tokens.digest(key)
    workspace_id = await queries.workspace_of_access_key(db, digest)
    if workspace_id is None:
        raise Unauthenticated(UNKNOWN_KEY)
    await set_scope(db, Scope(workspace_id, request_id=request_id))
    actor = await queries.actor_of_key(db, workspace_id, digest, now())
    await set_scope(db, actor.scope(request_id))
    return actor
