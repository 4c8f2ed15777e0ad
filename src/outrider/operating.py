"""What the operator's commands do."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from outrider import starting
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.errors import NotFound
from outrider.domain.accounts import actions as accounts
from outrider.domain.accounts import queries, sessions
from outrider.domain.accounts.permissions import Actor
from outrider.domain.deliverability import preflight
from outrider.domain.mailboxes import connecting
from outrider.domain.sequences import diagnosis, schedules
from outrider.domain.sequences import queries as sequences
from outrider.domain.sequences.diagnosis import SequenceDiagnosis
from outrider.domain.sequences.queries import SequenceNotFound
from outrider.providers.mail.interface import Server, ServerAccount
from outrider.runtime import Runtime
from outrider.settings import Settings
from outrider.starting import running


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


async def migrate(settings: Settings) -> None:
    async with starting.database(settings, migrate=False) as found:
        applied = await starting.prepare(settings, found)
    typer.echo(f"Applied {', '.join(applied)}." if applied else "The database is up to date.")


async def create_user(
    settings: Settings, email: str, password: str, *, name: str, timezone: str, with_key: bool
) -> None:
    async with running(settings, name="outrider-cli") as runtime, runtime.db.begin(Scope(actor="cli")) as db:
        user, workspace = await accounts.create_user(
            db, email=email, password=password, name=name, timezone=timezone, actor="cli"
        )
        typer.echo(f"Created {user.email}.")
        if with_key:
            made = await accounts.create_access_key(db, workspace_id=workspace.id, user_id=user.id, name="command line")
            typer.echo(f"Access key (shown once): {made.plaintext}")


async def connect_mailbox(
    settings: Settings,
    *,
    user: str,
    address: str,
    username: str,
    password: str,
    imap: Server,
    smtp: Server,
    name: str,
) -> None:
    account = ServerAccount(
        address=accounts.normalise_email(address),
        username=username,
        imap=imap,
        smtp=smtp,
        password=password,
    )
    async with running(settings, name="outrider-cli") as runtime:
        async with runtime.db.begin(Scope(actor="cli")) as db:
            actor = await actor_named(db, user)
        scope = Scope(actor.workspace_id, actor.user_id, actor.email, "cli")
        mailbox = await connecting.connect_servers(runtime, actor, scope, account, name=name)
        checks = await preflight.examine(runtime, actor.workspace_id, mailbox.address, server=smtp.host)
    typer.echo(f"Connected {mailbox.address}: both servers answered. The running worker reads it now.")
    for check in checks:
        typer.echo(f"{check.verdict:<8} {check.name:<6} {check.message}")
        if check.record:
            typer.echo(f"{'':<15} → {check.record}")


async def list_sessions(settings: Settings, user: str, *, revoke: UUID | None) -> None:
    """Prints where a user is signed in; ends one of the sessions."""
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("")) as db:
            found = await queries.sessions_of(db, actor.workspace_id, actor.user_id, now())
            if revoke is not None:
                _require(revoke, found, "session")
                await sessions.revoke(db, actor.workspace_id, revoke, reason="Ended by the operator.")
    for each in found:
        ended = "  ended" if each.id == revoke else ""
        typer.echo(f"{each.id}  last used {each.seen_at:%Y-%m-%d %H:%M} UTC  {each.client[:60]}{ended}")
    if not found:
        typer.echo(f"{user} is not signed in anywhere.")


async def list_keys(settings: Settings, user: str, *, create: str | None, revoke: UUID | None) -> None:
    """Prints a user's access keys; makes or revokes one."""
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("")) as db:
            if create is not None:
                made = await accounts.create_access_key(
                    db, workspace_id=actor.workspace_id, user_id=actor.user_id, name=create
                )
                typer.echo(f"Access key (shown once): {made.plaintext}")
            found = await queries.keys_of(db, actor.workspace_id, actor.user_id)
            if revoke is not None:
                accounts.revoke_access_key(_require(revoke, found, "access key"))
    for each in found:
        used = f"last used {each.used_at:%Y-%m-%d %H:%M} UTC" if each.used_at else "never used"
        revoked = "  revoked" if each.id == revoke else ""
        typer.echo(f"{each.id}  {each.hint}  {each.name}  {used}{revoked}")
    if not found:
        typer.echo(f"{user} has no access keys.")


async def why(settings: Settings, user: str, sought: UUID) -> None:
    """Prints what an enrolment's next follow-up waits for, and when it is tried next."""
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("")) as db:
            schedule = await schedules.find(db, actor.workspace_id, actor.user_id, sought)
            if schedule is None:
                _print_diagnosis(await _why_sequence(db, actor, sought))
                return
    typer.echo(f"step {schedule.step}, {schedule.status}, planned for {schedule.scheduled_for:%Y-%m-%d %H:%M:%S} UTC")
    if schedule.sent_at is not None:
        typer.echo(f"sent at {schedule.sent_at:%Y-%m-%d %H:%M:%S} UTC as {schedule.message_id}")
    if (found := schedule.diagnosis) is None:
        typer.echo(schedule.last_error or "It waits for nothing.")
        return
    until = f"{found.until:%Y-%m-%d %H:%M:%S} UTC" if found.until else "when somebody acts"
    typer.echo(f"{found.code}: {found.message}\nnext try: {until}")


async def _why_sequence(db: AsyncSession, actor: Actor, sought: UUID) -> SequenceDiagnosis:
    try:
        sequence = await sequences.get(db, actor.workspace_id, actor.user_id, sought)
    except SequenceNotFound:
        raise NotFound(f"{actor.email} has no enrollment, schedule or sequence {sought}.") from None
    return await diagnosis.of_sequence(db, actor.workspace_id, actor.user_id, sequence)


def _print_diagnosis(found: SequenceDiagnosis) -> None:
    typer.echo(f"{found.code}: {found.message}")
    for each in found.waiting:
        until = f"{each.until:%Y-%m-%d %H:%M:%S} UTC" if each.until else "when somebody acts"
        typer.echo(f"{each.count:>6}  {each.code:<26} first try: {until}")


def _require(sought: UUID, found: Sequence[T], noun: str) -> T:
    for each in found:
        if each.id == sought:
            return each
    raise NotFound(f"There is no {noun} {sought}.")


@asynccontextmanager
async def acting(settings: Settings, user: str) -> AsyncIterator[tuple[Runtime, Actor, AsyncSession]]:
    """Opens a transaction in the name of a user of this server."""
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("cli")) as db:
            yield runtime, actor, db


async def actor_of(runtime: Runtime, email: str) -> Actor:
    async with runtime.db.begin(Scope(actor="cli")) as db:
        return await actor_named(db, email)


async def actor_named(db: AsyncSession, email: str) -> Actor:
    """Returns a user as an actor in their first workspace, for commands of the operator."""
    user = await queries.user_by_email(db, accounts.normalise_email(email))
    belongs = await queries.memberships(db, user.id) if user else []
    if user is None or not belongs:
        raise NotFound(f"There is no user {email}. Create one: outrider user create {email}")
    workspace_id, role = belongs[0]
    return Actor(user.id, workspace_id, user.email, role)
