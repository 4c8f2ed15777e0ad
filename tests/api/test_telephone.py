"""What a carrier calls: the genuine is heard, repeated without effect; what is forged finds nothing."""

import random
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from sqlalchemy import event
from twilio.request_validator import RequestValidator

from outrider.core.ids import new_id
from outrider.domain.calls import jobs
from outrider.domain.calls.models import State, Status, Waiting
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.calls import advance, found, make_call, make_callee, retire_calls, telephone_runtime
from tests.stand_ins.twilio import ACCOUNT, TOKEN, Call, Twilio, running

CHANCE = random.Random(20261121)


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


async def placed(telephone: Runtime, twilio: Twilio, ada: Someone) -> Call:
    await make_call(telephone, ada)
    await jobs.pump(telephone)
    return list(twilio.calls.values())[-1]


async def post(url: str, form: dict[str, str], signature: str | None = None) -> httpx2.Response:
    signed = RequestValidator(TOKEN).compute_signature(url, form) if signature is None else signature
    async with httpx2.AsyncClient() as client:
        return await client.post(url, data=form, headers={"X-Twilio-Signature": signed} if signed else {})


def address(call: Call, name: str) -> str:
    """As it is asked: without how often."""
    return str(call.asked[name]).partition("#")[0]


def completed(call: Call, **changes: str) -> dict[str, str]:
    return {"CallSid": call.sid, "AccountSid": ACCOUNT, "CallStatus": "completed", "SequenceNumber": "3", "CallDuration": "4"} | changes  # fmt: skip


async def test_what_is_forged_changes_nothing(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    call = await placed(telephone, twilio, ada)
    await twilio.answer(call)
    url = address(call, "StatusCallback")
    form = completed(call)
    token = url.split("/")[-2]
    genuine = RequestValidator(TOKEN).compute_signature(url, form)
    tampered = [f"{token[:at]}{'A' if token[at] != 'A' else 'B'}{token[at + 1 :]}" for at in range(0, len(token), 3)]
    tries = [
        (url, form, ""), (url, form, "x"), (url, form, genuine[:-2]), (url, form | {"CallDuration": "5"}, genuine),
        (url, form, RequestValidator("another token").compute_signature(url, form)),
        (url, completed(call, AccountSid=f"AC{'1' * 32}"), None), (url.replace("status", "voice"), form, genuine),
        *((url.replace(token, each), form, None) for each in tampered), (url.replace(token, "short"), form, None),
    ]  # fmt: skip
    answers = {(await post(*each)).status_code for each in tries}
    _, (attempt,) = await found(telephone, ada)
    print(f"\nforged callbacks taken: 0 of {len(tries)}; answers {answers}")
    assert answers == {401}
    assert attempt.state is State.IN_PROGRESS
    assert (await post(url, form)).status_code == 204
    assert (await found(telephone, ada))[0].status is Status.COMPLETED


async def test_callbacks_that_come_thrice_and_in_any_order_have_one_effect(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    for _ in range(12):
        call = await placed(telephone, twilio, ada)
        await twilio.answer(call)
        url = address(call, "StatusCallback")
        told = [("ringing", "1"), ("in-progress", "2"), ("completed", "3")] * 3
        CHANCE.shuffle(told)
        for status, sequence in told:
            assert (await post(url, completed(call, CallStatus=status, SequenceNumber=sequence))).status_code == 204
        kept, (attempt,) = await found(telephone, ada)
        assert (kept.status, attempt.state, attempt.duration_seconds) == (Status.COMPLETED, State.COMPLETED, 4)
        async with telephone.db.begin(ada.scope) as db:
            await db.delete(await db.merge(kept))


async def test_another_call_at_the_same_address_is_told_to_hang_up(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    call = await placed(telephone, twilio, ada)
    form = completed(call, CallSid=f"CA{new_id().hex}", CallStatus="in-progress")
    answer = await post(address(call, "Url"), form)
    assert answer.status_code == 200
    assert re.sub(r"\s", "", answer.text.rpartition("?>")[2]) == "<Response><Hangup/></Response>"


async def test_speech_is_played_in_parts_while_the_call_is_on(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    made = await make_call(telephone, ada)
    await jobs.speak(telephone, workspace_id=ada.workspace_id, call_id=made.id)
    await jobs.pump(telephone)
    (call,) = twilio.calls.values()
    script = await twilio.answer(call)
    play = script.find(".//Play")
    assert play is not None
    assert play.text
    async with httpx2.AsyncClient() as client:
        whole = await client.get(play.text)
        part = await client.get(play.text, headers={"Range": "bytes=10-19"})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    await twilio.end(call, seconds=5)
    async with httpx2.AsyncClient() as client:
        assert (await client.get(play.text)).status_code == 404


async def test_who_heard_nothing_is_called_again(telephone: Runtime, twilio: Twilio, ada: Someone) -> None:
    call = await placed(telephone, twilio, ada)
    url = address(call, "StatusCallback")
    assert (await post(url, completed(call, CallStatus="in-progress", SequenceNumber="2"))).status_code == 204
    assert (await post(url, completed(call))).status_code == 204
    kept, (attempt,) = await found(telephone, ada)
    assert (kept.status, kept.waiting_for, attempt.state) == (Status.SCHEDULED, Waiting.RETRY, State.FAILED)
    assert "never asked what to say" in (kept.last_error or "")
    advance(telephone, minutes=6)
    await jobs.pump(telephone)
    again = list(twilio.calls.values())[-1]
    await twilio.answer(again)
    await twilio.end(again, seconds=5)
    assert (await found(telephone, ada))[0].status is Status.COMPLETED


async def test_a_callback_takes_one_connection_and_none_before_it_is_proved(
    telephone: Runtime, twilio: Twilio, ada: Someone
) -> None:
    call = await placed(telephone, twilio, ada)
    taken = 0

    def count(*_: object) -> None:
        nonlocal taken
        taken += 1

    event.listen(telephone.db.engine.sync_engine, "checkout", count)
    try:
        await post(address(call, "StatusCallback"), completed(call), "forged")
        assert taken == 0
        await post(address(call, "StatusCallback"), completed(call))
        assert taken == 1
    finally:
        event.remove(telephone.db.engine.sync_engine, "checkout", count)
