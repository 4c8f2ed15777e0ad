"""Whom nothing is sent to: putting on, recognising, taking off, erasing."""

import pytest

from outrider.core.errors import Invalid
from outrider.domain.suppressions import actions, queries
from outrider.domain.suppressions.actions import RecipientSuppressed
from outrider.domain.suppressions.models import Reason, Scope, Suppression
from outrider.domain.suppressions.queries import SuppressionNotFound
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user


async def suppress(
    runtime: Runtime, owner: Someone, value: str, *, origin: str | None = None, reason: Reason = Reason.MANUAL
) -> Suppression | None:
    async with runtime.db.begin(owner.scope) as db:
        return await actions.suppress(
            db, runtime.keyring, owner.workspace_id, value, reason=reason, proof={"by": "test"}, origin=origin
        )


async def is_reachable(runtime: Runtime, owner: Someone, address: str, *, origin: str = "sequence") -> bool:
    async with runtime.db.begin(owner.scope) as db:
        try:
            await actions.require_reachable(db, runtime.keyring, owner.workspace_id, address, origin=origin)
        except RecipientSuppressed:
            return False
    return True


async def is_among(runtime: Runtime, owner: Someone, address: str) -> bool:
    async with runtime.db.begin(owner.scope) as db:
        return address in await queries.among(db, owner.workspace_id, [address], origins=["sequence"])


@pytest.mark.parametrize(
    ("value", "scope", "held", "free"),
    [
        ("bob@b.test", Scope.ADDRESS, ["bob@b.test"], ["bobby@b.test", "bob@a.b.test"]),
        (" Bob@B.test ", Scope.ADDRESS, ["bob@b.test"], ["carol@b.test"]),
        ("b.test", Scope.DOMAIN, ["bob@b.test", "eve@mail.b.test"], ["bob@bb.test", "bob@test"]),
        ("*", Scope.WORKSPACE, ["bob@b.test", "any@c.test"], []),
    ],
)
async def test_an_address_a_domain_or_everybody_is_held_back(
    runtime: Runtime, value: str, scope: Scope, held: list[str], free: list[str]
) -> None:
    ada = await make_user(runtime)
    made = await suppress(runtime, ada, value)
    assert made is not None
    assert made.scope is scope
    for address in held:
        assert not await is_reachable(runtime, ada, address)
        assert await is_among(runtime, ada, address)
    for address in free:
        assert await is_reachable(runtime, ada, address)
        assert not await is_among(runtime, ada, address)


async def test_one_origin_can_be_held_back_alone(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await suppress(runtime, ada, "bob@b.test", origin="campaign")
    assert await is_reachable(runtime, ada, "bob@b.test", origin="sequence")
    assert not await is_reachable(runtime, ada, "bob@b.test", origin="campaign")


async def test_another_workspace_knows_nothing_of_it(runtime: Runtime) -> None:
    ada, eve = await make_user(runtime), await make_user(runtime)
    await suppress(runtime, ada, "bob@b.test")
    assert await is_reachable(runtime, eve, "bob@b.test")


async def test_the_first_reason_stands(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await suppress(runtime, ada, "bob@b.test", reason=Reason.COMPLAINT)
    assert await suppress(runtime, ada, "bob@b.test", reason=Reason.MANUAL) is None
    async with runtime.db.begin(ada.scope) as db:
        found = await queries.find(db, runtime.keyring, ada.workspace_id, "bob@b.test", origin="sequence")
    assert found is not None
    assert found.reason is Reason.COMPLAINT


async def test_taken_off_the_list_it_is_reachable_again(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    await suppress(runtime, ada, "bob@b.test")
    async with runtime.db.begin(ada.scope) as db:
        assert await actions.lift(db, runtime.keyring, ada.workspace_id, "Bob@b.test") == 1
    assert await is_reachable(runtime, ada, "bob@b.test")
    with pytest.raises(SuppressionNotFound):
        async with runtime.db.begin(ada.scope) as db:
            await actions.lift(db, runtime.keyring, ada.workspace_id, "bob@b.test")


async def test_an_erased_address_is_still_recognised(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    made = await suppress(runtime, ada, "bob@b.test")
    assert made is not None
    async with runtime.db.begin(ada.scope) as db:
        assert await actions.forget(db, ada.workspace_id, "bob@b.test") == 1
        kept = await db.get_one(Suppression, (ada.workspace_id, made.id))
        assert (kept.value, kept.proof) == (None, {})
        assert b"bob" not in kept.digest
    assert not await is_reachable(runtime, ada, "bob@b.test")


@pytest.mark.parametrize("value", ["", "bob", "bob@", "@b.test", "b..test", "two words", "bob@b.test\nBcc: x@y.test"])
async def test_what_is_neither_address_nor_domain_is_told(runtime: Runtime, value: str) -> None:
    ada = await make_user(runtime)
    with pytest.raises(Invalid):
        await suppress(runtime, ada, value)
