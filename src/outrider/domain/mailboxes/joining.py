"""Making one conversation of several, once a mail shows that they are one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.events import emit
from outrider.domain.mailboxes.events import ThreadsJoined
from outrider.domain.mailboxes.models import Direction, Mailbox, Message
from outrider.domain.mailboxes.verdict import Kind

Node = str | bytes | UUID  # what a mail is named, a mail by its identity, a thread
# Mail that came this long before a mailbox was connected is still told of.
BEFORE_CONNECTING = timedelta(minutes=5)
MOST_TOLD = 1_000
TOLD_ANYWAY = (Kind.BULK, Kind.UNSUBSCRIBE)  # or never
PAIRS = "unnest(cast(:losers as uuid[]), cast(:winners as uuid[])) as j(loser, winner)"
HAS_OURS = text("""
    select t.id from unnest(cast(:threads as uuid[])) as t(id) where exists (
        select from messages m where m.workspace_id = :workspace and m.thread_id = t.id and m.direction <> 'in'
    )
""")
HOLD = text("select id from threads where workspace_id = :workspace and id = any(:threads) order by id for update")
STEPS = tuple(
    text(statement)
    for statement in (
        f"""
        update messages m set thread_id = j.winner, updated_at = clock_timestamp()
        from {PAIRS} where m.workspace_id = :workspace and m.thread_id = j.loser
        """,
        f"""
        update mentions m set thread_id = j.winner from {PAIRS}
        where m.workspace_id = :workspace and m.thread_id = j.loser
        """,
        f"""
        update threads t set last_at = greatest(t.last_at, parts.last_at),
            remote_id = coalesce(t.remote_id, parts.remote_id)
        from (
            select j.winner, max(p.last_at) as last_at, min(p.remote_id) as remote_id
            from {PAIRS} join threads p on p.workspace_id = :workspace and p.id = j.loser group by j.winner
        ) parts
        where t.workspace_id = :workspace and t.id = parts.winner
        """,
        f"""
        insert into mentions (workspace_id, mailbox_id, name, thread_id)
        select p.workspace_id, p.mailbox_id, p.remote_id, j.winner
        from {PAIRS} join threads p on p.workspace_id = :workspace and p.id = j.loser
        join threads t on t.workspace_id = :workspace and t.id = j.winner and t.remote_id <> p.remote_id
        on conflict do nothing
        """,
    )
)
DROP = text("delete from threads where workspace_id = :workspace and id = any(:losers)")


class Groups:
    """What belongs together, by union and find."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}
        self._threads: dict[UUID, None] = {}

    def of(self, node: Node) -> Node:
        """Returns one and the same node of a group for each of it."""
        while (above := self._above.get(node, node)) != node:
            self._above[node] = self._above.get(above, above)
            node = above
        return node

    def join(self, one: Node, other: Node) -> None:
        for node in (one, other):
            if isinstance(node, UUID):
                self._threads[node] = None
        first, second = self.of(one), self.of(other)
        if first != second:
            self._above[second] = first

    def threads(self) -> Iterator[UUID]:
        return iter(self._threads)

    def unions(self) -> dict[UUID, UUID]:
        """Threads of one group: each but the oldest, with the oldest."""
        by_group: defaultdict[Node, list[UUID]] = defaultdict(list)
        for thread_id in self._threads:
            by_group[self.of(thread_id)].append(thread_id)
        return {each: min(same) for same in by_group.values() for each in same if each != min(same)}


async def join(
    db: AsyncSession, mailbox: Mailbox, pairs: Mapping[UUID, UUID]
) -> tuple[dict[UUID, UUID], list[Message]]:
    """Makes each key a part of its value. Returns those that could be joined, and the incoming mail that stands in a
    thread of ours only by this. Two that are both being followed up stay apart.
    """
    if not pairs:
        return {}, []
    found = await _newly_ours(db, mailbox, pairs)
    if await _attempt(db, mailbox, pairs):
        return dict(pairs), found
    joined = {loser: winner for loser, winner in pairs.items() if await _attempt(db, mailbox, {loser: winner})}
    return joined, [each for each in found if each.thread_id in {*joined, *joined.values()}]


async def _newly_ours(db: AsyncSession, mailbox: Mailbox, pairs: Mapping[UUID, UUID]) -> list[Message]:
    involved = {*pairs, *pairs.values()}
    recent = await db.scalars(
        select(Message)
        .where(
            Message.workspace_id == mailbox.workspace_id,
            Message.thread_id.in_(involved),
            Message.direction == Direction.IN,
            Message.kind.not_in(TOLD_ANYWAY),
            Message.received_at >= mailbox.connected_at - BEFORE_CONNECTING,
        )
        .limit(MOST_TOLD)
    )
    if not (mails := recent.all()):
        return []
    rows = await db.scalars(HAS_OURS, {"workspace": mailbox.workspace_id, "threads": list(involved)})
    ours = set(rows)
    groups_of_ours = {pairs.get(thread_id, thread_id) for thread_id in ours}
    return [
        each
        for each in mails
        if each.thread_id not in ours and pairs.get(each.thread_id, each.thread_id) in groups_of_ours
    ]


async def _attempt(db: AsyncSession, mailbox: Mailbox, pairs: Mapping[UUID, UUID]) -> bool:
    losers, winners = list(pairs), list(pairs.values())
    values = {"workspace": mailbox.workspace_id, "losers": losers, "winners": winners}
    try:
        async with db.begin_nested():
            # Nobody may write into a thread that is about to go.
            await db.execute(HOLD, {**values, "threads": [*pairs, *pairs.values()]})
            for step in STEPS:
                await db.execute(step, values)
            joined = ThreadsJoined(
                workspace_id=mailbox.workspace_id, mailbox_id=mailbox.id, thread_ids=losers, into=winners
            )
            await emit(db, joined)
            await db.execute(DROP, values)
    except IntegrityError:
        return False
    return True
