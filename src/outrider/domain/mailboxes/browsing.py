"""Looking into a mailbox: at its server where that can be browsed, else at the mail that was synced from it.

Messages go by our ids, or by the server's own where it can be browsed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outrider.core.db import Scope
from outrider.core.errors import Conflict, Invalid, Unavailable
from outrider.domain.mailboxes import connections, queries
from outrider.domain.mailboxes.models import Mailbox, Message
from outrider.providers.mail.interface import (
    Browser,
    Browsing,
    ConnectFailed,
    Fetched,
    Fetcher,
    Glimpse,
    Label,
    Listed,
    NotUnderstood,
    ReadFailed,
    Step,
)
from outrider.providers.mail.parsed import ParsedMail
from outrider.providers.mail.sandbox import ParserUnavailable
from outrider.runtime import Runtime

# Somebody waits for the answer.
PATIENCE = 15.0
UNABLE = "Messages of this kind of mailbox can't be asked for one by one."
SLOW = "The mail server took too long to answer. Try again in 30 seconds."


class NeedsReconnect(Conflict):
    """Only the owner can mend it."""

    code = "mailbox_needs_reconnect"


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a list."""

    id: str
    thread_id: str
    sender_name: str
    sender_address: str
    to: tuple[str, ...]
    subject: str
    snippet: str
    labels: tuple[str, ...]
    size: int
    sent_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class View:
    """A part of a list and where the next begins; `estimate` is of the whole list, where it is known."""

    messages: tuple[Shown, ...]
    next_page: str | None
    estimate: int | None


def is_live(app: Runtime, mailbox: Mailbox) -> bool:
    """Whether the mailbox is browsed at its server."""
    return isinstance(app.mail[mailbox.provider], Browsing)


async def labels(app: Runtime, mailbox: Mailbox) -> tuple[Label, ...]:
    """Labels, or folders that are read. Raises Unavailable, NeedsReconnect."""
    if is_live(app, mailbox):
        async with _patiently(), browser_of(app, mailbox) as browser:
            return await browser.labels()
    async with app.db.begin(_scope(mailbox)) as db:
        folders = await queries.folders_of(db, mailbox.workspace_id, mailbox.id)
    return tuple(Label(each.name, each.name, is_system=each.role is not None) for each in folders)


async def messages(
    app: Runtime, mailbox: Mailbox, *, label: str | None, query: str, page: str | None, size: int
) -> View:
    """`query` is in the server's words where it is asked, else words that all stand in subject, sender or text.

    Raises Invalid, Unavailable, NeedsReconnect.
    """
    if is_live(app, mailbox):
        async with _patiently():
            async with browser_of(app, mailbox) as browser:
                listed = await browser.search(label=label, query=query, page=page, size=size)
                glimpses = await browser.glimpse(listed.ids)
            mails = await app.parser.parse_many([each.header for each in glimpses])
        shown = tuple(_seen(*each) for each in zip(glimpses, mails, strict=True))
        return View(shown, listed.next_page, listed.estimate)
    found, next_page = await _stored(app, mailbox, label=label, query=query, page=page, size=size)
    return View(tuple(_kept(each) for each in found), next_page, None)


async def list_ids(
    app: Runtime, mailbox: Mailbox, *, label: str | None, query: str, page: str | None, size: int
) -> Listed:
    """The same for a job: ids alone, and failures as the provider has them."""
    if is_live(app, mailbox):
        async with browser_of(app, mailbox) as browser:
            return await browser.search(label=label, query=query, page=page, size=size)
    found, next_page = await _stored(app, mailbox, label=label, query=query, page=page, size=size)
    return Listed(tuple(str(each.id) for each in found), next_page, 0)


async def fetch(app: Runtime, mailbox: Mailbox, ids: Sequence[str]) -> dict[str, Fetched]:
    """Returns what there still is of the messages, by their ids. Raises ConnectFailed, ReadFailed."""
    async with app.db.begin(_scope(mailbox)) as db:
        places = await queries.places_of(db, mailbox.workspace_id, mailbox.id, _ours(ids))
    if is_live(app, mailbox):
        asked = {each: each for each in ids} | {remote_id: str(ours) for ours, (_, remote_id) in places.items()}
        async with browser_of(app, mailbox) as browser:
            return {asked[each.id]: each for each in await browser.fetch("", list(asked))}
    return await _from_folders(app, mailbox, places) if places else {}


async def _from_folders(app: Runtime, mailbox: Mailbox, places: Mapping[UUID, tuple[str, str]]) -> dict[str, Fetched]:
    found: dict[str, Fetched] = {}
    async with app.mail[mailbox.provider].open(await connections.account_of(app, mailbox)) as reader:
        if not isinstance(reader, Fetcher):
            raise ConnectFailed(Step.FOLDER, mailbox.provider, UNABLE, "", is_terminal=True)
        for folder in sorted({folder for folder, _ in places.values()}):
            asked = {remote_id: str(ours) for ours, (name, remote_id) in places.items() if name == folder}
            found |= {asked[each.id]: each for each in await reader.fetch(folder, list(asked))}
    return found


@asynccontextmanager
async def browser_of(app: Runtime, mailbox: Mailbox) -> AsyncIterator[Browser]:
    provider = app.mail[mailbox.provider]
    assert isinstance(provider, Browsing)  # noqa: S101  # asked before
    async with provider.browse(await connections.account_of(app, mailbox)) as browser:
        yield browser


async def _stored(
    app: Runtime, mailbox: Mailbox, *, label: str | None, query: str, page: str | None, size: int
) -> tuple[list[Message], str | None]:
    after = _ours([page]) if page else []
    if page and not after:
        raise Invalid("There is no such page: take next_page_token of the page before.", field="page_token")
    async with app.db.begin(_scope(mailbox)) as db:
        found, has_more = await queries.stored(
            db, mailbox.workspace_id, mailbox.id, folder=label, words=query, after=next(iter(after), None), size=size
        )
    return found, str(found[-1].id) if has_more else None


def _ours(ids: Sequence[str]) -> list[UUID]:
    found = []
    for each in ids:
        try:
            found.append(UUID(each))
        except ValueError:
            continue  # an id of somewhere else
    return found


@asynccontextmanager
async def _patiently() -> AsyncIterator[None]:
    """Says a server's failures to somebody who waits."""
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError as error:
        raise Unavailable(SLOW, retry_after=30) from error
    except NotUnderstood as error:
        raise Invalid(error.message, field="query") from error
    except ConnectFailed as error:
        if error.is_terminal:
            raise NeedsReconnect(f"{error.message} {error.hint}".strip()) from error
        raise Unavailable(f"{error.message} Try again in 30 seconds.", retry_after=30) from error
    except (ReadFailed, ParserUnavailable) as error:
        raise Unavailable(f"{error} Try again in 30 seconds.", retry_after=30) from error


def _seen(glimpse: Glimpse, mail: ParsedMail) -> Shown:
    return Shown(
        id=glimpse.id,
        thread_id=glimpse.thread_id,
        sender_name=mail.sender.name if mail.sender else "",
        sender_address=mail.sender.address if mail.sender else "",
        to=tuple(each.address for each in mail.to),
        subject=mail.subject,
        snippet=glimpse.snippet,
        labels=glimpse.labels,
        size=glimpse.size,
        sent_at=mail.sent_at,
        received_at=glimpse.received_at,
    )


def _kept(message: Message) -> Shown:
    return Shown(
        id=str(message.id),
        thread_id=str(message.thread_id),
        sender_name=message.from_name,
        sender_address=message.from_address,
        to=tuple(each["address"] for each in message.to),
        subject=message.subject,
        snippet=message.snippet,
        labels=(),
        size=message.size,
        sent_at=message.sent_at,
        received_at=message.received_at,
    )


def _scope(mailbox: Mailbox) -> Scope:
    return Scope(mailbox.workspace_id, mailbox.user_id, actor="browse")
