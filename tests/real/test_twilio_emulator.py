"""Our way to Twilio against somebody else's idea of it: the emulator that Vercel publishes as `emulate`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.voice.interface import CallFailed, Dial, NotGenuine, Outcome, Status, Update
from outrider.providers.voice.twilio import Credentials, Twilio
from outrider.providers.voice.twiml import asked_again
from tests.real.emulator import EMULATE, MISSING, emulating
from tests.stand_ins.serving import serve

ACCOUNT, TOKEN = f"AC{'0' * 32}", "twilio_test_auth_token"  # the emulator's own
BOB, US = "+4915112345678", "+15551234567"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not EMULATE.exists(), reason=MISSING),
]


@dataclass
class Desk:
    """Somebody else's Twilio, and what it told us."""

    api: str
    carrier: Twilio
    own: str = ""
    updates: list[Update] = field(default_factory=list)

    async def hear(self, request: Request) -> Response:
        form = [(name, str(value)) for name, value in (await request.form()).multi_items()]
        # It signs the fragment too, which Twilio leaves out.
        self.updates.append(self.carrier.read(asked_again(str(request.url)), form, request.headers))
        return Response(status_code=204)

    @property
    def dial(self) -> Dial:
        return Dial(BOB, US, f"{self.own}/script", f"{self.own}/status")

    async def tell(self, call_id: str, status: str) -> None:
        """Makes something happen to a call, as the emulator offers it."""
        async with httpx2.AsyncClient(auth=(ACCOUNT, TOKEN)) as client:
            form = {"CallSid": call_id, "Status": status}
            (await client.post(f"{self.api}/_twilio/simulate/call-status", data=form)).raise_for_status()


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    guarded = Egress(allow=("127.0.0.1", "localhost"))
    yield guarded
    await guarded.aclose()


@pytest.fixture
async def desk(egress: Egress) -> AsyncIterator[Desk]:
    async with emulating("twilio") as api:
        made = Desk(api, Twilio(egress, api, Credentials(ACCOUNT, TOKEN)))
        async with serve(Starlette(routes=[Route("/status", made.hear, methods=["POST"])])) as made.own:
            yield made


async def test_a_call_is_placed_found_told_of_and_looked_up(desk: Desk) -> None:
    placed = await desk.carrier.place(desk.dial)
    assert placed.status is Status.RINGING
    since = datetime.now(UTC) - timedelta(minutes=2)
    assert [each.id for each in await desk.carrier.find(to=BOB, sender=US, since=since)] == [placed.id]
    assert await desk.carrier.find(to="+4915100000000", sender=US, since=since) == []
    await desk.tell(placed.id, "in-progress")
    await desk.tell(placed.id, "completed")
    assert {each.id for each in desk.updates} == {placed.id}
    assert [each.status for each in desk.updates][-2:] == [Status.IN_PROGRESS, Status.COMPLETED]
    seen = await desk.carrier.look_up(placed.id)
    assert seen is not None
    assert seen.status is Status.COMPLETED
    assert await desk.carrier.look_up(f"CA{'0' * 32}") is None


async def test_what_it_refuses_is_understood(desk: Desk, egress: Egress) -> None:
    stranger = Twilio(egress, desk.api, Credentials(ACCOUNT, "another token"))
    with pytest.raises(CallFailed, match="401") as caught:
        await stranger.place(desk.dial)
    assert caught.value.outcome is not Outcome.UNKNOWN
    assert "TWILIO_AUTH_TOKEN" in caught.value.hint
    placed = await desk.carrier.place(desk.dial)
    with pytest.raises(NotGenuine):
        stranger.read(f"{desk.own}/status", [("CallSid", placed.id), ("AccountSid", ACCOUNT)], {})
