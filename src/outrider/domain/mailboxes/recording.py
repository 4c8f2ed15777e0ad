"""Writing what came in into the database, with the cursor that covers it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core import bulk
from outrider.core.clock import now
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.mailboxes import joining, rules, threads
from outrider.domain.mailboxes.events import MailStored, MessageReceived
from outrider.domain.mailboxes.judging import Judged
from outrider.domain.mailboxes.models import Direction, Folder, Mailbox, Message, Place
from outrider.domain.mailboxes.threads import Arrived, Threads
from outrider.domain.mailboxes.verdict import Kind, Verdict
from outrider.providers.mail.interface import Changes, Fetched, Role
from outrider.providers.mail.parsed import ParsedMail

LOCK = text("select pg_advisory_xact_lock(hashtextextended('mailbox:' || cast(:mailbox as text), 0))")
# In threads where a person has written, or we have: the first answer may come before what it answers.
MARK_REPLIED = text("""
    update messages o set replied_at = answered.at, updated_at = clock_timestamp()
    from (
        select s.id, a.received_at as at
        from messages s cross join lateral (
            select i.received_at from messages i
            where i.workspace_id = s.workspace_id and i.thread_id = s.thread_id and i.direction = 'in'
                and i.kind = 'human' and i.received_at > s.sent_at
            order by i.received_at limit 1
        ) a
        where s.workspace_id = :workspace and s.thread_id = any(:threads) and s.direction = 'out'
    ) answered
    where o.workspace_id = :workspace and o.id = answered.id and (o.replied_at is null or o.replied_at > answered.at)
""")
MAX_BOUNCED = 50
DELIVERED = frozenset({"delivered", "relayed", "expanded"})
IGNORED = frozenset({Kind.BULK})


async def record(db: AsyncSession, mailbox: Mailbox, folder: Folder, changes: Changes, judged: Sequence[Judged]) -> int:
    """Writes a batch of a folder and moves its cursor, in one transaction. Returns how many mails were new.

    Any of it may come again after a crash: a mail is recognised by its identity or by its place.
    """
    await _lock(db, mailbox.id)
    if changes.reset:
        folder.is_read_anew = True
        await db.execute(delete(Place).where(Place.workspace_id == folder.workspace_id, Place.folder_id == folder.id))
    arrived = [_arrived(mailbox, folder, *each) for each in zip(changes.messages, judged, strict=True)]
    known = await _known(db, mailbox, folder, arrived)
    fresh = [each for each in arrived if each.identity not in known]
    found = await Threads.load(db, mailbox, fresh)
    rows = _new_rows(mailbox, fresh, found)
    await found.write(db)
    await bulk.insert(db, Message, rows)
    known |= {row["identity"]: row["id"] for row in rows}
    await _place(db, folder, [(each.fetched.id, known[each.identity]) for each in arrived])
    named = {known[each.identity]: each.fetched.thread_id for each in arrived if each.fetched.thread_id is not None}
    await threads.name(db, mailbox.workspace_id, named)
    await _mark_replied(db, mailbox, rows, found)
    await _announce(db, mailbox, {row["identity"]: row for row in rows}, fresh)
    await emit(db, *(_told_late(each, found) for each in found.found))
    if rows:
        await emit(
            db,
            MailStored(
                workspace_id=mailbox.workspace_id,
                mailbox_id=mailbox.id,
                user_id=mailbox.user_id,
                message_ids=[row["id"] for row in rows],
            ),
        )
    folder.advance(changes.cursor, remaining=changes.remaining, more=changes.more, at=now())
    is_read_anew = folder.is_read_anew and not changes.more
    folder.is_read_anew = folder.is_read_anew and changes.more
    await db.flush()
    if is_read_anew:
        await forget_ghosts(db, mailbox)
    return len(rows)


async def _lock(db: AsyncSession, mailbox_id: UUID) -> None:
    # Two readers of one mailbox must not make two threads of one conversation.
    await db.execute(LOCK, {"mailbox": str(mailbox_id)})


async def forget_ghosts(db: AsyncSession, mailbox: Mailbox) -> None:
    """After a renumbered folder was read again: empties mail that is nowhere on the server any more.

    While another folder is being read again, its mail has no places yet: the last one to be done sees to all.
    """
    being_read = select(Folder.id).where(
        Folder.workspace_id == mailbox.workspace_id, Folder.mailbox_id == mailbox.id, Folder.is_read_anew
    )
    if await db.scalar(being_read.limit(1)) is not None:
        return
    has_place = (
        select(Place.remote_id)
        .where(Place.workspace_id == Message.workspace_id, Place.message_id == Message.id)
        .exists()
    )
    await db.execute(
        update(Message)
        .where(
            Message.workspace_id == mailbox.workspace_id,
            Message.mailbox_id == mailbox.id,
            Message.direction == Direction.IN,
            ~has_place,
        )
        .values(text="", html="", snippet="", raw=None)
        .execution_options(synchronize_session=False)
    )


def _arrived(mailbox: Mailbox, folder: Folder, fetched: Fetched, judged: Judged) -> Arrived:
    mail = judged.mail
    is_from_owner = mail.sender is not None and mail.sender.address == mailbox.address
    return Arrived(
        fetched,
        mail,
        judged.verdict,
        rules.identity(mail, fetched),
        judged.mentions,
        judged.snippet,
        judged.sender,
        is_own=is_from_owner or Role.SENT in {folder.role, *fetched.roles},
    )


def _delivered(mail: ParsedMail) -> list[str]:
    recipients = mail.report.recipients if mail.report else ()
    return [each.address for each in recipients if each.action in DELIVERED][:MAX_BOUNCED]


def _bounced(verdict: Verdict) -> list[str]:
    """Whom it is about: also by the address we wrote to, where the mail went on to another."""
    if verdict.kind is not Kind.BOUNCE:
        return []
    named = [address for each in verdict.bounced for address in (each.address, each.original) if address]
    return list(dict.fromkeys(named))[:MAX_BOUNCED]


async def _known(db: AsyncSession, mailbox: Mailbox, folder: Folder, arrived: Sequence[Arrived]) -> dict[bytes, UUID]:
    """Returns the mails of a batch that are stored already, also those we wrote ourselves."""
    by_place = await _known_by_place(db, folder, arrived) | await _known_by_lasting_id(db, mailbox, arrived)
    own = {rules.identity_of_outgoing(each.mail.message_id): each.identity for each in arrived if each.mail.message_id}
    sought = [each.identity for each in arrived] + list(own)
    rows = await db.execute(
        select(Message.identity, Message.id).where(
            Message.workspace_id == mailbox.workspace_id,
            Message.mailbox_id == mailbox.id,
            Message.identity.in_(sought),
        )
    )
    return by_place | {own.get(row.identity, row.identity): row.id for row in rows}


async def _known_by_place(db: AsyncSession, folder: Folder, arrived: Sequence[Arrived]) -> dict[bytes, UUID]:
    """Returns mails of our own that the server gave another Message-ID: sending told us their places."""
    identities = {each.fetched.id: each.identity for each in arrived}
    rows = await db.execute(
        select(Place.remote_id, Place.message_id)
        .join(Message, (Message.workspace_id == Place.workspace_id) & (Message.id == Place.message_id))
        .where(
            Place.workspace_id == folder.workspace_id,
            Place.folder_id == folder.id,
            Place.remote_id.in_(identities),
            Message.direction != Direction.IN,
        )
    )
    return {identities[row.remote_id]: row.message_id for row in rows}


async def _known_by_lasting_id(db: AsyncSession, mailbox: Mailbox, arrived: Sequence[Arrived]) -> dict[bytes, UUID]:
    """Returns mails that were seen before, in whatever folder, however the server writes them out now."""
    lasting = {each.fetched.id: each.identity for each in arrived if each.fetched.has_lasting_id}
    if not lasting:
        return {}
    rows = await db.execute(
        select(Place.remote_id, Place.message_id)
        .join(Folder, (Folder.workspace_id == Place.workspace_id) & (Folder.id == Place.folder_id))
        .where(
            Folder.workspace_id == mailbox.workspace_id,
            Folder.mailbox_id == mailbox.id,
            Place.remote_id.in_(lasting),
        )
    )
    return {lasting[row.remote_id]: row.message_id for row in rows}


def _new_rows(mailbox: Mailbox, fresh: Sequence[Arrived], found: Threads) -> list[dict[str, Any]]:
    at = now()
    rows: dict[bytes, dict[str, Any]] = {}
    for each in fresh:
        if each.identity in rows:  # the same mail twice in one folder
            continue
        mail = each.mail
        rows[each.identity] = {
            "workspace_id": mailbox.workspace_id,
            "id": new_id(),
            "mailbox_id": mailbox.id,
            "user_id": mailbox.user_id,
            "thread_id": found.thread_of(each),
            "identity": each.identity,
            "message_id": mail.message_id,
            "in_reply_to": each.mentions[:20],  # what it reports on counts as answered too
            "references": list(mail.references),
            "direction": Direction.OUT if each.is_own else Direction.IN,
            "kind": each.verdict.kind,
            "evidence": each.verdict.evidence[:500],
            "bounced": _bounced(each.verdict),
            "refusals": [refusal.told() for refusal in each.verdict.bounced][:MAX_BOUNCED],
            "returns_on": each.verdict.returns_on,
            "successor": each.verdict.successor,
            "sender_type": None if each.is_own else each.sender.type,
            "sender_reasons": [] if each.is_own else [reason[:200] for reason in each.sender.reasons],
            "from_address": mail.sender.address if mail.sender else "",
            "from_name": mail.sender.name if mail.sender else "",
            "to": [{"address": box.address, "name": box.name} for box in mail.to],
            "cc": [{"address": box.address, "name": box.name} for box in mail.cc],
            "subject": mail.subject,
            "snippet": each.snippet,
            "text": mail.text,
            "html": mail.html,
            "raw": (each.fetched.raw or each.fetched.header) if mail.poison else None,
            "poison": mail.poison,
            "size": each.fetched.size,
            "sent_at": rules.sent_or_received(mail, each.fetched.received_at),
            "received_at": each.fetched.received_at,
            "updated_at": at,
        }
    return list(rows.values())


async def _place(db: AsyncSession, folder: Folder, places: Sequence[tuple[str, UUID]]) -> None:
    rows = [
        {
            "workspace_id": folder.workspace_id,
            "folder_id": folder.id,
            "remote_id": remote_id,
            "message_id": message_id,
        }
        for remote_id, message_id in places
    ]
    await bulk.insert(db, Place, rows)


async def _mark_replied(db: AsyncSession, mailbox: Mailbox, rows: Sequence[dict[str, Any]], found: Threads) -> None:
    touched = {row["thread_id"] for row in rows if row["direction"] == Direction.OUT or row["kind"] == Kind.HUMAN}
    touched |= set(found.joined.values())
    if touched:
        await db.execute(MARK_REPLIED, {"workspace": mailbox.workspace_id, "threads": list(touched)})


async def _announce(
    db: AsyncSession, mailbox: Mailbox, rows: dict[bytes, dict[str, Any]], fresh: Sequence[Arrived]
) -> None:
    """Tells of mail that came in since the mailbox was connected, in threads that we wrote to.

    Mail programs ask for no more mail in a thread of its own (RFC 2369).
    """
    candidates = {
        each.identity: each
        for each in fresh
        if rows[each.identity]["direction"] == Direction.IN
        and each.verdict.kind not in IGNORED
        and each.fetched.received_at >= mailbox.connected_at - joining.BEFORE_CONNECTING
    }
    if not candidates:
        return
    ours = set(
        await db.scalars(
            select(Message.thread_id)
            .where(
                Message.workspace_id == mailbox.workspace_id,
                Message.thread_id.in_([rows[identity]["thread_id"] for identity in candidates]),
                Message.direction != Direction.IN,
            )
            .distinct()
        )
    )
    for identity, each in candidates.items():
        row = rows[identity]
        if row["thread_id"] in ours or each.verdict.kind is Kind.UNSUBSCRIBE:
            await emit(
                db,
                MessageReceived(
                    workspace_id=mailbox.workspace_id,
                    message_id=row["id"],
                    mailbox_id=mailbox.id,
                    thread_id=row["thread_id"],
                    kind=each.verdict.kind,
                    evidence=each.verdict.evidence[:500],
                    mentions=each.mentions[:20],
                    sender=row["from_address"],
                    bounced=row["bounced"],
                    delivered=_delivered(each.mail),
                    refusals=row["refusals"],
                    returns_on=each.verdict.returns_on,
                    successor=each.verdict.successor,
                    received_at=each.fetched.received_at,
                ),
            )


def _told_late(message: Message, found: Threads) -> MessageReceived:
    """Of a mail that was stored before it was known to stand in a thread of ours."""
    return MessageReceived(
        workspace_id=message.workspace_id,
        message_id=message.id,
        mailbox_id=message.mailbox_id,
        thread_id=found.joined.get(message.thread_id, message.thread_id),
        kind=message.kind,
        evidence=message.evidence,
        mentions=message.in_reply_to,
        sender=message.from_address,
        bounced=message.bounced,
        refusals=message.refusals,
        returns_on=message.returns_on,
        successor=message.successor,
        received_at=message.received_at,
    )
