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

import httpx2
import pytest
from sqlalchemy import func, insert, select, update

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Member, Role, User
from outrider.domain.accounts.vault import open_vault
from outrider.domain.calls import rules
from outrider.domain.calls.models import (
    Call,
    CallAttempt,
    CallConsent,
    CallSettings,
    CallType,
    Priority,
    Status,
    Waiting,
)
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.calls import SENDER, retire_calls, telephone_runtime
from tests.faults.test_kills import Workers
from tests.live import environment
from tests.stand_ins.twilio import ACCOUNT, TOKEN, Twilio, running
from tests.stand_ins.twilio import Call as Rung

PATIENCE = 900  # a guard against waiting for ever, no figure
NIGHT_EVERY = 10  # one of so many sleeps
FAULT_EVERY = 10  # of so many calls one meets an error of the carrier's
# That begin to ring: Twilio has one a second begin unless it is paid for more, and keeps the others waiting
# (https://www.twilio.com/docs/voice/api/call-resource).
PER_SECOND = 10
LATE_EVERY, LATE, SOON = 4, 2.5, 0.5  # of so many calls the carrier tells late, so that the system has looked by itself


async def test_two_kills_lose_and_double_none_of_40_calls(
    runtime: Runtime, settings: Settings, database: Addresses, server: EmbeddedServer
) -> None:
    await drill(runtime, settings, database, server, count=40, workspaces=2, kills=2, lease="3s", first_look="0s")


@pytest.mark.faults
async def test_twenty_kills_lose_and_double_none_of_1000_calls(
    runtime: Runtime, settings: Settings, database: Addresses, server: EmbeddedServer
) -> None:
    await drill(runtime, settings, database, server, count=1_000, workspaces=20, kills=20, lease="5s", first_look="1s")


async def drill(
    runtime: Runtime, settings: Settings, database: Addresses, server: EmbeddedServer,
    *, count: int, workspaces: int, kills: int, lease: str, first_look: str,
) -> None:  # fmt: skip
    """The carrier's list has at once what was placed, so that the looks may follow each other faster than in life."""
    seed = int(os.environ.get("OUTRIDER_SEED", random.randrange(10**6)))
    chance = random.Random(seed)
    async with running() as twilio, telephone_runtime(settings, database, twilio) as called_back:
        called_back.clock.freeze(None)
        twilio.delay = 0.1
        twilio.fail(500, after=True)  # the first call is placed, and nobody is told
        workers = Workers(given(settings, server, called_back, twilio, lease, first_look), [])
        began = time.monotonic()
        people = asyncio.create_task(answer_the_phones(twilio))
        try:
            workers.start()
            workers.start()
            stage = await set_the_stage(runtime, count, workspaces)
            await watch(stage, workers, twilio, chance, count=stage.awake, kills=kills)
        finally:
            workers.stop()
            people.cancel()
        await check(stage, twilio, workers, seconds=time.monotonic() - began, seed=seed)
        for owner in stage.owners:
            await retire_calls(runtime, owner)


@dataclass
class Stage:
    runtime: Runtime
    owners: list[Someone]  # one a workspace
    awake: int = 0
    sleeping: set[str] = field(default_factory=set)  # numbers


async def set_the_stage(runtime: Runtime, count: int, workspaces: int) -> Stage:
    """As many people as calls, each with a number of their own; where some are it is night now."""
    stage = Stage(runtime, [await make_user(runtime) for _ in range(workspaces)])
    for index, owner in enumerate(stage.owners):
        people = range(count * index // workspaces, count * (index + 1) // workspaces)
        stage.sleeping |= await _people_of(runtime, owner, people)
    stage.awake = count - len(stage.sleeping)
    return stage


async def _people_of(runtime: Runtime, owner: Someone, people: range) -> set[str]:
    """Returns the numbers of those who sleep."""
    at = now()
    day = f"Etc/GMT{at.hour - 14:+d}" if at.hour - 14 else "Etc/GMT"
    # The signs of these zones are the other way round: +5 is five hours behind.
    night = f"Etc/GMT{(at.hour - 2 if at.hour - 2 <= 12 else at.hour - 26):+d}"
    users, others, sleeping = [], [], set()
    for number in people:
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
    return sleeping


def given(
    settings: Settings, server: EmbeddedServer, runtime: Runtime, twilio: Twilio, lease: str, first_look: str
) -> dict[str, str]:
    return environment(
        settings, server, TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_AUTH_TOKEN=TOKEN, TWILIO_PHONE_NUMBER=SENDER,
        TWILIO_API_URL=twilio.url, NEXT_PUBLIC_BASE_URL=runtime.settings.public_url, OUTRIDER_CALL_LEASE=lease,
        OUTRIDER_CALL_FIRST_LOOK=first_look, OUTRIDER_LOG_LEVEL="WARNING",
    )  # fmt: skip


async def answer_the_phones(twilio: Twilio) -> None:
    """Everybody answers after a while, and hears it to the end. The carrier has calls begin at its own pace."""
    talks: list[asyncio.Task[None]] = []
    while True:
        await asyncio.sleep(1 / PER_SECOND)
        if len(talks) < len(twilio.calls):
            call = list(twilio.calls.values())[len(talks)]
            talks.append(asyncio.create_task(_talk(twilio, call, SOON if len(talks) % LATE_EVERY else LATE)))


async def _talk(twilio: Twilio, call: Rung, after: float) -> None:
    await asyncio.sleep(after)
    try:
        await twilio.answer(call)
    except (AssertionError, TimeoutError, httpx2.HTTPError) as error:
        # Twilio says that something went wrong, and hangs up.
        print(f"\n{call.sid} at {call.asked['To']} heard nothing: {error!r}")
    await twilio.end(call, seconds=5)


async def watch(
    stage: Stage, workers: Workers, twilio: Twilio, chance: random.Random, *, count: int, kills: int
) -> None:
    deadline = time.monotonic() + PATIENCE
    faults = 0
    while workers.kills < kills or not await all_told(stage, twilio, count):
        assert time.monotonic() < deadline, await story(stage, twilio)
        assert all(each.poll() is None for each in workers.running), "a worker ended by itself"
        if workers.kills < kills and len(twilio.calls) >= count * (workers.kills + 1) / (kills + 1):
            await asyncio.sleep(chance.random() * 0.3)
            workers.kill(chance)
        # One at a time, and none for the looks afterwards alone: every other call has been placed all the same.
        if faults < len(twilio.calls) // FAULT_EVERY < count // FAULT_EVERY and not any(
            each.times for each in twilio.faults
        ):
            faults = len(twilio.calls) // FAULT_EVERY
            twilio.fail(500, after=len(twilio.faults) % 2 == 1)
        await asyncio.sleep(0.2)


async def all_told(stage: Stage, twilio: Twilio, count: int) -> bool:
    """Asks the database no more often than is needed: it has enough to do."""
    if len({each.asked["To"] for each in twilio.calls.values() if each.status == "completed"}) < count:
        return False
    await asyncio.sleep(1)
    return await completed(stage) >= count


async def story(stage: Stage, twilio: Twilio) -> str:
    """What is known of the calls that have not ended."""
    rang = {each.asked["To"]: each for each in twilio.calls.values()}
    told = []
    for owner in stage.owners:
        async with stage.runtime.db.begin(owner.scope) as db:
            query = select(Call).where(Call.status != Status.COMPLETED, Call.content.not_in(stage.sleeping))
            for call in await db.scalars(query.limit(5)):
                attempts = await db.scalars(select(CallAttempt).where(CallAttempt.call_id == call.id))
                told.append(f"{vars(call)}\n{[vars(each) for each in attempts]}\n{rang.get(call.content)}")
    return "\n".join(told)


async def completed(stage: Stage) -> int:
    """For whom nothing was said, as this machine had no time to answer, the minutes until the next try pass at once."""
    done = 0
    for owner in stage.owners:
        async with stage.runtime.db.begin(owner.scope) as db:
            await db.execute(update(Call).where(Call.waiting_for == Waiting.RETRY).values(due_at=now()))
            done += await db.scalar(select(func.count()).select_from(Call).where(Call.status == Status.COMPLETED)) or 0
    return done


async def check(stage: Stage, twilio: Twilio, workers: Workers, *, seconds: float, seed: int) -> None:
    rings = Counter(each.asked["To"] for each in twilio.calls.values())
    # Whom nothing was said to may be called again.
    unheard = Counter(each.asked["To"] for each in twilio.calls.values() if not each.heard)
    doubled = {to: times for to, times in (rings - unheard).items() if times > 1}
    calls: dict[str, Call] = {}
    attempts: list[CallAttempt] = []
    for owner in stage.owners:
        async with stage.runtime.db.begin(owner.scope) as db:
            calls |= {each.content: each for each in await db.scalars(select(Call))}
            attempts += await db.scalars(select(CallAttempt))
    lost = [to for to, call in calls.items() if to not in stage.sleeping and call.status is not Status.COMPLETED]
    doubted = sum(each.carrier_id is None or each.looks > 0 for each in attempts)
    at_night = stage.sleeping & set(rings)
    without = sum(each.consent_id is None for each in attempts)
    print(
        f"\nseed {seed}: {stage.awake} calls of {len(stage.owners)} workspaces, {workers.kills} kills,"
        f" {doubted} attempts looked for, {unheard.total()} heard nothing, {len(doubled)} doubled, {len(lost)} lost, {len(at_night)} at night,"
        f" {without} without consent, {twilio.repeated} callbacks repeated, {seconds:.0f} s"
    )
    assert (doubled, lost, at_night, without) == ({}, [], set(), 0)
    assert workers.kills > 0
    assert sum(fault.times == 0 for fault in twilio.faults) > 0
