"""What a user does with drafts, and that nothing leaves without them."""

from typing import Any

import pytest
from sqlalchemy import select

from outrider.core.clock import now
from outrider.core.errors import Invalid
from outrider.core.pages import PageRequest
from outrider.domain.drafts import actions, queries, writing
from outrider.domain.drafts.actions import MailboxNotConnected
from outrider.domain.drafts.models import DraftNotWaiting, ReplyDraft, State, Writer
from outrider.domain.drafts.queries import DraftNotFound
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.queries import EmailNotFound
from outrider.domain.sending.models import ANSWER, Send, Waiting
from outrider.domain.sending.models import State as SendState
from outrider.runtime import Runtime
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.drafts import found, make_draft, make_letter
from tests.factories.mailboxes import make_mailbox, make_message


@pytest.fixture
async def ada(runtime: Runtime) -> Any:
    owner = await make_user(runtime)
    yield owner
    await retire(runtime, owner)


@pytest.fixture
async def mailbox(runtime: Runtime, ada: Someone) -> Mailbox:
    return await make_mailbox(runtime, ada)


async def approve(runtime: Runtime, owner: Someone, draft: ReplyDraft) -> ReplyDraft:
    async with runtime.db.begin(owner.scope) as db:
        return await actions.approve(db, owner.workspace_id, owner.user.id, draft.id, due_at=now())


async def sends(runtime: Runtime, owner: Someone) -> list[Send]:
    async with runtime.db.begin(owner.scope) as db:
        return list(await db.scalars(select(Send).order_by(Send.step)))


async def test_an_approved_draft_is_one_mail_in_the_thread(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    draft = await make_draft(runtime, ada, mailbox, body="Friday suits us.")
    assert await sends(runtime, ada) == []
    approved = await approve(runtime, ada, draft)
    assert (approved.state, approved.approvals) == (State.APPROVED, 1)
    (send,) = await sends(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        letter = await db.get_one(Message, (ada.workspace_id, draft.message_id))
    assert (send.state, send.origin, send.origin_id) == (SendState.QUEUED, ANSWER, draft.id)
    assert (send.recipient, send.subject, send.body) == ("bob@b.test", "Re: The offer", "Friday suits us.")
    assert (send.thread_id, send.in_reply_to, send.references) == (
        letter.thread_id, letter.message_id, [letter.message_id],
    )  # fmt: skip
    with pytest.raises(DraftNotWaiting, match="approved"):
        await approve(runtime, ada, draft)
    assert len(await sends(runtime, ada)) == 1


async def test_a_declined_draft_never_leaves_and_another_can_be_asked_for(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    async with runtime.db.begin(ada.scope) as db:
        await actions.decline(db, ada.workspace_id, ada.user.id, draft.id)
    for refused in (approve(runtime, ada, draft), edit(runtime, ada, draft, "Still this.")):
        with pytest.raises(DraftNotWaiting, match="declined"):
            await refused
    assert await sends(runtime, ada) == []
    async with runtime.db.begin(ada.scope) as db:
        again = await actions.ask_for(db, ada.workspace_id, ada.user.id, draft.message_id)
    assert (again.id != draft.id, again.state) == (True, State.WRITING)
    with pytest.raises(DraftNotWaiting, match="writing"):
        await approve(runtime, ada, again)


async def test_what_was_changed_is_what_leaves(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    edited = await edit(runtime, ada, draft, "Monday is better.", subject="Re: The offer, Monday")
    assert (edited.written_by, edited.edited_at is not None) == (Writer.USER, True)
    await approve(runtime, ada, draft)
    (send,) = await sends(runtime, ada)
    assert (send.subject, send.body) == ("Re: The offer, Monday", "Monday is better.")


async def test_who_does_not_wait_writes_themselves(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    letter = await make_letter(runtime, mailbox)
    async with runtime.db.begin(ada.scope) as db:
        draft = await actions.ask_for(db, ada.workspace_id, ada.user.id, letter.id)
    own = await edit(runtime, ada, draft, "My own words.")
    await writing.write(runtime, ada.workspace_id, draft.id)
    kept = await found(runtime, ada, draft.id)
    assert (own.state, kept.body, kept.written_by) == (State.WAITING, "My own words.", Writer.USER)


async def test_a_mail_has_one_draft_at_a_time(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    async with runtime.db.begin(ada.scope) as db:
        again = await actions.ask_for(db, ada.workspace_id, ada.user.id, draft.message_id)
    assert again.id == draft.id


async def test_only_what_somebody_wrote_to_the_user_can_be_answered(
    runtime: Runtime, ada: Someone, mailbox: Mailbox
) -> None:
    own = await make_message(runtime, mailbox)
    to_self = await make_letter(runtime, mailbox, sender=mailbox.address.upper())
    async with runtime.db.begin(ada.scope) as db:
        for message in (own, to_self):
            with pytest.raises(Invalid, match="nobody to answer"):
                await actions.ask_for(db, ada.workspace_id, ada.user.id, message.id)
    assert own.direction is Direction.OUT
    eve = await make_user(runtime, workspace_id=ada.workspace_id)
    letter = await make_letter(runtime, mailbox)
    async with runtime.db.begin(eve.scope) as db:
        with pytest.raises(EmailNotFound):
            await actions.ask_for(db, ada.workspace_id, eve.user.id, letter.id)


async def test_a_colleagues_draft_does_not_exist(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    eve = await make_user(runtime, workspace_id=ada.workspace_id)
    with pytest.raises(DraftNotFound):
        await approve(runtime, eve, draft)
    async with runtime.db.begin(eve.scope) as db:
        assert (await queries.page(db, eve.workspace_id, eve.user.id, PageRequest(1, 20))).total == 0
        assert not await queries.counts(db, eve.workspace_id, eve.user.id)


async def test_an_answer_from_a_mailbox_that_is_gone_waits(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    draft = await make_draft(runtime, ada, mailbox)
    async with runtime.db.begin(ada.scope) as db:
        (await db.get_one(Mailbox, (ada.workspace_id, mailbox.id))).disconnect(now())
    with pytest.raises(MailboxNotConnected):
        await approve(runtime, ada, draft)
    assert (await found(runtime, ada, draft.id)).state is State.WAITING
    assert await sends(runtime, ada) == []


async def test_an_approved_draft_says_why_it_has_not_left(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    drafts = [await make_draft(runtime, ada, mailbox), await make_draft(runtime, ada, mailbox)]
    drafts[0] = await approve(runtime, ada, drafts[0])
    async with runtime.db.begin(ada.scope) as db:
        found = await queries.waiting(db, ada.workspace_id, drafts, now())
        (await db.get_one(Mailbox, (ada.workspace_id, mailbox.id))).disconnect(now())
        await db.flush()
        gone = await queries.waiting(db, ada.workspace_id, drafts, now())
    assert {key: each.reason for key, each in found.items()} == {drafts[0].id: Waiting.QUEUED}
    assert {key: each.reason for key, each in gone.items()} == {drafts[0].id: Waiting.MAILBOX_DISCONNECTED}


async def test_drafts_are_listed_by_state(runtime: Runtime, ada: Someone, mailbox: Mailbox) -> None:
    drafts = [await make_draft(runtime, ada, mailbox) for _ in range(3)]
    await approve(runtime, ada, drafts[0])
    async with runtime.db.begin(ada.scope) as db:
        own = (ada.workspace_id, ada.user.id)
        page = await queries.page(db, *own, PageRequest(1, 2))
        waiting = await queries.page(db, *own, PageRequest(1, 20), state=State.WAITING)
        counts = await queries.counts(db, *own)
    assert (page.total, [each.id for each in page.items]) == (3, [drafts[2].id, drafts[1].id])
    assert [each.id for each in waiting.items] == [drafts[2].id, drafts[1].id]
    assert counts == {State.WAITING: 2, State.APPROVED: 1}


async def edit(
    runtime: Runtime, owner: Someone, draft: ReplyDraft, body: str, *, subject: str | None = None
) -> ReplyDraft:
    async with runtime.db.begin(owner.scope) as db:
        return await actions.edit(db, owner.workspace_id, owner.user.id, draft.id, subject=subject, body=body)


@pytest.mark.parametrize(("subject", "reply"), [("The offer", "Re: The offer"), ("RE: it", "RE: it"), ("", "Re:"), ("a\nb", "Re: a b")])  # fmt: skip
def test_an_answers_subject_is_marked_once(subject: str, reply: str) -> None:
    assert actions.reply_subject(subject) == reply
