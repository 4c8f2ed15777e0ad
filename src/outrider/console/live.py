"""One listener a process: PostgreSQL tells whose things have changed, and every open stream of theirs hears it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from outrider.core.db import Database

log = structlog.get_logger()

CHANNEL = "console"
POLL = 5.0  # seconds, where a pooler stands before the database and nothing can be listened to


class Changes:
    """The topics that one stream has not been told of yet; however many changes, each is told once."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._news = asyncio.Event()
        self.is_over = False

    def add(self, topic: str) -> None:
        self._topics.add(topic)
        self._news.set()

    def end(self) -> None:
        self.is_over = True
        self._news.set()

    async def wait(self) -> set[str]:
        await self._news.wait()
        self._news.clear()
        topics, self._topics = self._topics, set()
        return topics


class Hub:
    """Listens while anybody follows. A lost connection ends the streams: browsers come back, and it is made anew."""

    def __init__(self, database: Database, *, can_listen: bool) -> None:
        self._database = database
        self._can_listen = can_listen
        self._followers: defaultdict[UUID, set[Changes]] = defaultdict(set)
        self._connection: asyncpg.Connection[Any] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def following(self, user_id: UUID) -> AsyncIterator[Changes]:
        changes = Changes()
        self._followers[user_id].add(changes)
        polling = None
        try:
            if self._can_listen:
                await self._listen()
            else:
                polling = asyncio.create_task(_poll(changes))
            yield changes
        finally:
            if polling is not None:
                polling.cancel()
            self._followers[user_id].discard(changes)
            if not self._followers[user_id]:
                del self._followers[user_id]

    async def aclose(self) -> None:
        """Ends every stream, so that a server that stops need not wait for its browsers."""
        self._end_all()
        if self._connection is not None:
            self._connection.remove_termination_listener(self._on_lost)
            await self._connection.close()

    async def _listen(self) -> None:
        async with self._opening:
            if self._connection is not None and not self._connection.is_closed():
                return
            address = self._database.url.set(drivername="postgresql")
            self._connection = await asyncpg.connect(address.render_as_string(hide_password=False), timeout=10)
            self._connection.add_termination_listener(self._on_lost)
            await self._connection.add_listener(CHANNEL, self._on_change)

    def _on_change(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        user_id, _, topic = str(payload).partition(":")
        for changes in self._followers.get(UUID(user_id), ()):
            changes.add(topic)

    def _on_lost(self, _connection: Any) -> None:
        log.warning("console.listener_lost", streams=sum(map(len, self._followers.values())))
        self._connection = None
        self._end_all()

    def _end_all(self) -> None:
        for each in self._followers.values():
            for changes in each:
                changes.end()


async def _poll(changes: Changes) -> None:
    while not changes.is_over:
        await asyncio.sleep(POLL)
        for topic in ("operations", "imports", "calls", "drafts", "mailboxes", "calendars"):
            changes.add(topic)
