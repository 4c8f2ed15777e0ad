"""Why a row has not left, as its owner reads it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending import diagnosis, holding
from outrider.domain.sending.models import Hold, Send, State, Waiting
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send

LATER = timedelta(hours=2)


async def asked(runtime: Runtime, ada: Someone, send: Send) -> tuple[str | None, Any]:
    at = func.clock_timestamp()
    query = diagnosis.with_mailbox(select(diagnosis.reason_of(at), diagnosis.until_of(at))).where(Send.id == send.id)
    async with runtime.db.begin(ada.scope) as db:
        row = (await db.execute(query)).one()
    return row[0], row[1]


async def a_send(runtime: Runtime, **columns: Any) -> tuple[Someone, Mailbox, Send]:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    return ada, mailbox, await make_send(runtime, ada, mailbox, await make_message(runtime, mailbox), **columns)


@pytest.mark.parametrize(
    ("hold", "reason"),
    [
        (Hold.GAP, Waiting.MAILBOX_GAP),
        (Hold.DAILY_LIMIT, Waiting.MAILBOX_DAILY_LIMIT),
        (Hold.PROVIDER_LIMIT, Waiting.MAILBOX_PAUSED),
        (Hold.HEALTH, Waiting.MAILBOX_PAUSED),
        (Hold.UNREACHABLE, Waiting.MAILBOX_DISCONNECTED),
    ],
)
async def test_a_held_mailbox_holds_all_its_rows_until_the_same_moment(
    runtime: Runtime, hold: Hold, reason: Waiting
) -> None:
    ada, mailbox, send = await a_send(runtime)
    until = now() + LATER
    async with runtime.db.begin(ada.scope) as db:
        await holding.hold(db, [((mailbox.workspace_id, mailbox.id), until)], why=hold)
    assert await asked(runtime, ada, send) == (reason, until)


async def test_a_hold_that_is_over_holds_nothing(runtime: Runtime) -> None:
    ada, mailbox, send = await a_send(runtime)
    async with runtime.db.begin(ada.scope) as db:
        await holding.hold(db, [((mailbox.workspace_id, mailbox.id), now() - LATER)], why=Hold.GAP)
    assert await asked(runtime, ada, send) == (Waiting.QUEUED, send.due_at)


@pytest.mark.parametrize("state", [MailboxState.REAUTH_REQUIRED, MailboxState.DISCONNECTED])
async def test_a_mailbox_that_needs_its_owner_has_no_next_try(runtime: Runtime, state: MailboxState) -> None:
    ada, mailbox, send = await a_send(runtime)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))).state = state
    assert await asked(runtime, ada, send) == (Waiting.MAILBOX_DISCONNECTED, None)


@pytest.mark.parametrize("waiting", [Waiting.WINDOW, Waiting.DOMAIN_LIMIT, Waiting.COMPANY_LIMIT, Waiting.RETRY])
async def test_a_row_that_was_put_off_keeps_its_reason(runtime: Runtime, waiting: Waiting) -> None:
    ada, _, send = await a_send(runtime, waiting_for=waiting, due_at=now() + LATER)
    assert await asked(runtime, ada, send) == (waiting, send.due_at)


@pytest.mark.parametrize("state", list(State))
async def test_every_row_that_has_not_ended_says_why_it_waits(runtime: Runtime, state: State) -> None:
    ada, _, send = await a_send(runtime, state=state)
    reason, _ = await asked(runtime, ada, send)
    assert (reason is not None) is (state in {State.QUEUED, State.PAUSED, State.UNKNOWN})


@pytest.mark.parametrize("reason", list(Waiting))
def test_every_reason_has_a_code_and_a_sentence(reason: Waiting) -> None:
    found = diagnosis.describe(reason, None)
    assert found.code
    assert found.message.endswith(".")
