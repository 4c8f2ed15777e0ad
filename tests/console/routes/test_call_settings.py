"""The page of the call settings: what is kept, what is refused in words, and a consent that is for one number alone."""

from typing import Any

import pytest
from sqlalchemy import select

from outrider.domain.calls import permitting
from outrider.domain.calls.models import Call, CallConsent, CallSettings
from outrider.domain.preferences import actions as preferences
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.browser import browser
from tests.factories.calls import NUMBER, make_callee, retire_calls

PAGE = "/console/calls/settings"
WRITTEN = {
    "phone_number": "+44 20 7946 0000", "consents": "yes", "language": "de", "voice_preference": "coral",
    "quiet_from": "20:15", "quiet_until": "08:30", "daily_budget": "5", "wants_digest": "yes",
    "preferred_call_time": "07:15",
}  # fmt: skip


async def settings_of(runtime: Runtime, who: Someone) -> CallSettings:
    async with runtime.db.begin(who.scope) as db:
        return await permitting.settings_of(db, who.workspace_id, who.user.id)


async def consents(runtime: Runtime, who: Someone) -> dict[str, bool]:
    async with runtime.db.begin(who.scope) as db:
        rows = await db.scalars(select(CallConsent).order_by(CallConsent.id))
        return {each.phone_number: each.withdrawn_at is None for each in rows}


async def test_everything_is_kept_with_the_wording_that_was_agreed_to(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        assert permitting.WORDING in (await client.get(PAGE)).text
        assert (await client.post(PAGE, data=WRITTEN)).headers["location"] == f"{PAGE}?saved=yes"
        page = (await client.get(f"{PAGE}?saved=yes")).text
    kept = await settings_of(runtime, ada)
    assert (kept.phone_number, kept.language, kept.daily_budget) == (NUMBER, "de", 5)
    assert (kept.quiet_from, kept.quiet_until, kept.wants_digest, kept.allows_outside_voice) == (
        "20:15", "08:30", True, False,
    )  # fmt: skip
    async with runtime.db.begin(ada.scope) as db:
        wanted = await preferences.of_user(db, ada.workspace_id, ada.user.id)
        [consent] = await db.scalars(select(CallConsent))
    assert (wanted.preferred_call_time, wanted.voice_preference) == ("07:15", "coral")
    assert (consent.phone_number, consent.wording) == (NUMBER, permitting.WORDING)
    assert 'role="status"' in page
    assert f'name="consented_to" value="{NUMBER}"' in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"phone_number": "12"}, "with its country"),
        ({"daily_budget": "many"}, "whole number from 0 to 100"),
        ({"daily_budget": "101"}, "whole number from 0 to 100"),
        ({"daily_budget": "²"}, "whole number from 0 to 100"),
        ({"quiet_from": "25:00"}, "Quiet hours begin at a time of the day"),
        ({"preferred_call_time": ""}, "The digest comes at a time of the day"),
        ({"language": "tlh"}, "Calls are spoken in English"),
    ],
)
async def test_what_is_wrong_is_told_in_words_and_what_was_written_stays(
    runtime: Runtime, wrong: dict[str, str], said: str
) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        refused = await client.post(PAGE, data=WRITTEN | wrong)
    assert refused.status_code == 422
    assert said in refused.text
    assert 'value="20:15"' in refused.text or "quiet_from" in wrong
    assert next(iter(wrong)) in refused.text.partition("data-error=")[2][:40], "the cursor goes there"
    kept = await settings_of(runtime, ada)
    assert (kept.phone_number, kept.daily_budget) == (None, 12), "all of it or nothing"


async def test_a_consent_does_not_pass_to_another_number(runtime: Runtime) -> None:
    ada = await make_callee(runtime)
    other: dict[str, Any] = WRITTEN | {"phone_number": "+49 30 901820", "consented_to": NUMBER}
    async with browser(runtime, ada) as client:
        refused = await client.post(PAGE, data=other)
        assert "This is another number" in refused.text
        assert await consents(runtime, ada) == {NUMBER: True}
        assert (await client.post(PAGE, data=other | {"consented_to": ""})).status_code == 303
    assert await consents(runtime, ada) == {NUMBER: False, "+4930901820": True}


async def test_a_tick_taken_out_withdraws_the_consent(runtime: Runtime) -> None:
    ada = await make_callee(runtime)
    async with browser(runtime, ada) as client:
        await client.post(PAGE, data=WRITTEN | {"consents": "", "consented_to": NUMBER})
        page = (await client.get(PAGE)).text
    assert await consents(runtime, ada) == {NUMBER: False}
    assert "Calls ring in this console" in page


async def test_the_call_to_try_is_spoken_in_the_users_language(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with browser(runtime, ada) as client:
        await client.post(PAGE, data=WRITTEN | {"phone_number": "", "consents": ""})
        page = (await client.get(PAGE)).text
        said = page.partition('name="content" value="')[2].partition('"')[0]
        await client.post("/console/calls", data={"content": said, "insists": "yes"})
    async with runtime.db.begin(ada.scope) as db:
        [call] = await db.scalars(select(Call))
    assert "Anruf zur Probe" in call.content
    await retire_calls(runtime, ada)
