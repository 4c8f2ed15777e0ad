"""Deleted accounts come to their end by themselves."""

from datetime import timedelta

from outrider.domain.accounts import leaving
from outrider.domain.accounts.models import Erasure
from outrider.domain.erasure.jobs import purge_due
from outrider.runtime import Runtime
from tests.factories.accounts import make_user


async def test_every_account_whose_time_has_come_is_erased_in_one_round(runtime: Runtime) -> None:
    due, later = [await make_user(runtime) for _ in range(3)], await make_user(runtime)
    erasures = []
    for someone in [*due, later]:
        async with runtime.db.begin(someone.scope) as db:
            grace = timedelta(days=1) if someone is later else timedelta()
            erasures.append(await leaving.delete_account(db, someone.actor, grace=grace))
    await purge_due(runtime)
    async with runtime.db.begin() as db:
        ended = [(await db.get_one(Erasure, each.id)).finished_at is not None for each in erasures]
    assert ended == [True, True, True, False]
