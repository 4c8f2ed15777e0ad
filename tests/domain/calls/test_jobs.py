"""Calls placed by telephone, at a carrier that answers, is busy, drops connections and places before it answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from outrider.core.ids import new_id
from outrider.domain.calls import jobs, permitting, queries
from outrider.domain.calls.models import CallNotice, Carrier, Priority, State, Status, Waiting
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.calls import (
    NUMBER,
    SENDER,
    advance,
    found,
    hasten,
    make_call,
    make_callee,
    retire_calls,
    telephone_runtime,
)
from tests.stand_ins.twilio import Call as Rung
from tests.stand_ins.twilio import Twilio, running


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with running() as stand_in:
        yield stand_in


@pytest.fixture
async def telephone(settings: Settings, database: Addresses, twilio: Twilio) -> AsyncIterator[Runtime]:
    async with telephone_runtime(settings, database, twilio) as runtime:
        yield runtime


@pytest.fixture
async def ada(telephone: Runtime) -> AsyncIterator[Someone]:
    owner = await make_callee(telephone)
    yield owner
    await retire_calls(telephone, owner)


def rung(twilio: Twilio) -> Rung:
    (only,) = twilio.calls.values()
    return only


async def test_an_urgent_call_is_placed_answered_and_completed(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    await make_call(telephone, ada, content="The bank needs you.")
    await jobs.pump(telephone)
    call = rung(twilio)
    assert (call.asked["To"], call.asked["From"]) == (NUMBER, SENDER)
    await twilio.ring(call)
    script = await twilio.answer(call)
    assert "The bank needs you." in "".join(script.itertext())
    assert (await found(telephone, ada))[0].status is Status.IN_PROGRESS
    await twilio.end(call, seconds=31)
    kept, (attempt,) = await found(telephone, ada)
    assert (kept.status, kept.duration_seconds, attempt.state) == (Status.COMPLETED, 31, State.COMPLETED)
    assert attempt.consent_id is not None
    await jobs.pump(telephone)
    assert len(twilio.calls) == 1


@pytest.mark.parametrize(
    ("key", "said", "status"),
    [("3", "done", Status.COMPLETED), ("2", "ten minutes", Status.SCHEDULED), ("4", "drafted", Status.COMPLETED)],
)
async def test_keys_do_what_they_say(
    telephone: Runtime, twilio: Twilio, ada: Someone, key: str, said: str, status: Status
) -> None:
    await make_call(telephone, ada, message_id=new_id())
    await jobs.pump(telephone)
    script = await twilio.answer(rung(twilio))
    assert "4 to have an answer drafted" in "".join(script.itertext())
    again = await twilio.press(rung(twilio), script, "1")
    assert "The bank called." in "".join(again.itertext())
    assert said in "".join((await twilio.press(rung(twilio), again, key)).itertext())
    await twilio.end(rung(twilio), seconds=9)
    call, (attempt,) = await found(telephone, ada)
    assert (call.status, attempt.keys) == (status, f"1{key}")
    assert (call.done_at is not None, call.reply_wanted_at is not None) == (key == "3", key == "4")
    if key == "2":
        await jobs.pump(telephone)
        assert len(twilio.calls) == 1
        advance(telephone, minutes=10)
        await jobs.pump(telephone)
        assert len(twilio.calls) == 2


async def test_a_call_about_no_mail_offers_no_answer(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    script = await twilio.answer(rung(twilio))
    assert "4 to" not in "".join(script.itertext())
    assert "nothing to answer" in "".join((await twilio.press(rung(twilio), script, "4")).itertext())
    assert (await found(telephone, ada))[0].reply_wanted_at is None


async def test_the_ninth_key_ends_calls_to_the_number(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    await twilio.press(rung(twilio), await twilio.answer(rung(twilio)), "9")
    await twilio.end(rung(twilio), seconds=9)
    await retire_calls(telephone, ada)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    assert len(twilio.calls) == 1
    async with telephone.db.begin(ada.scope) as db:
        assert await queries.not_to_be_called(db, ada.workspace_id, [NUMBER]) == {NUMBER}
        assert [each.carrier for each in await queries.ringing(db, ada.workspace_id, ada.user.id)] == [Carrier.CONSOLE]


@pytest.mark.parametrize(("told", "state", "minutes"), [("busy", State.BUSY, 2), ("no-answer", State.NO_ANSWER, 5)])
async def test_who_was_not_reached_is_tried_again_and_at_last_told_otherwise(
    telephone: Runtime, twilio: Twilio, ada: Someone, told: str, state: State, minutes: int
) -> None:
    await make_call(telephone, ada)
    for turn in range(4):
        await jobs.pump(telephone)
        assert len(twilio.calls) == turn + 1
        await twilio.end(list(twilio.calls.values())[-1], told)
        await jobs.pump(telephone)
        assert len(twilio.calls) == turn + 1
        advance(telephone, minutes=minutes * 2**turn)
    call, attempts = await found(telephone, ada)
    assert call.status is Status.FAILED
    assert [each.state for each in attempts] == [state] * 4
    async with telephone.db.begin(ada.scope) as db:
        (notice,) = await queries.notices(db, ada.workspace_id, ada.user.id)
    assert notice.call_id == call.id


async def test_an_answering_machine_hears_nothing_of_the_matter(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    script = await twilio.answer(rung(twilio), by="machine_end_beep")
    assert "bank" not in "".join(script.itertext())
    await twilio.end(rung(twilio), seconds=7)
    call, (attempt,) = await found(telephone, ada)
    assert (attempt.state, call.status, call.waiting_for) == (State.VOICEMAIL, Status.SCHEDULED, Waiting.RETRY)


async def test_a_call_whose_answer_was_lost_is_found_and_not_placed_again(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    twilio.fail(500, after=True)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    call, (attempt,) = await found(telephone, ada)
    assert (attempt.state, call.waiting_for) == (State.UNKNOWN, Waiting.CONFIRMING)
    await hasten(telephone, ada)
    await jobs.settle(telephone)
    _, (attempt,) = await found(telephone, ada)
    assert attempt.carrier_id == rung(twilio).sid
    await twilio.answer(rung(twilio))
    await twilio.end(rung(twilio), seconds=3)
    assert (await found(telephone, ada))[0].status is Status.COMPLETED


async def test_a_claim_that_grew_old_is_not_placed(settings: Settings, database: Addresses, twilio: Twilio) -> None:
    async with telephone_runtime(settings, database, twilio, call_lease=timedelta(0)) as slow:
        owner = await make_callee(slow)
        await make_call(slow, owner)
        await jobs.pump(slow)
        _, (attempt,) = await found(slow, owner)
        assert (attempt.state, len(twilio.calls)) == (State.PLACING, 0)
        await retire_calls(slow, owner)


async def test_nobody_waits_for_the_many_calls_of_others(
    settings: Settings, database: Addresses, twilio: Twilio
) -> None:
    async with telephone_runtime(settings, database, twilio, call_concurrency=1) as narrow:
        one, two = [await make_callee(narrow, number=f"+44207946100{each}") for each in (1, 2)]
        others = [
            await make_callee(narrow, number=f"+44207946100{each}", workspace_id=one.workspace_id) for each in (3, 4, 5)
        ]
        for each in (one, *others, two):
            await make_call(narrow, each)
        await jobs.pump(narrow)
        rang = [each.asked["To"] for each in twilio.calls.values()]
        assert len(rang) == 5
        assert rang.index("+442079461002") <= 1
        for each in (one, two):
            await retire_calls(narrow, each)


async def test_a_callback_settles_a_lost_answer_by_itself(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    twilio.fail(500, after=True)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    await twilio.ring(rung(twilio))
    _, (attempt,) = await found(telephone, ada)
    assert (attempt.state, attempt.carrier_id) == (State.RINGING, rung(twilio).sid)


async def test_what_was_never_placed_is_placed_after_the_last_look(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    twilio.fail(500)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    for _ in range(4):
        await jobs.pump(telephone)
        assert twilio.calls == {}
        await hasten(telephone, ada)
        await jobs.settle(telephone)
    await jobs.pump(telephone)
    assert len(twilio.calls) == 1
    _, attempts = await found(telephone, ada)
    assert [each.state for each in attempts] == [State.LOST, State.RINGING]


async def test_a_refusal_is_no_reason_to_try_again(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    twilio.fail(400, code=21215)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    call, _ = await found(telephone, ada)
    assert call.status is Status.FAILED
    assert "geographic permissions" in (call.last_error or "")


async def test_silence_is_asked_about(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    rung(twilio).status = "no-answer"
    await hasten(telephone, ada)
    await jobs.settle(telephone)
    _, (attempt,) = await found(telephone, ada)
    assert attempt.state is State.NO_ANSWER


HOURS: list[tuple[str, str, dict[str, Any], Priority, Waiting | None]] = [
    ("2026-11-23T07:30", "Europe/London", {}, Priority.MEDIUM, Waiting.TELEPHONE_HOURS),
    ("2026-11-23T07:30", "Europe/London", {}, Priority.HIGH, Waiting.TELEPHONE_HOURS),
    ("2026-11-23T07:30", "Europe/Berlin", {}, Priority.MEDIUM, None),
    ("2026-11-23T21:00", "Europe/London", {}, Priority.HIGH, Waiting.TELEPHONE_HOURS),
    ("2026-11-23T20:59", "Europe/London", {}, Priority.MEDIUM, None),
    ("2026-11-23T12:30", "Europe/London", {"quiet_from": "12:00", "quiet_until": "13:00"}, Priority.MEDIUM, Waiting.QUIET_HOURS),
    ("2026-11-23T12:30", "Europe/London", {"quiet_from": "12:00", "quiet_until": "13:00"}, Priority.HIGH, None),
    ("2026-11-23T12:30", "Europe/London", {"daily_budget": 0}, Priority.MEDIUM, Waiting.DAILY_BUDGET),
    ("2026-11-23T12:30", "Europe/London", {"daily_budget": 0}, Priority.HIGH, None),
    ("2026-11-23T12:30", "America/Los_Angeles", {}, Priority.HIGH, Waiting.TELEPHONE_HOURS),
]  # fmt: skip


@pytest.mark.parametrize(("at", "zone", "known", "priority", "why"), HOURS)
async def test_nothing_rings_outside_the_hours(
    telephone: Runtime, twilio: Twilio, at: str, zone: str, known: dict[str, Any], priority: Priority, why: Waiting | None
) -> None:  # fmt: skip
    telephone.clock.freeze(datetime.fromisoformat(at).replace(tzinfo=UTC))
    owner = await make_callee(telephone, timezone=zone, **known)
    await make_call(telephone, owner, priority=priority)
    await jobs.pump(telephone)
    call, _ = await found(telephone, owner)
    assert (call.waiting_for, len(twilio.calls)) == (why, 0 if why else 1)
    if why is not None:
        assert timedelta(0) < call.due_at - datetime.fromisoformat(at).replace(tzinfo=UTC) <= timedelta(days=1)
    await retire_calls(telephone, owner)


async def test_without_consent_no_artificial_voice_calls_the_telephone(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    async with telephone.db.begin(ada.scope) as db:
        await permitting.withdraw(db, ada.workspace_id, ada.user.id, NUMBER)
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    assert twilio.calls == {}
    _, (attempt,) = await found(telephone, ada)
    assert (attempt.carrier, attempt.state) == (Carrier.CONSOLE, State.RINGING)


async def test_a_telephone_rings_for_one_call_at_a_time(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    other = await make_callee(telephone)  # at the same number
    await make_call(telephone, ada)
    await make_call(telephone, other)
    await jobs.pump(telephone)
    assert len(twilio.calls) == 1
    await twilio.end(rung(twilio), seconds=3)
    advance(telephone, minutes=1)
    await jobs.pump(telephone)
    assert len(twilio.calls) == 2
    await retire_calls(telephone, other)


async def test_a_console_that_rings_in_vain_is_tried_again(runtime: Runtime) -> None:
    owner = await make_callee(runtime, number=None, quiet_from="00:00", quiet_until="00:00")
    await make_call(runtime, owner)
    await jobs.pump(runtime)
    await hasten(runtime, owner)
    await jobs.settle(runtime)
    call, (attempt,) = await found(runtime, owner)
    assert (attempt.state, call.waiting_for) == (State.NO_ANSWER, Waiting.RETRY)
    async with runtime.db.begin(owner.scope) as db:
        assert (await db.scalars(select(CallNotice))).all() == []
    await retire_calls(runtime, owner)


async def test_what_was_spoken_is_spoken_once(runtime: Runtime) -> None:
    owner = await make_callee(runtime, number=None)
    one = await make_call(runtime, owner, content="The same words.")
    two = await make_call(runtime, owner, content="The same words.")
    for call in (one, two):
        await jobs.speak(runtime, workspace_id=owner.workspace_id, call_id=call.id)
    async with runtime.db.begin(owner.scope) as db:
        spoken = (await db.execute(text("select count(*), count(distinct c.speech_id), min(length(s.audio)), min(s.seconds)"
            " from calls c join call_speeches s on s.id = c.speech_id"))).one()  # fmt: skip
    assert (spoken[0], spoken[1]) == (2, 1)
    assert spoken[2] > 1_000
    assert spoken[3] > 1
    await retire_calls(runtime, owner)
