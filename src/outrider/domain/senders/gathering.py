"""Counting mail for its senders, in the transaction that stores it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import bulk
from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.mailboxes.models import Direction, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders import queries
from outrider.domain.senders.models import Sender
from outrider.domain.senders.rules import type_of

COUNTED = (
    "name", "words", "email_count", "sent_count", "votes", "sender_type", "type_reasons", "latest_subject", "latest_preview",
    "latest_date", "updated_at",
)  # fmt: skip
COUNT = "on conflict (workspace_id, user_id, email) do update set " + ", ".join(
    f"{each} = excluded.{each}" for each in COUNTED
)
COLUMNS = tuple(Sender.__table__.columns.keys())
LONGEST_NAME, LONGEST_SUBJECT = 200, 500
Mail = Any  # a row of what is counted


async def gather(db: AsyncSession, workspace_id: UUID, user_id: UUID, message_ids: Collection[UUID]) -> None:
    """Counts newly stored mail; each must be given exactly once."""
    mails = (
        await db.execute(
            select(
                Message.direction, Message.from_address, Message.from_name, Message.to, Message.cc, Message.subject,
                Message.snippet, Message.sender_type, Message.sender_reasons, Message.received_at,
            ).where(Message.workspace_id == workspace_id, Message.id.in_(message_ids))
        )
    ).all()  # fmt: skip
    received: defaultdict[str, list[Mail]] = defaultdict(list)
    written: Counter[str] = Counter()
    for mail in mails:
        if mail.direction == Direction.OUT:
            written.update({box["address"] for box in (*mail.to, *mail.cc) if "@" in box["address"]})
        elif mail.direction == Direction.IN and "@" in mail.from_address and mail.sender_type is not None:
            received[mail.from_address].append(mail)
    emails = sorted({*received, *written})
    if not emails:
        return
    # Two mailboxes of a user may bring mail of one sender at once.
    await queries.lock(db, user_id)
    known = await _known(db, workspace_id, user_id, emails)
    rows = [
        _row(known.get(email) or _fresh(workspace_id, user_id, email), received.get(email, ()), written[email])
        for email in emails
    ]
    await bulk.insert(db, Sender, rows, otherwise=COUNT)


async def _known(db: AsyncSession, workspace_id: UUID, user_id: UUID, emails: Collection[str]) -> dict[str, Any]:
    rows = await db.execute(
        select(*(getattr(Sender, name) for name in COLUMNS)).where(
            Sender.workspace_id == workspace_id, Sender.user_id == user_id, Sender.email.in_(emails)
        )
    )
    return {row.email: dict(zip(COLUMNS, row, strict=True)) for row in rows}


def _fresh(workspace_id: UUID, user_id: UUID, email: str) -> dict[str, Any]:
    at = now()
    return {
        "workspace_id": workspace_id, "id": new_id(), "user_id": user_id, "email": email,
        "domain": email.rpartition("@")[2], "name": "", "words": email, "category": "unassigned", "chosen_at": None, "email_count": 0,
        "sent_count": 0, "votes": {}, "sender_type": SenderType.PERSONAL, "type_reasons": [], "latest_subject": "",
        "latest_preview": "", "latest_date": None, "created_at": at, "updated_at": at,
    }  # fmt: skip


def _row(row: dict[str, Any], mails: Sequence[Mail], written: int) -> dict[str, Any]:
    votes = Counter(row["votes"]) + Counter(str(mail.sender_type) for mail in mails)
    row["email_count"] += len(mails)
    row["sent_count"] += written
    row["votes"] = dict(votes)
    row["updated_at"] = now()
    latest = max(mails, key=lambda mail: mail.received_at, default=None)
    named = max((mail for mail in mails if mail.from_name), key=lambda mail: mail.received_at, default=None)
    if named is not None and not row["name"]:
        row["name"] = named.from_name[:LONGEST_NAME]
    if latest is not None and (row["latest_date"] is None or latest.received_at >= row["latest_date"]):
        row["latest_date"], row["latest_preview"] = latest.received_at, latest.snippet
        row["latest_subject"] = latest.subject[:LONGEST_SUBJECT]
        row["name"] = named.from_name[:LONGEST_NAME] if named is not None else row["name"]
    row["words"] = f"{row['email']} {row['name']}".lower()
    before = row["sender_type"]
    row["sender_type"] = type_of(votes, sent=row["sent_count"], latest=latest.sender_type if latest else before)
    if told := next((mail.sender_reasons for mail in mails if mail.sender_type == row["sender_type"]), None):
        row["type_reasons"] = told
    return row
