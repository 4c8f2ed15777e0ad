"""Newcomers are let in by the operator's word; on an empty server, the first one always."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Forbidden
from outrider.core.ids import new_id
from outrider.domain.accounts import newcomers, registering
from outrider.runtime import Runtime
from tests.factories.accounts import PASSWORD, make_user


async def forget_everybody(db: AsyncSession) -> None:
    """As if there were nobody: a table of the transaction's own stands before the real one."""
    await db.execute(text("create temporary table users (id uuid) on commit drop"))
    await db.execute(text("set local search_path = pg_temp, public"))  # statements prepared before look anew


@pytest.mark.parametrize(
    ("email", "sign_up"),
    [
        ("eve@elsewhere.test", ("*",)),
        ("Ada@Firm.test", ("firm.TEST",)),
        ("ada@firm.test", ("other.test", "ADA@firm.test")),
    ],
    ids=["anybody", "a domain", "an address"],
)
async def test_whom_the_operator_lets_in_may_come(runtime: Runtime, email: str, sign_up: tuple[str, ...]) -> None:
    async with runtime.db.begin() as db:
        await newcomers.check_welcome(db, email, sign_up)
        assert await newcomers.is_open(db, sign_up)


@pytest.mark.parametrize(
    ("email", "sign_up"),
    [
        ("eve@elsewhere.test", ()),
        ("eve@elsewhere.test", ("firm.test",)),
        ("eve@sub.firm.test", ("firm.test",)),
        ("eve@firm.test", ("ada@firm.test",)),
    ],
    ids=["nobody", "another domain", "below the domain", "another address"],
)
async def test_others_are_turned_away_unless_they_are_the_first(
    runtime: Runtime, email: str, sign_up: tuple[str, ...]
) -> None:
    await make_user(runtime)
    async with runtime.db.begin() as db:
        with pytest.raises(Forbidden, match="Ask the operator"):
            await newcomers.check_welcome(db, email, sign_up)
        assert await newcomers.is_open(db, sign_up) is bool(sign_up)
    async with runtime.db.begin() as db:
        await forget_everybody(db)
        await newcomers.check_welcome(db, email, sign_up)
        assert await newcomers.is_open(db, ())


async def test_of_two_who_come_first_the_second_waits_for_the_first_to_be_one(runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        await forget_everybody(db)
        await newcomers.check_welcome(db, "ada@firm.test", ())

        async def second() -> None:
            async with runtime.db.begin() as other:
                await newcomers.check_welcome(other, "eve@elsewhere.test", ())

        waiting = asyncio.create_task(second())
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
    with pytest.raises(Forbidden):
        await waiting


async def test_registering_is_refused_where_nobody_is_let_in(runtime: Runtime) -> None:
    await make_user(runtime)
    with pytest.raises(Forbidden):
        await registering.register(
            runtime.db, email=f"{new_id().hex}@a.test", password=PASSWORD, name="Eve", timezone="UTC", sign_up=()
        )
