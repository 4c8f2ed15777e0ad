"""Mails that somebody wrote, drafts of answers to them, and runtimes with a language model behind a stand-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import text

from outrider.domain.drafts import actions, writing
from outrider.domain.drafts.models import ReplyDraft
from outrider.domain.llm import consent
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.mailboxes import make_message
from tests.stand_ins.openai_chat import KEY, OpenAi

LETTER = "Could you tell us when you and the team have time to look at the offer? We need your answer by Friday."


@asynccontextmanager
async def model_runtime(
    settings: Settings, database: Addresses, openai: OpenAi, **changes: Any
) -> AsyncIterator[Runtime]:
    """A runtime that knows the stand-in."""
    known = {"openai_chat_url": openai.url, "openai_chat_key": SecretStr(KEY), **changes}
    async with open_runtime(settings.model_copy(update=known), database.app, name="tests-llm") as runtime:
        yield runtime


async def agree(runtime: Runtime, owner: Someone) -> None:
    async with runtime.db.begin(owner.scope) as db:
        await consent.give(db, owner.workspace_id, owner.user.id, runtime.language_model)


async def make_letter(
    runtime: Runtime, mailbox: Mailbox, *, sender: str = "bob@b.test", name: str = "Bob Baker",
    subject: str = "The offer", body: str = LETTER, thread_id: UUID | None = None, minutes_ago: int = 10,
) -> Message:  # fmt: skip
    """A mail that somebody wrote to the mailbox."""
    message = await make_message(
        runtime, mailbox, direction=Direction.IN, sender=sender, subject=subject, text=body, thread_id=thread_id,
        minutes_ago=minutes_ago,
    )  # fmt: skip
    async with runtime.db.begin() as db:
        await db.execute(text("select set_config('app.ws', :ws, true)"), {"ws": str(mailbox.workspace_id)})
        await db.execute(text("update messages set from_name = :n where id = :id"), {"n": name, "id": message.id})
    message.from_name = name
    return message


async def make_draft(
    runtime: Runtime, owner: Someone, mailbox: Mailbox, *, body: str | None = None, **letter: Any
) -> ReplyDraft:
    """A draft that waits: by whatever writes it here, or with a body of its own."""
    message = await make_letter(runtime, mailbox, **letter)
    async with runtime.db.begin(owner.scope) as db:
        draft = await actions.ask_for(db, owner.workspace_id, owner.user.id, message.id)
    await writing.write(runtime, owner.workspace_id, draft.id)
    if body is not None:
        async with runtime.db.begin(owner.scope) as db:
            await actions.edit(db, owner.workspace_id, owner.user.id, draft.id, subject=None, body=body)
    return await found(runtime, owner, draft.id)


async def found(runtime: Runtime, owner: Someone, draft_id: UUID) -> ReplyDraft:
    async with runtime.db.begin(owner.scope) as db:
        return await db.get_one(ReplyDraft, (owner.workspace_id, draft_id))
