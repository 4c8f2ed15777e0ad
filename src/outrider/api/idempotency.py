"""Idempotency-Key: the first answer to a POST is stored with its effect and given again to its repeats."""

import hashlib

from fastapi import Request, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Conflict, Invalid
from outrider.domain.accounts.permissions import Actor

CLAIM = text(
    "insert into idempotency_keys (workspace_id, route, key, fingerprint) values (:ws, :route, :key, :fingerprint)"
    " on conflict do nothing returning true"
)
READ = text(
    "select fingerprint, status, body from idempotency_keys where workspace_id = :ws and route = :route and key = :key"
)
KEEP = text(
    "update idempotency_keys set status = :status, body = :body"
    " where workspace_id = :ws and route = :route and key = :key"
)
LONGEST = 255


class KeyReused(Conflict):
    code = "idempotency_key_reused"


class StillRunning(Conflict):
    code = "idempotency_key_in_use"


class Idempotency:
    """One request's use of its key, within the request's own transaction."""

    def __init__(self, request: Request, db: AsyncSession, actor: Actor, key: str) -> None:
        if not 1 <= len(key) <= LONGEST:
            raise Invalid(f"Idempotency-Key must have 1 to {LONGEST} characters.", field="Idempotency-Key")
        self._request, self._db = request, db
        # A key belongs to one user's use of one route.
        route = f"{actor.user_id} {request.method} {request.url.path}"
        self._row = {"ws": actor.workspace_id, "route": route, "key": key}

    async def replay(self) -> Response | None:
        """Returns the stored answer of an earlier request; None if this is the first and it should go on."""
        fingerprint = hashlib.sha256(self._request.url.query.encode() + b"\0" + await _content(self._request)).digest()
        try:
            # Waits here for a twin that is still running, until its commit or the statement's time limit.
            if await self._db.scalar(CLAIM, {**self._row, "fingerprint": fingerprint}):
                return None
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "57014":
                raise StillRunning("A request with this Idempotency-Key is still running. Try again shortly.") from None
            raise
        stored = (await self._db.execute(READ, self._row)).one()
        if stored.fingerprint != fingerprint:
            raise KeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
        headers = {"Idempotency-Replayed": "true"}
        return Response(stored.body, stored.status, headers=headers, media_type="application/json")

    async def keep(self, response: Response) -> None:
        await self._db.execute(KEEP, {**self._row, "status": response.status_code, "body": bytes(response.body)})


async def _content(request: Request) -> bytes:
    """What a request says: a form without its boundary, which every try draws anew."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    digest = hashlib.sha256()
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            content = value.encode()
        else:
            content = await value.read()
            await value.seek(0)
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.digest()
