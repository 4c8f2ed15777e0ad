"""Judgements of mail as the worker writes them down."""

from typing import Any

from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Message
from outrider.domain.urgency.models import MessageJudgement, Outcome
from outrider.domain.urgency.topics import Topic
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


async def make_judgement(runtime: Runtime, owner: Someone, mail: Message, **values: Any) -> MessageJudgement:
    reason = {"sign": "your_move", "points": 1.7, "says": "it needs you", "words": "please call"}
    made = MessageJudgement(
        **{
            "workspace_id": owner.workspace_id, "id": new_id(), "user_id": owner.user.id, "message_id": mail.id,
            "topic": Topic.CUSTOMER, "is_urgent": True, "score": 1.5, "outcome": Outcome.CALL,
            "decided_by": "preference customer_issues", "sentence": mail.text, "reasons": [reason],
            "received_at": mail.received_at, **values,
        }
    )  # fmt: skip
    async with runtime.db.begin(owner.scope) as db:
        db.add(made)
    return made
