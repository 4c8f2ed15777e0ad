"""The daily digest: what came in that the categories and preferences let through, and the meetings of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.models import User
from outrider.domain.calendars import agenda
from outrider.domain.calls import permitting, rules, wording
from outrider.domain.calls.wording import MailTold, MeetingTold
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.sender_types import SenderType
from outrider.domain.preferences import actions as preferences
from outrider.domain.preferences.evidence import SIGNS
from outrider.domain.preferences.models import Method, Preferences
from outrider.domain.senders.models import Category, Sender
from outrider.domain.urgency.models import MessageJudgement
from outrider.domain.urgency.topics import PREFERENCE_OF, TOLD_BY_PREFERENCE, Topic

AT_MOST = 200  # mails that are looked at
TOLD = frozenset({Category.CALL_ME, Category.REMIND_ME})
# Of whom the user has not chosen yet, people are told of.
PEOPLE = frozenset({SenderType.PERSONAL, SenderType.MEETING})


@dataclass(frozen=True, slots=True)
class Digest:
    at: datetime
    text: str
    language: str
    mails: Sequence[MailTold]
    meetings: Sequence[MeetingTold]

    @property
    def is_empty(self) -> bool:
        return not self.mails and not self.meetings


async def upcoming(db: AsyncSession, workspace_id: UUID, user_id: UUID, now: datetime) -> Digest:
    """Returns the next digest after a moment, as things stand."""
    user = await accounts.get_user(db, user_id)
    wanted = await preferences.of_user(db, workspace_id, user_id)
    at = rules.next_digest(now, wanted.preferred_call_time, ZoneInfo(user.timezone))
    return await compile_at(db, workspace_id, user, wanted, at)


async def compile_at(db: AsyncSession, workspace_id: UUID, user: User, wanted: Preferences, at: datetime) -> Digest:
    """Compiles the digest of a moment: the mail since the one before it, the meetings until the end of its day."""
    home = ZoneInfo(user.timezone)
    settings = await permitting.settings_of(db, workspace_id, user.id)
    before = rules.moment(at.astimezone(home).date() - timedelta(days=1), wanted.preferred_call_time, home)
    mails = await _mails(db, workspace_id, user.id, wanted, before, at)
    meetings = await _meetings(db, workspace_id, user.id, wanted, at, rules.day_of(at, home)[1])
    text = wording.digest(mails, meetings, home, settings.language)
    return Digest(at, text, settings.language, mails, meetings)


async def _mails(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, wanted: Preferences, since: datetime, until: datetime
) -> list[MailTold]:
    boxes = select(Mailbox.id).where(Mailbox.workspace_id == workspace_id, Mailbox.user_id == user_id)
    query = (
        select(
            Message.from_name, Message.from_address, Message.subject, Sender.category, Sender.sender_type,
            MessageJudgement.topic, MessageJudgement.is_urgent,
        )
        .join(
            Sender,
            (Sender.workspace_id == Message.workspace_id)
            & (Sender.user_id == user_id)
            & (Sender.email == func.lower(Message.from_address)),
        )
        .outerjoin(
            MessageJudgement,
            (MessageJudgement.workspace_id == Message.workspace_id) & (MessageJudgement.message_id == Message.id),
        )
        .where(
            Message.workspace_id == workspace_id,
            Message.mailbox_id.in_(boxes),
            Message.direction == Direction.IN,
            Message.received_at >= since,
            Message.received_at < until,
            Sender.category.in_((*TOLD, Category.UNASSIGNED)),
        )
        # What can't wait first, then whom the user wants to be called for, then the latest.
        .order_by(
            func.coalesce(MessageJudgement.is_urgent, False).desc(), Sender.category != Category.CALL_ME,
            Message.received_at.desc(), Message.id,
        )
        .limit(AT_MOST)
    )  # fmt: skip
    return [
        MailTold(row.from_name or row.from_address, row.subject)
        for row in await db.execute(query)
        if row.is_urgent or is_told(row.category, row.sender_type, row.topic or topic_of(row.subject), wanted)
    ]


def is_told(category: Category, sender_type: SenderType, topic: Topic, wanted: Preferences) -> bool:
    """What the user said of the sender counts more than what the mail is about."""
    if category in TOLD:
        return True
    if topic in TOLD_BY_PREFERENCE:
        return sender_type is not SenderType.PROMOTIONAL and bool(getattr(wanted, PREFERENCE_OF[topic]))
    return sender_type in PEOPLE and topic is not Topic.PROMOTION


def topic_of(subject: str) -> Topic:
    """What mail is about that has no judgement: it came in before there were any."""
    return next(
        (each for each in sorted(TOLD_BY_PREFERENCE) if SIGNS[PREFERENCE_OF[each]].search(subject)), Topic.OTHER
    )


async def _meetings(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, wanted: Preferences, since: datetime, until: datetime
) -> list[MeetingTold]:
    if wanted.meeting_reminder_method is Method.CALL:
        return []
    entries = await agenda.ahead(db, workspace_id, user_id, since, until)
    return [
        MeetingTold(each.occurrence.title, None if each.occurrence.starts_on is not None else each.occurrence.starts_at)
        for each in entries
        if each.remind_at is not None and (each.occurrence.starts_on is not None or each.occurrence.starts_at >= since)
    ]
