"""Which conversation a mail belongs to: whatever names one Message-ID, as its own or as one it mentions, is together, and
so is what the provider keeps as one; an answer without references goes to the latest mail of ours that it may answer.
It makes no difference what comes first: where a mail shows that two conversations are one, they become one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import bulk
from outrider.core.ids import new_id
from outrider.domain.mailboxes import joining, rules
from outrider.domain.mailboxes.models import Mailbox, Mention, Message, Thread
from outrider.domain.mailboxes.sender_types import Sorted
from outrider.domain.mailboxes.verdict import Verdict
from outrider.providers.mail.interface import Fetched
from outrider.providers.mail.parsed import ParsedMail

# Mails of the same subject and people join without references only within this time.
SUBJECT_JOINS = timedelta(days=30)
NAMED = text("""
    select name, thread_id, is_mail from (
        select message_id as name, thread_id, true as is_mail from messages
        where workspace_id = :workspace and mailbox_id = :mailbox and message_id = any(:names)
        union all
        select name, thread_id, false from mentions
        where workspace_id = :workspace and mailbox_id = :mailbox and name = any(:names)
        union all
        select remote_id, id, true from threads
        where workspace_id = :workspace and mailbox_id = :mailbox and remote_id = any(:remote)
    ) found order by thread_id
""")
OURS = text("""
    select t.subject, t.id, m.recipients, m.received_at from threads t
    join messages m on m.workspace_id = t.workspace_id and m.thread_id = t.id
    where t.workspace_id = :workspace and t.mailbox_id = :mailbox and t.subject = any(:subjects)
        and m.direction = 'out'
    order by m.received_at desc limit 1000
""")
# Answers without references that came before what they answer; what is in a thread with mail of ours has found it.
STRAYS = text("""
    select t.subject, t.id, m.from_address, m.received_at, m.subject as marked from threads t
    join messages m on m.workspace_id = t.workspace_id and m.thread_id = t.id
    where t.workspace_id = :workspace and t.mailbox_id = :mailbox and t.subject = any(:subjects)
        and m.direction = 'in' and m.in_reply_to = '{}' and not exists (
            select from messages o
            where o.workspace_id = t.workspace_id and o.thread_id = t.id and o.direction <> 'in'
        )
    order by m.received_at desc limit 1000
""")
TOUCH = text("""
    update threads t set last_at = touched.at
    from unnest(cast(:threads as uuid[]), cast(:ats as timestamptz[])) as touched(id, at)
    where t.workspace_id = :workspace and t.id = touched.id and t.last_at < touched.at
""")
NAME = text("""
    update threads t set remote_id = named.remote_id
    from unnest(cast(:messages as uuid[]), cast(:remote_ids as text[])) as named(message_id, remote_id)
    join messages m on m.workspace_id = :workspace and m.id = named.message_id
    where t.workspace_id = :workspace and t.id = m.thread_id and t.remote_id is null
""")
# A conversation that has a name already keeps it, and is known by the others too.
NAME_TOO = text("""
    insert into mentions (workspace_id, mailbox_id, name, thread_id)
    select t.workspace_id, t.mailbox_id, named.remote_id, t.id
    from unnest(cast(:messages as uuid[]), cast(:remote_ids as text[])) as named(message_id, remote_id)
    join messages m on m.workspace_id = :workspace and m.id = named.message_id
    join threads t on t.workspace_id = :workspace and t.id = m.thread_id and t.remote_id <> named.remote_id
    on conflict do nothing
""")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail as fetched, taken apart and judged. `is_own`: the mailbox's owner wrote it."""

    fetched: Fetched
    mail: ParsedMail
    verdict: Verdict
    identity: bytes
    mentions: list[str]
    snippet: str
    sender: Sorted
    is_own: bool

    @property
    def names(self) -> Iterator[str]:
        """What it shares with the rest of its conversation, the surest first."""
        if self.mail.message_id:
            yield self.mail.message_id
        yield from self.mentions
        if self.fetched.thread_id:
            yield self.fetched.thread_id


class Threads:
    """Finds the threads of one batch."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.by_name: dict[str, UUID] = {}
        self.groups = joining.Groups()
        self.by_group: dict[joining.Node, UUID] = {}
        self.new: dict[UUID, dict[str, Any]] = {}
        self.last: dict[UUID, datetime] = {}
        self.joined: dict[UUID, UUID] = {}  # what was a thread, and the one it became a part of
        self.found: list[Message] = []  # incoming mail that stands in a thread of ours only now
        self._scope = {"workspace": mailbox.workspace_id, "mailbox": mailbox.id}
        self._unknown: dict[str, UUID] = {}
        self._known: set[str] = set()

    @classmethod
    async def load(cls, db: AsyncSession, mailbox: Mailbox, fresh: Sequence[Arrived]) -> "Threads":
        """A few queries for the whole batch. Threads that turn out to be one are joined at once."""
        threads = cls(mailbox)
        await threads._load_names(db, fresh)
        await threads._find_answered(db, fresh)
        await threads._find_answers(db, fresh)
        threads.joined, threads.found = await joining.join(db, mailbox, threads.groups.unions())
        threads.by_name = {name: threads.joined.get(found, found) for name, found in threads.by_name.items()}
        for found in sorted(set(threads.groups.threads()) - threads.joined.keys(), reverse=True):
            threads.by_group[threads.groups.of(found)] = found
        return threads

    def thread_of(self, each: Arrived) -> UUID:
        group = self.groups.of(each.identity)
        # Mostly one and the same; where two could not be joined, the nearest.
        found = next((self.by_name[name] for name in each.names if name in self.by_name), self.by_group.get(group))
        at = each.fetched.received_at
        if found is None:
            found = self.by_group[group] = new_id()
            self.new[found] = {
                "workspace_id": self.mailbox.workspace_id,
                "id": found,
                "mailbox_id": self.mailbox.id,
                "subject": rules.base_subject(each.mail.subject),
                "last_at": at,
            }
        self.last[found] = max(at, self.last.get(found, at))
        if each.mail.message_id:
            self._known.add(each.mail.message_id)
        for mention in each.mentions:
            self._unknown.setdefault(mention, found)
        return found

    async def write(self, db: AsyncSession) -> None:
        for thread_id, row in self.new.items():
            row["last_at"] = self.last[thread_id]
        await bulk.insert(db, Thread, list(self.new.values()))
        touched = {thread_id: at for thread_id, at in self.last.items() if thread_id not in self.new}
        if touched:
            await db.execute(TOUCH, {**self._scope, "threads": list(touched), "ats": list(touched.values())})
        mentions = [
            {"workspace_id": self.mailbox.workspace_id, "mailbox_id": self.mailbox.id, "name": name, "thread_id": found}
            for name, found in self._unknown.items()
            if name not in self._known
        ]
        await bulk.insert(db, Mention, mentions)

    async def _load_names(self, db: AsyncSession, fresh: Sequence[Arrived]) -> None:
        for each in fresh:
            for name in each.names:
                self.groups.join(each.identity, name)
        remote = {each.fetched.thread_id for each in fresh if each.fetched.thread_id}
        names = {name for each in fresh for name in each.names}
        if not names:
            return
        for row in await db.execute(NAMED, {**self._scope, "names": list(names), "remote": list(remote)}):
            self.by_name.setdefault(row.name, row.thread_id)
            self.groups.join(row.name, row.thread_id)
            self._known.add(row.name)

    async def _find_answered(self, db: AsyncSession, fresh: Sequence[Arrived]) -> None:
        """Of answers whose programs left the references out: the latest mail of ours with that subject to that writer."""
        answers = {each.identity: rules.base_subject(each.mail.subject) for each in fresh if _is_bare_answer(each)}
        if not answers:
            return
        ours: list[tuple[str, joining.Node, set[str], datetime]] = [
            (row.subject, row.id, {person["address"] for person in row.recipients}, row.received_at)
            for row in await db.execute(OURS, {**self._scope, "subjects": list(set(answers.values()))})
        ]
        ours += [
            (rules.base_subject(each.mail.subject), each.identity, {box.address for box in each.mail.to}, _at(each))
            for each in fresh
            if each.is_own
        ]
        ours.sort(key=lambda each: each[3], reverse=True)
        for each in fresh:
            if (subject := answers.get(each.identity)) is None:
                continue
            fitting = (
                node
                for about, node, people, at in ours
                if about == subject and _writer(each) in people and abs(_at(each) - at) <= SUBJECT_JOINS
            )
            if (answered := next(fitting, None)) is not None:
                self.groups.join(each.identity, answered)

    async def _find_answers(self, db: AsyncSession, fresh: Sequence[Arrived]) -> None:
        """The same the other way round, for mail of ours that comes after what answers it."""
        own = [each for each in fresh if each.is_own]
        if not own:
            return
        subjects = {rules.base_subject(each.mail.subject) for each in own}
        strays = (await db.execute(STRAYS, {**self._scope, "subjects": list(subjects)})).all()
        for stray in strays:
            for each in own:
                if (
                    rules.base_subject(each.mail.subject) == stray.subject
                    and rules.is_marked_as_reply(stray.marked)
                    and stray.from_address in {box.address for box in each.mail.to}
                    and abs(_at(each) - stray.received_at) <= SUBJECT_JOINS
                ):
                    self.groups.join(each.identity, stray.id)


async def name(db: AsyncSession, workspace_id: UUID, named: Mapping[UUID, str]) -> None:
    """Notes what the provider calls the conversations of messages, by message; a name once given stays."""
    if named:
        values = {"workspace": workspace_id, "messages": list(named), "remote_ids": list(named.values())}
        await db.execute(NAME, values)
        await db.execute(NAME_TOO, values)


def _at(each: Arrived) -> datetime:
    return each.fetched.received_at


def _writer(each: Arrived) -> str:
    return each.mail.sender.address if each.mail.sender else ""


def _is_bare_answer(each: Arrived) -> bool:
    # Anything else with that subject is another matter.
    return not each.is_own and not each.mentions and rules.is_marked_as_reply(each.mail.subject)
