"""Where the next call rings, and what is left of the day."""

from datetime import timedelta

from outrider.core.ids import new_id
from outrider.domain.calls import permitting
from outrider.domain.calls.models import CallAttempt, Carrier, State
from outrider.domain.calls.standing import InTheConsole, Standing, standing_of
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.calls import NOON, NUMBER, make_call, make_callee, retire_calls


async def standing(runtime: Runtime, who: Someone, *, has_carrier: bool = True) -> Standing:
    async with runtime.db.begin(who.scope) as db:
        return await standing_of(db, who.workspace_id, who.user.id, NOON, has_carrier=has_carrier)


async def test_the_telephone_rings_once_everything_allows_it(runtime: Runtime) -> None:
    nobody, ada = await make_user(runtime), await make_callee(runtime)
    assert (await standing(runtime, nobody)).only is InTheConsole.NO_NUMBER
    assert (await standing(runtime, ada, has_carrier=False)).only is InTheConsole.NO_CARRIER
    assert (await standing(runtime, ada)).only is None
    async with runtime.db.begin(ada.scope) as db:
        await permitting.withdraw(db, ada.workspace_id, ada.user.id, NUMBER)
    assert (await standing(runtime, ada)).only is InTheConsole.NO_CONSENT


async def test_who_asked_not_to_be_called_is_told_so(runtime: Runtime) -> None:
    ada = await make_callee(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await permitting.do_not_call(db, ada.workspace_id, NUMBER, "Key 9.", NOON)
    assert (await standing(runtime, ada)).only is InTheConsole.REFUSED
    async with runtime.db.begin(ada.scope) as db:
        await permitting.change(db, ada.workspace_id, ada.user.id, {}, consents=True)
    assert (await standing(runtime, ada)).only is None, "who agrees anew takes it back"


async def test_the_rings_of_the_day_at_home_are_counted(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    call = await make_call(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        for number, hours in enumerate((-13, -2, -1), 1):
            db.add(
                CallAttempt(
                    workspace_id=ada.workspace_id, id=new_id(), call_id=call.id, user_id=ada.user.id, number=number,
                    carrier=Carrier.CONSOLE, line=str(ada.user.id), state=State.NO_ANSWER, placed_at=NOON + timedelta(hours=hours),
                )
            )  # fmt: skip
    assert (await standing(runtime, ada)).rings_today == 2
    await retire_calls(runtime, ada)
