"""Many rows in one statement come out as they went in."""

from datetime import UTC, date, datetime

from sqlalchemy import func, select

from outrider.core import bulk
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Direction, Message, Thread
from outrider.domain.mailboxes.verdict import Kind
from outrider.runtime import Runtime
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


async def test_every_kind_of_column_comes_back_as_it_was_given(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    scope = {"workspace_id": ada.workspace_id, "mailbox_id": mailbox.id}
    thread = {**scope, "id": new_id(), "subject": "it", "last_at": AT}
    words = ['a "quoted" one', "back\\slash", "", "comma, brace}", "NULL", "zwei\nZeilen", "日本"]
    rows = [
        {
            **scope, "id": new_id(), "user_id": ada.user.id, "thread_id": thread["id"], "identity": bytes([number, 0]),
            "message_id": None if number else "<1@b.test>", "in_reply_to": words if number else [],
            "references": [], "direction": Direction.IN, "kind": Kind.BOUNCE, "sender_reasons": [], "bounced": words[:number],
            "refusals": [{"address": 'b"', "isHard": True}] * number, "returns_on": date(2026, 4, 1) if number else None,
            "to": [{"address": "a@a.test", "name": "Ä"}], "cc": [], "subject": "\\x00 is no byte", "text": "x" * number,
            "raw": b"\x00\xff" if number else None, "size": 2**40, "sent_at": AT, "received_at": AT, "updated_at": AT,
        }
        for number in range(3)
    ]  # fmt: skip
    async with runtime.db.begin(ada.scope) as db:
        await bulk.insert(db, Thread, [thread])
        await bulk.insert(db, Message, [{**row, **dict.fromkeys(DEFAULTS, "")} for row in rows])
        await bulk.insert(db, Message, [])
    async with runtime.db.begin(ada.scope) as db:
        stored = list(await db.scalars(select(Message).order_by(Message.identity)))
    assert [{name: getattr(each, name) for name in rows[0]} for each in stored] == rows


DEFAULTS = ("evidence", "from_address", "from_name", "snippet", "html")


async def test_a_row_that_is_there_is_left_or_changed_as_one_says(runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    row = {"workspace_id": ada.workspace_id, "id": new_id(), "mailbox_id": mailbox.id, "subject": "one", "last_at": AT}
    change = "on conflict (workspace_id, id) do update set subject = excluded.subject"
    async with runtime.db.begin(ada.scope) as db:
        await bulk.insert(db, Thread, [row])
        await bulk.insert(db, Thread, [{**row, "subject": "two"}])
        assert await db.scalar(select(Thread.subject)) == "one"
        await bulk.insert(db, Thread, [{**row, "subject": "two"}], otherwise=change)
        assert await db.scalar(select(func.max(Thread.subject))) == "two"
