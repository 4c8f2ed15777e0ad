"""Reads of judgements. They are personal: every read names its user."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.models import User
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.senders.models import Sender
from outrider.domain.senders.rules import FREE_MAIL
from outrider.domain.urgency.judging import Subject
from outrider.domain.urgency.learning import Learnt
from outrider.domain.urgency.models import JudgementCorrection, MessageJudgement, UrgencyModel
from outrider.domain.urgency.reading import MOST_TEXT, Taught
from outrider.domain.urgency.rules import QUIET

log = structlog.get_logger()

LEARNT = TypeAdapter(Learnt)
MOST_CHOICES, MOST_QUIET = 300, 100  # mails that are learnt from
QUIET_WEIGHT = 0.5  # who silences a sender says less of a mail than who corrects its judgement


class JudgementNotFound(NotFound):
    code = "judgement_not_found"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mail that is to be judged."""

    message_id: UUID
    received_at: datetime
    connected_at: datetime | None
    mail: Subject


@dataclass(frozen=True, slots=True)
class Told:
    """A judgement with the mail it is of, and the user's own word on it."""

    judgement: MessageJudgement
    subject: str
    from_name: str
    from_address: str
    correction: JudgementCorrection | None


async def unjudged(
    db: AsyncSession, workspace_id: UUID, user: User, message_ids: Collection[UUID], *, since: datetime
) -> list[Candidate]:
    """Returns those of the mails that came in since then and have no judgement."""
    judged = select(MessageJudgement.id).where(
        MessageJudgement.workspace_id == workspace_id, MessageJudgement.message_id == Message.id
    )
    query = _mails().where(
        Message.workspace_id == workspace_id,
        Message.user_id == user.id,
        Message.id.in_(message_ids),
        Message.direction == Direction.IN,
        Message.received_at >= since,
        ~judged.exists(),
    )
    return [
        Candidate(row.id, row.received_at, row.connected_at, _subject(row, user)) for row in await db.execute(query)
    ]


async def taught(db: AsyncSession, workspace_id: UUID, user: User) -> list[Taught]:
    """Returns what the user said of mail lately, the oldest first: of single ones, and by silencing senders of urgent ones."""
    query = (
        _mails()
        .add_columns(JudgementCorrection.is_urgent, JudgementCorrection.topic)
        .join(
            JudgementCorrection,
            (JudgementCorrection.workspace_id == Message.workspace_id) & (JudgementCorrection.message_id == Message.id),
        )
        .where(Message.workspace_id == workspace_id, JudgementCorrection.user_id == user.id)
        .order_by(JudgementCorrection.updated_at.desc())
        .limit(MOST_CHOICES)
    )
    own = [Taught(_subject(row, user), row.is_urgent, row.topic, 1.0) for row in await db.execute(query)]
    silenced = (
        _mails()
        .join(
            MessageJudgement,
            (MessageJudgement.workspace_id == Message.workspace_id) & (MessageJudgement.message_id == Message.id),
        )
        .join(
            Sender,
            (Sender.workspace_id == Message.workspace_id)
            & (Sender.user_id == user.id)
            & (Sender.email == func.lower(Message.from_address)),
        )
        .where(
            Message.workspace_id == workspace_id,
            MessageJudgement.user_id == user.id,
            MessageJudgement.is_urgent,
            Sender.category.in_(QUIET),
        )
        .order_by(MessageJudgement.received_at.desc())
        .limit(MOST_QUIET)
    )
    quiet = [Taught(_subject(row, user), False, None, QUIET_WEIGHT) for row in await db.execute(silenced)]
    return [*reversed(quiet), *reversed(own)]


async def learnt(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> Learnt:
    """Returns what was learnt; nothing where that can't be read: mail is judged by the rules alone then."""
    query = select(UrgencyModel.learnt).where(
        UrgencyModel.workspace_id == workspace_id, UrgencyModel.user_id == user_id
    )
    found = await db.scalar(query)
    if found is None:
        return Learnt()
    try:
        return LEARNT.validate_python(found)
    except ValidationError as error:
        log.warning("urgency.model_broken", user_id=str(user_id), errors=error.error_count())
        return Learnt()


async def search(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    paging: PageRequest,
    *,
    is_urgent: bool | None = None,
) -> Page[Told]:
    """Returns a user's judgements, the latest mail first."""
    where: list[ColumnElement[bool]] = [
        MessageJudgement.workspace_id == workspace_id,
        MessageJudgement.user_id == user_id,
    ]
    if is_urgent is not None:
        where.append(MessageJudgement.is_urgent.is_(is_urgent))
    total = await db.scalar(select(func.count()).select_from(MessageJudgement).where(*where)) or 0
    query = (
        _told()
        .where(*where)
        .order_by(MessageJudgement.received_at.desc(), MessageJudgement.id.desc())
        .offset(paging.offset)
        .limit(paging.size)
    )
    return Page([Told(*row) for row in await db.execute(query)], total, paging.number, paging.size)


async def of_messages(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, message_ids: Collection[UUID]
) -> dict[UUID, Told]:
    query = _told().where(
        MessageJudgement.workspace_id == workspace_id,
        MessageJudgement.user_id == user_id,
        MessageJudgement.message_id.in_(message_ids),
    )
    return {row[0].message_id: Told(*row) for row in await db.execute(query)}


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, message_id: UUID) -> Told:
    """Raises JudgementNotFound."""
    found = (await of_messages(db, workspace_id, user_id, [message_id])).get(message_id)
    if found is None:
        raise JudgementNotFound("No judgement of such a mail is there.")
    return found


def _mails() -> Select[Any]:
    return select(
        Message.id, Message.received_at, Message.sent_at, Message.subject, func.left(Message.text, MOST_TEXT).label("text"),
        Message.from_address, Message.from_name, Message.kind, Message.sender_type, Message.to, Message.cc,
        Mailbox.address, Mailbox.connected_at,
    ).join(Mailbox, (Mailbox.workspace_id == Message.workspace_id) & (Mailbox.id == Message.mailbox_id))  # fmt: skip


def _subject(row: Any, user: User) -> Subject:
    domain = row.from_address.rpartition("@")[2].lower()
    # The hour that a mail names is meant when it was written; one that claims another day was not written then.
    written_at = row.sent_at if row.sent_at.date() == row.received_at.date() else row.received_at
    return Subject(
        row.subject, row.text, row.from_address, row.from_name, row.kind, row.sender_type or SenderType.PERSONAL,
        written_at.astimezone(ZoneInfo(user.timezone)),
        is_own_house=domain == user.email.rpartition("@")[2].lower() and domain not in FREE_MAIL,
        is_to_user=bool({box["address"].lower() for box in (*row.to, *row.cc)} & {row.address.lower(), user.email.lower()}),
    )  # fmt: skip


def _told() -> Select[MessageJudgement, str, str, str, JudgementCorrection | None]:
    return (
        select(MessageJudgement, Message.subject, Message.from_name, Message.from_address, JudgementCorrection)
        .join(
            Message,
            (Message.workspace_id == MessageJudgement.workspace_id) & (Message.id == MessageJudgement.message_id),
        )
        .outerjoin(
            JudgementCorrection,
            (JudgementCorrection.workspace_id == MessageJudgement.workspace_id)
            & (JudgementCorrection.message_id == MessageJudgement.message_id),
        )
    )
