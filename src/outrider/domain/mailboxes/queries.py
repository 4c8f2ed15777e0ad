"""Reads of mailboxes and their mail. Mail is personal: every read names its user."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.mailboxes.models import Direction, Folder, Mailbox, Message, Place, State, Thread

DUE_FOR_SYNC = text("select workspace_id, id from mailboxes_due_for_sync(:at_most)")
TO_WATCH = text("select workspace_id, id from mailboxes_to_watch(:at_most)")
TO_SUBSCRIBE = text("select workspace_id, id from mailboxes_to_subscribe(:at_most)")
MOST_WORDS = 8
AT_ADDRESS = text("select workspace_id, id from mailboxes_at(:provider, :address)")


class MailboxNotFound(NotFound):
    code = "mailbox_not_found"


class EmailNotFound(NotFound):
    code = "email_not_found"


async def due_for_sync(db: AsyncSession, at_most: int) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, mailbox) pairs. Works without a scope; gives away only identifiers."""
    return [(row.workspace_id, row.id) for row in await db.execute(DUE_FOR_SYNC, {"at_most": at_most})]


async def to_watch(db: AsyncSession, at_most: int) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, mailbox) pairs. Works without a scope; gives away only identifiers."""
    return [(row.workspace_id, row.id) for row in await db.execute(TO_WATCH, {"at_most": at_most})]


async def to_subscribe(db: AsyncSession, at_most: int) -> list[tuple[UUID, UUID]]:
    """Returns (workspace, mailbox) pairs. Works without a scope; gives away only identifiers."""
    return [(row.workspace_id, row.id) for row in await db.execute(TO_SUBSCRIBE, {"at_most": at_most})]


async def at_address(db: AsyncSession, provider: str, address: str) -> list[tuple[UUID, UUID]]:
    """Returns the (workspace, mailbox) pairs of an address. Works without a scope; gives away only identifiers."""
    rows = await db.execute(AT_ADDRESS, {"provider": provider, "address": address})
    return [(row.workspace_id, row.id) for row in rows]


async def get_any(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID) -> Mailbox:
    """For jobs, which act for whoever owns the mailbox."""
    found = await db.get(Mailbox, (workspace_id, mailbox_id))
    if found is None:
        raise MailboxNotFound("There is no such mailbox.")
    return found


async def of_user(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[Mailbox]:
    """Returns a user's mailboxes that are not disconnected, the first connected first."""
    query = (
        select(Mailbox)
        .where(Mailbox.workspace_id == workspace_id, Mailbox.user_id == user_id, Mailbox.state != State.DISCONNECTED)
        .order_by(Mailbox.connected_at, Mailbox.id)
        .limit(100)
    )
    return list(await db.scalars(query))


async def ever_of_user(db: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[Mailbox]:
    """Returns a user's mailboxes, also those that are disconnected."""
    query = select(Mailbox).where(Mailbox.workspace_id == workspace_id, Mailbox.user_id == user_id)
    return list(await db.scalars(query.order_by(Mailbox.connected_at).limit(1_000)))


async def get(db: AsyncSession, workspace_id: UUID, user_id: UUID, mailbox_id: UUID) -> Mailbox:
    """Raises MailboxNotFound."""
    found: Mailbox | None = await db.scalar(
        select(Mailbox).where(
            Mailbox.workspace_id == workspace_id, Mailbox.user_id == user_id, Mailbox.id == mailbox_id
        )
    )
    if found is None:
        raise MailboxNotFound("There is no such mailbox.")
    return found


async def by_address(db: AsyncSession, workspace_id: UUID, user_id: UUID, address: str) -> Mailbox | None:
    query = select(Mailbox).where(
        Mailbox.workspace_id == workspace_id, Mailbox.user_id == user_id, Mailbox.address == address
    )
    found: Mailbox | None = await db.scalar(query.with_for_update())
    return found


async def folders_of(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID) -> list[Folder]:
    query = select(Folder).where(Folder.workspace_id == workspace_id, Folder.mailbox_id == mailbox_id)
    return list(await db.scalars(query.order_by(Folder.name)))


async def places_of(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, message_ids: Collection[UUID]
) -> dict[UUID, tuple[str, str]]:
    """Returns a folder and the server's id there for each of a mailbox's messages that lie on the server."""
    rows = await db.execute(
        select(Place.message_id, Folder.name, Place.remote_id)
        .join(Folder, (Folder.workspace_id == Place.workspace_id) & (Folder.id == Place.folder_id))
        .where(Place.workspace_id == workspace_id, Folder.mailbox_id == mailbox_id, Place.message_id.in_(message_ids))
    )
    return {row.message_id: (row.name, row.remote_id) for row in rows}


async def stored(
    db: AsyncSession,
    workspace_id: UUID,
    mailbox_id: UUID,
    *,
    folder: str | None,
    words: str,
    after: UUID | None,
    size: int,
) -> tuple[list[Message], bool]:
    """Returns a mailbox's messages, the newest first, from behind one of them, and whether there are more."""
    where = [
        Message.workspace_id == workspace_id,
        Message.mailbox_id == mailbox_id,
        Message.direction != Direction.DRAFT,
    ]
    if folder is not None:
        lies = select(Place.message_id).join(
            Folder, (Folder.workspace_id == Place.workspace_id) & (Folder.id == Place.folder_id)
        )
        lies = lies.where(Place.workspace_id == workspace_id, Folder.mailbox_id == mailbox_id, Folder.name == folder)
        where.append(Message.id.in_(lies))
    for word in words.split()[:MOST_WORDS]:
        columns = (Message.subject, Message.from_address, Message.from_name, Message.text)
        where.append(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    if after is not None:
        last = select(Message.received_at, Message.id).where(Message.workspace_id == workspace_id, Message.id == after)
        where.append(tuple_(Message.received_at, Message.id) < last.scalar_subquery())
    rows = await db.scalars(
        select(Message).where(*where).order_by(Message.received_at.desc(), Message.id.desc()).limit(size + 1)
    )
    found = list(rows)
    return found[:size], len(found) > size


async def remote_threads(db: AsyncSession, workspace_id: UUID, thread_ids: Collection[UUID]) -> dict[UUID, str]:
    """Returns what the provider calls each of the conversations, where it keeps any."""
    rows = await db.execute(
        select(Thread.id, Thread.remote_id).where(
            Thread.workspace_id == workspace_id, Thread.id.in_(thread_ids), Thread.remote_id.is_not(None)
        )
    )
    return {row.id: row.remote_id for row in rows}


async def get_sent(db: AsyncSession, workspace_id: UUID, user_id: UUID, email_id: UUID) -> Message:
    query = select(Message).where(
        Message.workspace_id == workspace_id,
        Message.user_id == user_id,
        Message.id == email_id,
        Message.direction == Direction.OUT,
    )
    found: Message | None = await db.scalar(query)
    if found is None:
        raise EmailNotFound("There is no such sent email. If you sent it just now, sync first: POST /emails/sync.")
    return found


async def sent(
    db: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    page: PageRequest,
    *,
    search: str | None = None,
    has_reply: bool | None = None,
) -> Page[Message]:
    """Returns a user's sent mail, newest first."""
    where = [Message.workspace_id == workspace_id, Message.user_id == user_id, Message.direction == Direction.OUT]
    if search:
        where.append(Message.subject.icontains(search, autoescape=True))
    if has_reply is not None:
        where.append(Message.replied_at.is_not(None) if has_reply else Message.replied_at.is_(None))
    total = await db.scalar(select(func.count()).select_from(Message).where(*where)) or 0
    rows = await db.scalars(
        select(Message)
        .where(*where)
        .order_by(Message.sent_at.desc(), Message.id.desc())
        .offset(page.offset)
        .limit(page.size)
    )
    return Page(list(rows), total, page.number, page.size)


async def sent_by_ids(db: AsyncSession, workspace_id: UUID, user_id: UUID, ids: Sequence[UUID]) -> list[Message]:
    rows = await db.scalars(
        select(Message).where(
            Message.workspace_id == workspace_id,
            Message.user_id == user_id,
            Message.id.in_(ids),
            Message.direction == Direction.OUT,
        )
    )
    return list(rows)


async def sent_since(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, since: datetime | None, *, at_most: int
) -> list[Message]:
    """Returns sent mail that is new or changed since a moment, newest first."""
    query = select(Message).where(
        Message.workspace_id == workspace_id, Message.user_id == user_id, Message.direction == Direction.OUT
    )
    if since is not None:
        query = query.where(Message.updated_at > since)
    return list(await db.scalars(query.order_by(Message.sent_at.desc(), Message.id.desc()).limit(at_most)))


async def first_human_after(db: AsyncSession, workspace_id: UUID, thread_id: UUID, after: datetime) -> Message | None:
    """Returns the first mail a person wrote in a thread after a moment."""
    query = (
        select(Message)
        .where(
            Message.workspace_id == workspace_id,
            Message.thread_id == thread_id,
            Message.direction == Direction.IN,
            Message.kind == "human",
            Message.received_at > after,
        )
        .order_by(Message.received_at)
        .limit(1)
    )
    found: Message | None = await db.scalar(query)
    return found


async def outlines(
    db: AsyncSession, workspace_id: UUID, user_id: UUID, *, since: datetime, at_most: int
) -> Sequence[Any]:
    """Returns direction, writer, subject, kind of sender and time of a user's latest mail, the newest first."""
    rows = await db.execute(
        select(Message.direction, Message.from_address, Message.subject, Message.sender_type, Message.received_at)
        .join(Mailbox, (Mailbox.workspace_id == Message.workspace_id) & (Mailbox.id == Message.mailbox_id))
        .where(
            Message.workspace_id == workspace_id,
            Mailbox.user_id == user_id,
            Message.direction != Direction.DRAFT,
            Message.received_at >= since,
        )
        .order_by(Message.received_at.desc())
        .limit(at_most)
    )
    return rows.all()


async def get_message(db: AsyncSession, workspace_id: UUID, message_id: UUID) -> Message | None:
    return await db.get(Message, (workspace_id, message_id))
