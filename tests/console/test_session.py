"""The console's cookie."""

import base64

import pytest
from starlette.requests import Request

from outrider.console import session
from outrider.core.db import Scope
from outrider.core.errors import Unauthenticated
from outrider.domain.accounts import sessions
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.browser import cookie


def asking(value: str) -> Request:
    headers = [(b"cookie", f"{session.COOKIE}={value}".encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "state": {"request_id": "1"}})


async def test_the_cookie_is_its_session_until_that_is_revoked(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    value = cookie(runtime, ada)
    async with runtime.db.begin(Scope(request_id="1")) as db:
        assert (await session.enter(runtime, db, asking(value))).user_id == ada.user.id
    assert ada.actor.session_id is not None
    async with runtime.db.begin(ada.scope) as db:
        await sessions.revoke(db, ada.workspace_id, ada.actor.session_id, reason="Lost.")
    async with runtime.db.begin(Scope(request_id="1")) as db:
        with pytest.raises(Unauthenticated):
            await session.enter(runtime, db, asking(value))


async def test_a_cookie_that_was_touched_names_nobody(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    data = base64.urlsafe_b64decode(cookie(runtime, ada))
    foreign = base64.urlsafe_b64decode(cookie(runtime, eve))
    for touched in (data[:-1], data[:32] + foreign[32:], foreign[:16] + data[16:], b""):
        async with runtime.db.begin(Scope(request_id="1")) as db:
            with pytest.raises(Unauthenticated):
                await session.enter(runtime, db, asking(base64.urlsafe_b64encode(touched).decode()))


async def test_a_cookie_is_no_access_token_and_an_access_token_no_cookie(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(Scope(request_id="1")) as db:
        with pytest.raises(Unauthenticated):
            await session.enter(runtime, db, asking(ada.access_token))
