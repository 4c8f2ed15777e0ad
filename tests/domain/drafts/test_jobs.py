"""From the key that asks for an answer to the mail that leaves, or does not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from outrider.core.clock import now
from outrider.core.events import emit
from outrider.domain.accounts import leaving
from outrider.domain.calls import keys, scheduling
from outrider.domain.calls.events import ReplyWanted
from outrider.domain.calls.keys import Reaction
from outrider.domain.calls.models import Call, CallAttempt, Carrier, Priority
from outrider.domain.calls.models import State as AttemptState
from outrider.domain.drafts import actions, jobs, queries
from outrider.domain.drafts.models import DraftNotWaiting, ReplyDraft, State
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.verdict import Kind
from outrider.domain.sending import claiming
from outrider.domain.sending.events import SendBounced, SendRefused, SendUnconfirmed, facts_of
from outrider.domain.sending.models import Send
from outrider.domain.sending.models import State as SendState
from outrider.domain.sending.pacing import Pace
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.domain.sending.test_jobs import Sink, listening, pumping
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.drafts import found, make_draft, make_letter
from tests.factories.mailboxes import make_mailbox

PACE = Pace(domain_limit=1000, lease=timedelta(minutes=15), worker="test")


@pytest.fixture
async def ada(runtime: Runtime) -> AsyncIterator[Someone]:
    owner = await make_user(runtime)
    yield owner
    await retire(runtime, owner)


async def press(runtime: Runtime, owner: Someone, key: str, *, message_id: UUID | None) -> tuple[Call, Reaction]:
    """A call in the console, on which a key is pressed."""
    async with runtime.db.begin(owner.scope) as db:
        call = await scheduling.schedule_urgent(
            db, owner.workspace_id, owner.user.id, content="Bob writes.", priority=Priority.HIGH, at=now(),
            message_id=message_id,
        )  # fmt: skip
        attempt = CallAttempt(
            workspace_id=owner.workspace_id, call_id=call.id, user_id=owner.user.id, number=1, carrier=Carrier.CONSOLE,
            line=f"console:{call.id}", state=AttemptState.IN_PROGRESS, placed_at=now(), keys="",
        )  # fmt: skip
        reaction = await keys.press(db, call, attempt, key, now())
        call.fail("It was only for the key.")
    return call, reaction


async def approve(runtime: Runtime, owner: Someone, draft: ReplyDraft) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await actions.approve(db, owner.workspace_id, owner.user.id, draft.id, due_at=now())


async def drafts(runtime: Runtime, owner: Someone) -> list[ReplyDraft]:
    async with runtime.db.begin(owner.scope) as db:
        return list(await db.scalars(select(ReplyDraft)))


async def test_the_fourth_key_has_one_answer_drafted(runtime: Runtime, ada: Someone) -> None:
    letter = await make_letter(runtime, await make_mailbox(runtime, ada))
    call, reaction = await press(runtime, ada, "4", message_id=letter.id)
    assert (reaction, call.reply_wanted_at is not None) == (Reaction.DRAFTED, True)
    async with runtime.db.begin(ada.scope) as db:
        told = (await db.execute(text("select payload from events where name = 'call.reply_wanted'"))).scalar_one()
    event = ReplyWanted(**{name: UUID(value) for name, value in told.items()})
    for _ in range(2):
        await jobs.on_reply_wanted(runtime, event)
    (draft,) = await drafts(runtime, ada)
    assert (draft.message_id, draft.call_id, draft.state) == (letter.id, call.id, State.WRITING)
    await jobs.write(runtime, workspace_id=ada.workspace_id, draft_id=draft.id)
    assert (await found(runtime, ada, draft.id)).state is State.WAITING
    async with runtime.db.begin(ada.scope) as db:
        assert list(await db.scalars(select(Send))) == [], "nothing leaves by itself"


async def test_a_call_about_no_mail_says_that_there_is_nothing_to_answer(runtime: Runtime, ada: Someone) -> None:
    call, reaction = await press(runtime, ada, "4", message_id=None)
    assert (reaction, call.reply_wanted_at) == (Reaction.NOTHING_TO_ANSWER, None)


async def test_a_wish_about_a_mail_that_can_not_be_answered_breaks_nothing(runtime: Runtime, ada: Someone) -> None:
    mailbox = await make_mailbox(runtime, ada)
    letter = await make_letter(runtime, mailbox, sender=mailbox.address)
    call, _ = await press(runtime, ada, "4", message_id=letter.id)
    known = {"workspace_id": ada.workspace_id, "user_id": ada.user.id, "call_id": call.id}
    await jobs.on_reply_wanted(runtime, ReplyWanted(**known, message_id=letter.id))
    await jobs.on_reply_wanted(runtime, ReplyWanted(**known, message_id=None))
    assert await drafts(runtime, ada) == []


class Kept(Sink):
    """Takes mail and keeps its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return await super().handle_DATA(server, session, envelope)


async def test_an_approved_answer_leaves_once_and_looks_like_a_letter(
    settings: Settings, runtime: Runtime, ada: Someone
) -> None:
    sink = Kept()
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(text("update workspaces set postal_address = '1 Mill Lane', tracks_opens = true"))
    async with listening(sink) as port, pumping(settings, runtime, at_once=2):
        mailbox = await make_mailbox(runtime, ada, smtp_port=port, security="none")
        waiting = await make_draft(runtime, ada, mailbox, sender="carol@b.test")
        draft = await make_draft(runtime, ada, mailbox, body="Friday suits us.")
        tries = await asyncio.gather(*(approve(runtime, ada, draft) for _ in range(5)), return_exceptions=True)
        assert sum(each is None for each in tries) == 1
        async with asyncio.timeout(30):
            while (await found(runtime, ada, draft.id)).state is not State.SENT:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
    assert [recipient for _, recipient in sink.taken] == ["bob@b.test"]
    (raw,) = sink.mails
    async with runtime.db.begin(ada.scope) as db:
        letter = (await queries.answered(db, ada.workspace_id, [draft.message_id]))[draft.message_id]
    assert f"In-Reply-To: {letter.message_id}".encode() in raw
    assert b"Subject: Re: The offer" in raw
    assert not [word for word in (b"List-Unsubscribe", b"Mill Lane", b"text/html") if word in raw]
    assert (await found(runtime, ada, waiting.id)).state is State.WAITING


async def test_somebodys_mail_in_the_thread_brings_the_draft_back(runtime: Runtime, ada: Someone) -> None:
    mailbox = await make_mailbox(runtime, ada)
    draft = await make_draft(runtime, ada, mailbox, body="Friday suits us.")
    await approve(runtime, ada, draft)
    await make_letter(runtime, mailbox, body="Never mind, it is settled.", thread_id=draft.thread_id, minutes_ago=0)
    assert await claim(runtime, ada, mailbox) == 0
    kept = await found(runtime, ada, draft.id)
    assert (kept.state, kept.approvals) == (State.WAITING, 1)
    assert kept.note is not None
    assert "Somebody answered in the thread" in kept.note
    await approve(runtime, ada, draft)
    assert await claim(runtime, ada, mailbox) == 1
    async with runtime.db.begin(ada.scope) as db:
        steps = [(each.step, each.state) for each in await db.scalars(select(Send).order_by(Send.step))]
    assert steps == [(1, SendState.CANCELLED), (2, SendState.SENDING)]


async def test_an_automatic_mail_in_the_thread_holds_nothing_up(runtime: Runtime, ada: Someone) -> None:
    mailbox = await make_mailbox(runtime, ada)
    draft = await make_draft(runtime, ada, mailbox)
    await approve(runtime, ada, draft)
    away = await make_letter(runtime, mailbox, body="I am away.", thread_id=draft.thread_id, minutes_ago=0)
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(
            text("update messages set kind = :kind where id = :id"), {"kind": Kind.OUT_OF_OFFICE.value, "id": away.id}
        )
    assert await claim(runtime, ada, mailbox) == 1


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (lambda facts: SendRefused(reason="550 No such user.", is_recipient=True, **facts), State.FAILED),
        (lambda facts: SendUnconfirmed(reason="It may have left.", **facts), State.UNCONFIRMED),
        (lambda facts: SendBounced(reason="It came back.", is_hard=True, proof={}, **facts), State.SENT),
    ],
    ids=["refused", "unconfirmed", "bounced"],
)
async def test_what_becomes_of_an_answer_is_told(runtime: Runtime, ada: Someone, told: Any, state: State) -> None:
    draft = await make_draft(runtime, ada, await make_mailbox(runtime, ada))
    await approve(runtime, ada, draft)
    async with runtime.db.begin(ada.scope) as db:
        send = (await db.scalars(select(Send))).one()
        fact = told(facts_of(send))
        await emit(db, fact)
    kept = await found(runtime, ada, draft.id)
    assert (kept.state, kept.note) == (state, fact.reason)
    if state is State.UNCONFIRMED:
        with pytest.raises(DraftNotWaiting):
            await approve(runtime, ada, draft)


async def test_a_deleted_account_answers_nobody(runtime: Runtime, ada: Someone) -> None:
    mailbox = await make_mailbox(runtime, ada)
    draft = await make_draft(runtime, ada, mailbox)
    await approve(runtime, ada, draft)
    async with runtime.db.begin(ada.scope) as db:
        await leaving.delete_account(db, ada.actor, grace=timedelta(days=30))
    async with runtime.db.begin(ada.scope) as db:
        assert [each.state for each in await db.scalars(select(Send))] == [SendState.CANCELLED]


async def claim(runtime: Runtime, owner: Someone, mailbox: Mailbox) -> int:
    async with runtime.db.begin(owner.scope) as db:
        return len(await claiming.claim(db, owner.workspace_id, [mailbox.id], now=now(), pace=PACE))
