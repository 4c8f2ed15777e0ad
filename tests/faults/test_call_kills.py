"""Workers killed while they place calls, at a carrier that places before it answers: no call is lost, no telephone rings
twice for one, and none rings in the night.
"""

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, insert, select, update

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Member, Role, User
from outrider.domain.accounts.vault import open_vault
from outrider.domain.calls import rules
from outrider.domain.calls.models import Call, CallAttempt, CallConsent, CallSettings, CallType, Priority, State, Status
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.calls import SENDER, retire_calls, telephone_runtime
from tests.faults.test_kills import Workers
from tests.live import environment
from tests.stand_ins.twilio import ACCOUNT, TOKEN, Fault, Twilio, running
from tests.stand_ins.twilio import Call as Rung

LEASE = "3s"
PATIENCE = 120
NIGHT_EVERY = 10  # one of so many sleeps


async def test_three_kills_lose_and_double_none_of_60_calls(
    settings: Settings, database: Addresses, server: EmbeddedServer
) -> None:
    await drill(settings, database, server, count=60, kills=3)


@pytest.mark.faults
async def test_twenty_kills_lose_and_double_none_of_1000_calls(
    settings: Settings, database: Addresses, server: EmbeddedServer
) -> None:
    await drill(settings, database, server, count=1_000, kills=20)


async def drill(settings: Settings, database: Addresses, server: EmbeddedServer, *, count: int, kills: int) -> None:
    seed = int(os.environ.get("OUTRIDER_SEED", random.randrange(10**6)))
    chance = random.Random(seed)
    async with running() as twilio, telephone_runtime(settings, database, twilio) as runtime:
        runtime.clock.freeze(None)
        twilio.delay = 0.1
        stage = await set_the_stage(runtime, count)
        workers = Workers(given(settings, server, runtime, twilio), [])
        began = time.monotonic()
        people = asyncio.create_task(answer_the_phones(twilio, chance))
        try:
            workers.start()
            workers.start()
            await watch(stage, workers, twilio, chance, count=stage.awake, kills=kills)
        finally:
            workers.stop()
            people.cancel()
        await check(stage, twilio, workers, seconds=time.monotonic() - began, seed=seed)
        await retire_calls(runtime, stage.owner)


@dataclass
class Stage:
    runtime: Runtime
    owner: Someone
    awake: int
    sleeping: set[str]  # numbers
    doubted: set[UUID] = field(default_factory=set)  # attempts that may or may not have been placed, for a while


async def set_the_stage(runtime: Runtime, count: int) -> Stage:
    """As many people as calls, each with a number of their own; where some are it is night now."""
    owner = await make_user(runtime)
    at = now()
    day = f"Etc/GMT{at.hour - 14:+d}" if at.hour - 14 else "Etc/GMT"
    # The signs of these zones are the other way round: +5 is five hours behind.
    night = f"Etc/GMT{(at.hour - 2 if at.hour - 2 <= 12 else at.hour - 26):+d}"
    users, others, sleeping = [], [], set()
    for number in range(count):
        is_asleep = number % NIGHT_EVERY == 0
        user_id, phone = new_id(), f"+4420794{number:05}"
        users.append({"id": user_id, "email": f"{user_id.hex}@a.test", "timezone": night if is_asleep else day})
        others.append((user_id, phone))
        sleeping |= {phone} if is_asleep else set()
    async with runtime.db.begin(owner.scope) as db:
        await open_vault(db, runtime.keyring, owner.workspace_id)
        own = {"workspace_id": owner.workspace_id}
        await db.execute(insert(User), users)
        await db.execute(insert(Member), [{**own, "user_id": each["id"], "role": Role.MEMBER} for each in users])
        await db.execute(
            insert(CallSettings),
            [{**own, "id": new_id(), "user_id": user, "phone_number": phone, "quiet_from": "00:00", "quiet_until": "00:00"} for user, phone in others],
        )  # fmt: skip
        await db.execute(
            insert(CallConsent),
            [{**own, "id": new_id(), "user_id": user, "phone_number": phone, "wording": "Yes."} for user, phone in others],
        )  # fmt: skip
        await db.execute(
            insert(Call),
            [
                {
                    **own, "id": new_id(), "user_id": user, "call_type": CallType.URGENT, "priority": Priority.HIGH,
                    "origin": "drill", "content": phone, "content_summary": phone, "scheduled_at": at, "due_at": at,
                    "give_up_at": at + timedelta(hours=2), "most_attempts": rules.MOST_ATTEMPTS[CallType.URGENT],
                }
                for user, phone in others
            ],
        )  # fmt: skip
    return Stage(runtime, owner, count - len(sleeping), sleeping)


def given(settings: Settings, server: EmbeddedServer, runtime: Runtime, twilio: Twilio) -> dict[str, str]:
    return environment(
        settings, server, TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_AUTH_TOKEN=TOKEN, TWILIO_PHONE_NUMBER=SENDER,
        TWILIO_API_URL=twilio.url, NEXT_PUBLIC_BASE_URL=runtime.settings.public_url, OUTRIDER_CALL_LEASE=LEASE,
        OUTRIDER_CALL_FIRST_LOOK="1s", OUTRIDER_LOG_LEVEL="WARNING",
    )  # fmt: skip


async def answer_the_phones(twilio: Twilio, chance: random.Random) -> None:
    """Everybody answers after a while, and hears it to the end. Of one call in four the carrier tells late, so that the
    system has looked for it by itself.
    """
    seen: set[str] = set()
    talks: set[asyncio.Task[None]] = set()
    while True:
        for call in list(twilio.calls.values()):
            if call.sid not in seen:
                seen.add(call.sid)
                talks.add(asyncio.create_task(_talk(twilio, call, 6 if chance.random() < 0.25 else 1)))
        await asyncio.sleep(0.05)


async def _talk(twilio: Twilio, call: Rung, after: float) -> None:
    await asyncio.sleep(after)
    try:
        await twilio.answer(call)
    except (AssertionError, httpx2.HTTPError) as error:
        print(f"\n{call.sid} at {call.asked['To']} heard nothing: {error!r}")
    await twilio.end(call, seconds=5)


async def watch(
    stage: Stage, workers: Workers, twilio: Twilio, chance: random.Random, *, count: int, kills: int
) -> None:
    deadline = time.monotonic() + PATIENCE
    while await completed(stage) < count or workers.kills < kills:
        assert time.monotonic() < deadline, await story(stage, twilio)
        if workers.kills < kills and len(twilio.calls) >= count * workers.kills / (kills + 1):
            await asyncio.sleep(chance.random() * 0.3)
            workers.kill(chance)
        # Not towards the end: the last calls would meet one trouble after the other, each a minute's wait.
        is_early = len(twilio.calls) < count * 0.7
        if is_early and chance.random() < 0.3 and not any(each.times for each in twilio.faults):
            twilio.faults.append(Fault(500, after=chance.random() < 0.7))
        await asyncio.sleep(0.2)


async def story(stage: Stage, twilio: Twilio) -> str:
    """What is known of the calls that have not ended."""
    async with stage.runtime.db.begin(stage.owner.scope) as db:
        query = (
            select(CallAttempt, Call).join(Call, Call.id == CallAttempt.call_id).where(Call.status != Status.COMPLETED)
        )
        rows = (await db.execute(query.limit(10))).all()
    rang = {each.asked["To"]: each for each in twilio.calls.values()}
    return "\n".join(f"{vars(call)}\n{vars(attempt)}\n{rang.get(attempt.line)}" for attempt, call in rows)


async def completed(stage: Stage) -> int:
    async with stage.runtime.db.begin(stage.owner.scope) as db:
        stage.doubted |= set(await db.scalars(select(CallAttempt.id).where(CallAttempt.state == State.UNKNOWN)))
        return await db.scalar(select(func.count()).select_from(Call).where(Call.status == Status.COMPLETED)) or 0


async def check(stage: Stage, twilio: Twilio, workers: Workers, *, seconds: float, seed: int) -> None:
    rings = Counter(each.asked["To"] for each in twilio.calls.values())
    doubled = {to: times for to, times in rings.items() if times > 1}
    async with stage.runtime.db.begin(stage.owner.scope) as db:
        calls = {each.content: each for each in await db.scalars(select(Call))}
        attempts = list(await db.scalars(select(CallAttempt)))
        await db.execute(update(Call).where(Call.status == Status.SCHEDULED).values(status=Status.FAILED))
    lost = [to for to, call in calls.items() if to not in stage.sleeping and call.status is not Status.COMPLETED]
    unknown = len(stage.doubted)
    at_night = stage.sleeping & set(rings)
    without = sum(each.consent_id is None for each in attempts)
    print(
        f"\nseed {seed}: {stage.awake} calls, {workers.kills} kills, {unknown} attempts became unknown,"
        f" {len(doubled)} doubled, {len(lost)} lost, {len(at_night)} at night, {without} without consent, {seconds:.0f} s"
    )
    assert (doubled, lost, at_night, without) == ({}, [], set(), 0)
    assert workers.kills > 0
    assert unknown > 0
