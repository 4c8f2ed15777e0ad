"""Calls by Twilio, held to its description: placed once or known to be in doubt, answered, keys pressed, ended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.voice.interface import (
    AnsweredBy,
    Ask,
    CallFailed,
    Dial,
    HangUp,
    NotGenuine,
    Outcome,
    Say,
    Status,
    Step,
    Update,
)
from outrider.providers.voice.twilio import MEDIA_TYPE, Credentials, Twilio
from tests.stand_ins.serving import serve
from tests.stand_ins.twilio import ACCOUNT, TOKEN, running
from tests.stand_ins.twilio import Twilio as StandIn

BOB, US = "+4915112345678", "+15005550006"


@dataclass
class Desk:
    """What answers Twilio's questions, as a web server of ours will."""

    carrier: Twilio
    url: str = ""
    updates: list[Update] = field(default_factory=list)
    failing: int = 0  # how many of the next requests find us in trouble

    def dial(self, **known: object) -> Dial:
        return Dial(BOB, US, f"{self.url}/script", f"{self.url}/status", **known)  # type: ignore[arg-type]

    async def status(self, request: Request) -> Response:
        if self.failing:
            return self._fail()
        await self._read(request)
        return Response(status_code=204)

    def _fail(self) -> Response:
        self.failing -= 1
        return Response(status_code=503)

    async def script(self, request: Request) -> Response:
        if self.failing:
            return self._fail()
        update = await self._read(request)
        steps: list[Step] = [Say("Thank you."), HangUp()]
        if update.answered_by is AnsweredBy.PERSON:
            steps = [Ask([Say("Two meetings today.")], f"{self.url}/script")]
        return Response(self.carrier.script(steps), media_type=MEDIA_TYPE)

    async def _read(self, request: Request) -> Update:
        form = [(name, str(value)) for name, value in (await request.form()).multi_items()]
        self.updates.append(self.carrier.read(str(request.url), form, request.headers))
        return self.updates[-1]


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with running() as made:
        yield made


@pytest.fixture
async def carrier(stand_in: StandIn) -> AsyncIterator[Twilio]:
    egress = Egress(allow=("127.0.0.1",))
    yield Twilio(egress, stand_in.url, Credentials(ACCOUNT, TOKEN))
    await egress.aclose()


@pytest.fixture
async def desk(carrier: Twilio) -> AsyncIterator[Desk]:
    made = Desk(carrier)
    routes = [Route("/status", made.status, methods=["POST"]), Route("/script", made.script, methods=["POST"])]
    async with serve(Starlette(routes=routes)) as made.url:
        yield made


async def test_a_call_is_placed_answered_and_ended(stand_in: StandIn, carrier: Twilio, desk: Desk) -> None:
    placed = await carrier.place(desk.dial())
    assert placed.status is Status.QUEUED
    call = stand_in.calls[placed.id]
    await stand_in.ring(call)
    script = await stand_in.answer(call)
    assert [each.tag for each in script.iter()] == ["Response", "Gather", "Say"]
    after = await stand_in.press(call, script, "1")
    assert [each.tag for each in after] == ["Say", "Hangup"]
    await stand_in.end(call, seconds=21)
    assert [(each.status, each.answered_by, each.keys, each.duration) for each in desk.updates] == [
        (Status.RINGING, None, None, None),
        (Status.IN_PROGRESS, None, None, None),
        (Status.IN_PROGRESS, AnsweredBy.PERSON, None, None),
        (Status.IN_PROGRESS, None, "1", None),
        (Status.COMPLETED, None, None, 21),
    ]
    assert len({each.key for each in desk.updates}) == 5
    seen = await carrier.look_up(placed.id)
    assert seen is not None
    assert (seen.status, seen.duration, seen.status.is_final) == (Status.COMPLETED, 21, True)


async def test_who_is_in_trouble_for_a_moment_is_asked_again(stand_in: StandIn, carrier: Twilio, desk: Desk) -> None:
    call = stand_in.calls[(await carrier.place(desk.dial())).id]
    desk.failing = 5
    await stand_in.ring(call)
    script = await stand_in.answer(call)
    desk.failing = 5
    assert [each.tag for each in await stand_in.press(call, script, "1")] == ["Say", "Hangup"]
    assert stand_in.repeated == 10
    assert [each.status for each in desk.updates][:2] == [Status.RINGING, Status.IN_PROGRESS]


@pytest.mark.parametrize(
    ("by", "known"),
    [("machine_end_beep", AnsweredBy.BEEP), ("machine_start", AnsweredBy.MACHINE), ("fax", AnsweredBy.MACHINE), ("unknown", AnsweredBy.UNKNOWN)],
)  # fmt: skip
async def test_a_machine_is_told_from_a_person(
    stand_in: StandIn, carrier: Twilio, desk: Desk, by: str, known: AnsweredBy
) -> None:
    placed = await carrier.place(desk.dial())
    script = await stand_in.answer(stand_in.calls[placed.id], by=by)
    assert desk.updates[-1].answered_by is known
    assert script.find("Gather") is None


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_a_call_that_comes_to_nothing_says_so(
    stand_in: StandIn, carrier: Twilio, desk: Desk, status: str
) -> None:
    placed = await carrier.place(desk.dial(detects_machines=False))
    await stand_in.end(stand_in.calls[placed.id], status)
    assert (desk.updates[-1].status, desk.updates[-1].status.is_final) == (Status(status), True)


async def test_a_lost_answer_leaves_a_doubt_that_can_be_resolved(
    stand_in: StandIn, carrier: Twilio, desk: Desk
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=2)
    for status in (0, 500):
        stand_in.fail(status, after=True)
        with pytest.raises(CallFailed) as failure:
            await carrier.place(desk.dial())
        assert failure.value.outcome is Outcome.UNKNOWN
    found = await carrier.find(to=BOB, sender=US, since=since)
    assert {each.id for each in found} == set(stand_in.calls)
    assert len(found) == 2
    assert await carrier.find(to="+491", sender=US, since=since) == []
    assert await carrier.find(to=BOB, sender=US, since=datetime.now(UTC) + timedelta(minutes=1)) == []


@pytest.mark.parametrize(
    ("status", "code", "outcome", "hint"),
    [
        (429, 20429, Outcome.DEFERRED, ""),
        (400, 21211, Outcome.REFUSED, "Check the number"),
        (400, 21215, Outcome.REFUSED, "geographic permissions"),
        (401, 20003, Outcome.REFUSED, "TWILIO_AUTH_TOKEN"),
    ],
)
async def test_a_refusal_says_what_to_do(
    stand_in: StandIn, carrier: Twilio, desk: Desk, status: int, code: int, outcome: Outcome, hint: str
) -> None:
    stand_in.fail(status, code=code)
    with pytest.raises(CallFailed, match=str(status)) as failure:
        await carrier.place(desk.dial())
    assert failure.value.outcome is outcome
    assert hint in failure.value.hint
    assert stand_in.calls == {}


async def test_nothing_was_placed_where_nobody_was_reached(desk: Desk) -> None:
    egress = Egress(allow=("127.0.0.1",))
    with pytest.raises(CallFailed) as failure:
        await Twilio(egress, "http://127.0.0.1:1", Credentials(ACCOUNT, TOKEN)).place(desk.dial())
    assert failure.value.outcome is Outcome.DEFERRED
    await egress.aclose()


async def test_hanging_up_is_done_also_where_the_call_had_ended(stand_in: StandIn, carrier: Twilio, desk: Desk) -> None:
    placed = await carrier.place(desk.dial())
    await carrier.hang_up(placed.id)
    assert stand_in.calls[placed.id].status == "completed"
    await carrier.hang_up(placed.id)
    assert await carrier.look_up("CA" + "0" * 32) is None


def test_what_is_not_twilios_is_not_read() -> None:
    carrier = Twilio(Egress(), "https://api.twilio.com", Credentials(ACCOUNT, TOKEN))
    form = [("CallSid", "CA1"), ("AccountSid", ACCOUNT), ("CallStatus", "completed")]
    for headers in ({}, {"X-Twilio-Signature": "AAAA"}):
        with pytest.raises(NotGenuine):
            carrier.read("https://a.test/status", form, headers)
