"""Signing in, refreshing, signing out."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from outrider.api.issuing import issuer_of
from outrider.core import passwords
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.errors import Limited, Unauthenticated
from outrider.core.ids import new_id
from outrider.domain.accounts import sessions
from outrider.domain.accounts.models import RefreshToken, Session, User
from outrider.domain.accounts.sessions import Issued, Refused
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import PASSWORD, Someone, make_user


async def sign_in(runtime: Runtime, email: str, password: str = PASSWORD) -> Issued | Refused | Limited:
    try:
        return await sessions.sign_in(runtime.db, issuer_of(runtime), email=email, password=password)
    except (Refused, Limited) as refusal:
        return refusal


async def refresh(runtime: Runtime, token: str) -> Issued | Refused:
    async with runtime.db.begin(Scope()) as db:
        return await sessions.refresh(db, issuer_of(runtime), token)


async def signed_in(runtime: Runtime) -> tuple[Someone, Issued]:
    ada = await make_user(runtime)
    issued = await sign_in(runtime, ada.user.email)
    assert isinstance(issued, Issued)
    return ada, issued


async def test_unknown_and_wrong_look_the_same(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    answers = [
        await anonymous.post("/auth/connect", json={"provider": "password", "email": email, "password": "wrong word"})
        for email in (ada.user.email, "nobody@a.test")
    ]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].content == answers[1].content


async def test_guessing_at_nobody_gets_as_slow(runtime: Runtime) -> None:
    ada, nobody = await make_user(runtime), f"{new_id().hex}@a.test"
    paces = []
    for email in (ada.user.email, nobody):
        results = [await sign_in(runtime, email, "wrong word") for _ in range(9)]
        paces.append([(type(each), getattr(each, "retry_after", 0) > 0) for each in results])
    assert paces[0] == paces[1]
    assert paces[0][-1] == (Limited, True)


async def test_strangers_take_no_more_room_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_STRANGERS", 3)
    monkeypatch.setattr(sessions, "_strangers", {})
    for number in range(10):
        sessions._stranger(f"{number}@a.test").count_failure(now())
    assert sessions._stranger("9@a.test").failures == 1
    assert sessions._stranger("0@a.test").failures == 0
    assert len(sessions._strangers) <= 4


async def test_guessing_gets_slower_and_slower(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    results = [await sign_in(runtime, ada.user.email, "wrong word") for _ in range(12)]
    evaluated = sum(isinstance(each, Refused) for each in results)
    print(f"\n12 guesses: {evaluated} evaluated")
    assert evaluated == 6
    assert isinstance(results[-1], Limited)
    async with runtime.db.begin() as db:
        user = await db.get_one(User, ada.user.id)
        user.locked_until = now() - timedelta(seconds=1)
    assert isinstance(await sign_in(runtime, ada.user.email), Issued), "its owner gets in after the wait"


async def test_twenty_refreshes_at_once_give_one_successor(runtime: Runtime) -> None:
    _, issued = await signed_in(runtime)
    results = await asyncio.gather(*(refresh(runtime, issued.refresh_token) for _ in range(20)))
    assert all(isinstance(each, Issued) for each in results)
    assert len({each.refresh_token for each in results if isinstance(each, Issued)}) == 1


async def test_a_refresh_token_that_comes_back_late_ends_the_whole_session(runtime: Runtime, anonymous: Client) -> None:
    ada, issued = await signed_in(runtime)
    successor = await refresh(runtime, issued.refresh_token)
    assert isinstance(successor, Issued)
    async with runtime.db.begin(ada.scope) as db:
        for link in await db.scalars(select(RefreshToken).where(RefreshToken.used_at.is_not(None))):
            link.used_at = now() - timedelta(seconds=11)
    assert isinstance(await refresh(runtime, issued.refresh_token), Refused)
    with pytest.raises(Unauthenticated):
        await refresh(runtime, successor.refresh_token)
    assert (await anonymous.signed_in(successor.access_token).get("/user/profile")).status_code == 401
    async with runtime.db.begin(ada.scope) as db:
        names = list(await db.scalars(text("select name from events")))
    assert "account.refresh_token_reused" in names


async def test_a_revoked_session_is_refused_at_the_next_request(runtime: Runtime, anonymous: Client) -> None:
    ada, issued = await signed_in(runtime)
    client = anonymous.signed_in(issued.access_token)
    assert (await client.get("/user/profile")).status_code == 200
    async with runtime.db.begin(ada.scope) as db:
        await sessions.revoke(db, ada.workspace_id, issued.session.id, reason="signed out")
    assert (await client.get("/user/profile")).status_code == 401


async def test_a_session_ends_at_its_time(runtime: Runtime, anonymous: Client) -> None:
    ada, issued = await signed_in(runtime)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Session, (ada.workspace_id, issued.session.id))).expires_at = now()
    assert (await anonymous.signed_in(issued.access_token).get("/user/profile")).status_code == 401
    with pytest.raises(Unauthenticated):
        await refresh(runtime, issued.refresh_token)


async def test_tokens_are_stored_as_digests_only(runtime: Runtime) -> None:
    ada, issued = await signed_in(runtime)
    async with runtime.db.begin(ada.scope) as db:
        rows = (await db.execute(text("select refresh_tokens::text from refresh_tokens"))).scalars().all()
    assert rows
    assert not any(issued.refresh_token.partition(".")[2] in row for row in rows)


async def test_passwords_are_never_cut(runtime: Runtime) -> None:
    long = "x" * 72
    stored = await passwords.hash_password(long + "a")
    assert await passwords.verify(stored, long + "a")
    assert not await passwords.verify(stored, long + "b")
