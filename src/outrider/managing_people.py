"""What the commands about contacts do: search, show, edit, merge, unmerge, duplicates."""

from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.encoding import encode
from outrider.core.errors import Invalid, NotFound
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.permissions import Actor
from outrider.domain.people import duplicates, editing, finding, merges, queries
from outrider.domain.people.finding import Cursor, Entry, Sought
from outrider.domain.people.merging import LISTS, TEXTS
from outrider.domain.people.models import Source, Status
from outrider.operating import acting
from outrider.settings import Settings

MOST_DUPLICATES = 500
Words = TypeVar("Words", bound=StrEnum)


async def search(
    settings: Settings,
    user: str,
    query: str,
    *,
    is_lead: bool,
    status: str | None,
    source: str | None,
    owner: str | None,
    tag: str,
    min_score: float | None,
    limit: int,
    after: str | None,
) -> None:
    async with acting(settings, user) as (_, actor, db):
        sought = Sought(
            query=query,
            status=_word(Status, status, "status"),
            source=_word(Source, source, "source"),
            owner_id=await _member(db, actor, owner) if owner else None,
            tag=tag,
            min_score=min_score,
            is_lead=is_lead,
        )
        cursor = Cursor.parse(after) if after else None
        found = await finding.search(db, actor.workspace_id, sought, limit=limit, cursor=cursor)
        total = await finding.count(db, actor.workspace_id, sought, is_mistyped=found.is_mistyped)
    for each in found.items:
        typer.echo(_line(each))
    if found.is_mistyped and found.items:
        typer.echo("These are found by forgiving a typing error.")
    typer.echo(_total(total))
    if found.next is not None:
        typer.echo(f"More: --after {found.next}")


async def show(settings: Settings, user: str, contact_id: UUID) -> None:
    async with acting(settings, user) as (_, actor, db):
        contact = await queries.get(db, actor.workspace_id, contact_id)
        entry = await finding.entry(db, actor.workspace_id, contact.id)
        sources = await queries.sources(db, actor.workspace_id, contact.id)
        merged = await queries.merged_into(db, actor.workspace_id, contact.id)
    if contact.id != contact_id:
        typer.echo(f"{contact_id} was merged into this contact.")
    typer.echo(_line(entry))
    for name in TEXTS:
        if name != "name" and getattr(contact, name):
            typer.echo(f"  {name}: {getattr(contact, name)}")
    for name in LISTS:
        for described in getattr(contact, name):
            typer.echo(f"  {name}: {', '.join(described.values())}")
    if contact.details:
        typer.echo(f"  details: {encode(contact.details).decode()}")
    if contact.typed:
        typer.echo(f"  typed: {', '.join(contact.typed)}")
    for source in sources:
        typer.echo(f"  from {source.provider} {source.account}: {source.remote_id}")
    for each in merged:
        typer.echo(f"  merged: {each.merged_id} on {each.created_at:%Y-%m-%d %H:%M} UTC")


async def edit(
    settings: Settings,
    user: str,
    contact_id: UUID,
    *,
    name: str | None,
    notes: str | None,
    status: str | None,
    score: float | None,
    owner: str | None,
    tags: list[str],
    no_tags: list[str],
) -> None:
    async with acting(settings, user) as (_, actor, db):
        values: dict[str, Any] = {
            key: value for key, value in (("name", name), ("notes", notes), ("score", score)) if value is not None
        }
        if status is not None:
            values["status"] = _word(Status, status, "status")
        if owner is not None:
            values["owner_id"] = await _member(db, actor, owner) if owner else None
        if not (values or tags or no_tags):
            raise Invalid("Say what to write: --name, --notes, --status, --score, --owner, --tag or --untag.")
        contact = await queries.get(db, actor.workspace_id, contact_id, lock=True)
        if values:
            await editing.type_in(db, contact, **values)
        for tag in tags:
            await editing.tag(db, contact, tag)
        for tag in no_tags:
            await editing.untag(db, contact, tag)
        entry = await finding.entry(db, actor.workspace_id, contact.id)
    typer.echo(_line(entry))


async def merge(settings: Settings, user: str, kept_id: UUID, merged_id: UUID) -> None:
    async with acting(settings, user) as (_, actor, db):
        await merges.merge(db, actor.workspace_id, kept_id, merged_id, by=actor.user_id)
        entry = await finding.entry(db, actor.workspace_id, kept_id)
    typer.echo(f"{_line(entry)}\nTo undo it: outrider contacts unmerge {user} {merged_id}")


async def unmerge(settings: Settings, user: str, merged_id: UUID) -> None:
    async with acting(settings, user) as (_, actor, db):
        await merges.unmerge(db, actor.workspace_id, merged_id)
        entry = await finding.entry(db, actor.workspace_id, merged_id)
    typer.echo(_line(entry))


async def list_duplicates(settings: Settings, user: str) -> None:
    """Prints the first groups of each kind."""
    count = 0
    async with acting(settings, user) as (_, actor, db):
        for by in duplicates.By:
            after: str | None = ""
            while after is not None and count < MOST_DUPLICATES:
                found = await duplicates.duplicates(
                    db, actor.workspace_id, by, limit=duplicates.MOST_GROUPS, after=after
                )
                after = found.next
                count += len(found.items)
                for group in found.items:
                    typer.echo(f"same {group.by} {group.value}")
                    for each in group.contacts:
                        typer.echo(f"  {each.id}  {each.name or '(no name)'}  {' '.join(each.emails)}")
    if not count:
        typer.echo("No contacts look like one person.")
    elif count >= MOST_DUPLICATES:
        typer.echo("There may be more: merge some of these first.")


def _line(entry: Entry) -> str:
    place = f"  {entry.status}" if entry.status else ""
    score = f"  {entry.score:g}/10" if entry.score is not None else ""
    companies = "".join(f"  {each['name']}" for each in entry.organisations if each.get("name"))
    ways = "".join(f"  {each}" for each in (*entry.emails, *entry.phones))
    tags = "".join(f"  #{each}" for each in entry.tags)
    return f"{entry.id}  {entry.name or '(no name)'}{place}{score}{companies}{ways}{tags}  ({entry.source})"


def _total(count: int) -> str:
    if count > finding.MOST_COUNTED:
        return f"more than {finding.MOST_COUNTED} in all"
    return f"{count} in all" if count else "Nobody is found."


def _word(kind: type[Words], value: str | None, field: str) -> Words | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise Invalid(f"{value!r} is no {field}. There are: {', '.join(kind)}.", field=field) from None


async def _member(db: AsyncSession, actor: Actor, email: str) -> UUID:
    found = await accounts.member_by_email(db, actor.workspace_id, email.strip().lower())
    if found is None:
        raise NotFound(f"Nobody of this workspace has the address {email}.")
    return found.id
