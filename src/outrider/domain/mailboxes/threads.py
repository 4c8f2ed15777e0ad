"""Which conversation a mail belongs to: by the Message-IDs it mentions, then by the provider's own conversation, then by
subject and people, else a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.ids import new_id
from outrider.domain.mailboxes import rules
from outrider.domain.mailboxes.models import Direction, Mailbox, Message, Thread
from outrider.domain.mailboxes.sender_types import Sorted
from outrider.domain.mailboxes.verdict import Verdict
from outrider.providers.mail.interface import Fetched
from outrider.providers.mail.parsed import ParsedMail

# Mails of the same subject and people join without references only within this time.
SUBJECT_JOINS = timedelta(days=30)
# Updates of many rows with values of their own go past the mapper, in one round trip.
THREADS = cast("Table", Thread.__table__)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as fetched, taken apart and judged."""

    fetched: Fetched
    mail: ParsedMail
    verdict: Verdict
    identity: bytes
    mentions: list[str]
    snippet: str
    sender: Sorted


class Threads:
    """Finds the threads of one batch."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.by_message_id: dict[str, UUID] = {}
        self.by_remote_id: dict[str, UUID] = {}
        self.by_subject: dict[str, list[tuple[UUID, datetime, set[str]]]] = {}
        self.new: list[dict[str, Any]] = []
        self.last: dict[UUID, datetime] = {}

    @classmethod
    async def load(cls, db: AsyncSession, mailbox: Mailbox, fresh: Sequence[Arrived]) -> "Threads":
        """A few queries for the whole batch."""
        threads = cls(mailbox)
        mentioned = list({mention for each in fresh for mention in each.mentions})
        if mentioned:
            rows = await db.execute(
                select(Message.message_id, Message.thread_id).where(
                    Message.workspace_id == mailbox.workspace_id,
                    Message.mailbox_id == mailbox.id,
                    Message.message_id.in_(mentioned),
                )
            )
            threads.by_message_id = {row.message_id: row.thread_id for row in rows}
        await threads._load_remote(db, fresh)
        subjects = {rules.base_subject(each.mail.subject) for each in fresh if _joins_by_subject(each)}
        if subjects:
            rows = await db.execute(
                select(Thread.subject, Thread.id, Thread.last_at, Message.from_address, Message.to)
                .join(Message, (Message.workspace_id == Thread.workspace_id) & (Message.thread_id == Thread.id))
                .where(
                    Thread.workspace_id == mailbox.workspace_id,
                    Thread.mailbox_id == mailbox.id,
                    Thread.subject.in_(subjects),
                    Message.direction == Direction.OUT,
                )
                .order_by(Thread.last_at.desc())
                .limit(1000)
            )
            for row in rows:
                people = {person["address"] for person in row.to}
                threads.by_subject.setdefault(row.subject, []).append((row.id, row.last_at, people))
        return threads

    async def _load_remote(self, db: AsyncSession, fresh: Sequence[Arrived]) -> None:
        sought = {each.fetched.thread_id for each in fresh if each.fetched.thread_id}
        if not sought:
            return
        rows = await db.execute(
            select(Thread.remote_id, Thread.id)
            .where(
                Thread.workspace_id == self.mailbox.workspace_id,
                Thread.mailbox_id == self.mailbox.id,
                Thread.remote_id.in_(sought),
            )
            .order_by(Thread.last_at)
        )
        self.by_remote_id = {row.remote_id: row.id for row in rows}

    def thread_of(self, each: Arrived) -> UUID:
        mail, at, remote_id = each.mail, each.fetched.received_at, each.fetched.thread_id
        found = next((self.by_message_id[mention] for mention in each.mentions if mention in self.by_message_id), None)
        if found is None and remote_id is not None:
            found = self.by_remote_id.get(remote_id)
        if found is None and _joins_by_subject(each):
            found = self._by_subject(each)
        if found is None:
            found = new_id()
            self.new.append(
                {
                    "workspace_id": self.mailbox.workspace_id,
                    "id": found,
                    "mailbox_id": self.mailbox.id,
                    "subject": rules.base_subject(mail.subject),
                    "last_at": at,
                }
            )
        if mail.message_id:
            self.by_message_id.setdefault(mail.message_id, found)
        # Mails that mention an unknown one belong together even if that one never arrives.
        for mention in each.mentions:
            self.by_message_id.setdefault(mention, found)
        if remote_id is not None:
            self.by_remote_id.setdefault(remote_id, found)
        self.last[found] = max(at, self.last.get(found, at))
        return found

    def _by_subject(self, each: Arrived) -> UUID | None:
        sender = each.mail.sender.address if each.mail.sender else ""
        at = each.fetched.received_at
        for thread_id, last_at, people in self.by_subject.get(rules.base_subject(each.mail.subject), ()):
            if sender in people and abs(at - last_at) <= SUBJECT_JOINS:
                return thread_id
        return None

    async def write(self, db: AsyncSession) -> None:
        if self.new:
            await db.execute(insert(Thread), self.new)
        touched = [{"thread": thread_id, "at": at} for thread_id, at in self.last.items()]
        if touched:
            await (await db.connection()).execute(
                update(THREADS)
                .where(Thread.workspace_id == self.mailbox.workspace_id, Thread.id == bindparam("thread"))
                .values(last_at=func.greatest(Thread.last_at, bindparam("at"))),
                touched,
            )


NAME = text("""
    update threads t set remote_id = named.remote_id
    from unnest(cast(:messages as uuid[]), cast(:remote_ids as text[])) as named(message_id, remote_id)
    join messages m on m.workspace_id = :workspace and m.id = named.message_id
    where t.workspace_id = :workspace and t.id = m.thread_id and t.remote_id is null
""")


async def name(db: AsyncSession, workspace_id: UUID, named: Mapping[UUID, str]) -> None:
    """Notes what the provider calls the conversations of messages, by message; a name once given stays."""
    if named:
        values = {"workspace": workspace_id, "messages": list(named), "remote_ids": list(named.values())}
        await db.execute(NAME, values)


def _joins_by_subject(each: Arrived) -> bool:
    # Only an answer whose program left the references out; anything else with that subject is another matter.
    return not each.mentions and rules.is_marked_as_reply(each.mail.subject)
