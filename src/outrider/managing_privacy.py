"""What the commands about personal data do: hand out what is held of somebody, erase it, and what has been kept too long."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now
from outrider.core.errors import NotFound
from outrider.domain import all_jobs
from outrider.domain.accounts.permissions import Actor
from outrider.domain.erasure import contact_erasing, exporting, retention, subjects
from outrider.domain.erasure.subjects import Subject
from outrider.operating import acting, actor_of
from outrider.runtime import Runtime
from outrider.settings import Settings
from outrider.starting import running


async def export(settings: Settings, user: str, whom: str, *, to: Path | None) -> None:
    """Writes the document to a file that nobody else may read, or to standard output."""
    async with _about(settings, user, whom) as (runtime, actor, subject):
        with _opened(to) as file:
            async for part in exporting.export(runtime.db, actor.scope("cli"), subject):
                file.write(part)
            file.write(b"\n")
    if to is not None:
        typer.echo(f"Written to {to}.")


async def erase(settings: Settings, user: str, whom: str) -> None:
    """Erases at once, in this process; a worker goes on with it should this one be stopped."""
    all_jobs.load()
    async with acting(settings, user) as (runtime, actor, db):
        subject = await _subject(db, actor, whom)
        erasure, _ = await contact_erasing.begin(db, runtime.keyring, actor, subject)
    async with running(settings, name="outrider-cli") as runtime:
        if not await contact_erasing.erase(runtime.db, actor.workspace_id, erasure.id):
            typer.echo(
                "A mail to them is leaving, or a file of theirs being read. A worker erases the rest after that."
            )
            return
        async with runtime.db.begin(actor.scope("cli")) as db:
            done, _ = await contact_erasing.get(db, actor.workspace_id, erasure.id)
    for table, count in done.proof["erased"].items():
        if count:
            typer.echo(f"{count:>8}  {table}")
    typer.echo("Nothing of them is left, but for a digest of each address, to which no mail is sent.")


def _opened(to: Path | None) -> AbstractContextManager[BinaryIO]:
    """Raises FileExistsError: nothing is written over."""
    if to is None:
        return nullcontext(sys.stdout.buffer)
    return os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


async def tidy(settings: Settings, *, dry_run: bool) -> None:
    """Lets go what has been kept longer than the settings say, or only says what would go."""
    async with running(settings, name="outrider-cli") as runtime:
        async with runtime.db.begin() as db:
            at = await database_now(db)
        kept_for = retention.limits(settings)
        work = retention.count if dry_run else retention.tidy
        rows = await work(runtime.db, kept_for, at=at)
    for name, limit in kept_for.items():
        kept = "forever" if limit is None else f"{limit.total_seconds() / 86_400:g} days"
        typer.echo(f"{name:<12} kept {kept:<10} {rows[name]:>9} {'would go' if dry_run else 'gone'}")


@asynccontextmanager
async def _about(settings: Settings, user: str, whom: str) -> AsyncIterator[tuple[Runtime, Actor, Subject]]:
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("cli")) as db:
            subject = await _subject(db, actor, whom)
        yield runtime, actor, subject


async def _subject(db: AsyncSession, actor: Actor, whom: str) -> Subject:
    """Raises NotFound and Invalid."""
    if "@" in whom:
        return await subjects.at_address(db, actor.workspace_id, whom)
    try:
        contact_id = UUID(whom)
    except ValueError:
        raise NotFound(f"{whom!r} is neither the id of a contact nor an address.") from None
    return await subjects.of_contact(db, actor.workspace_id, contact_id)
