"""What the operator's commands do."""

import json
import sys

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from outrider import VERSION, starting
from outrider.core.db import Scope
from outrider.core.errors import NotFound
from outrider.domain.accounts import actions as accounts
from outrider.domain.accounts import queries
from outrider.domain.accounts.permissions import Actor
from outrider.domain.mailboxes import connections, syncing
from outrider.main import SURFACES, SYSTEM
from outrider.providers.mail.interface import Account, Security, Server
from outrider.serving import running
from outrider.settings import Settings


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
    imap: tuple[str, int],
    smtp: tuple[str, int],
    name: str,
) -> None:
    account = Account(
        address=accounts.normalise_email(address),
        username=username,
        imap=Server(*imap, Security.TLS if imap[1] == 993 else Security.STARTTLS),  # noqa: PLR2004
        smtp=Server(*smtp, Security.TLS if smtp[1] == 465 else Security.STARTTLS),  # noqa: PLR2004
        password=password,
    )
    async with running(settings, name="outrider-cli") as runtime:
        async with runtime.db.begin(Scope(actor="cli")) as db:
            actor = await actor_named(db, user)
        verified = await connections.verify(runtime, "imap", account)
        async with runtime.db.begin(Scope(actor.workspace_id, actor.user_id, actor.email, "cli")) as db:
            mailbox = await connections.connect(
                db,
                runtime.keyring,
                workspace_id=actor.workspace_id,
                user_id=actor.user_id,
                provider="imap",
                account=account,
                verified=verified,
                name=name,
                daily_limit=settings.daily_limit,
            )
            await syncing.request(db, mailbox)
    typer.echo(f"Connected {mailbox.address}: both servers answered. The running worker reads it now.")


async def actor_named(db: AsyncSession, email: str) -> Actor:
    """Returns a user as an actor in their first workspace, for commands of the operator."""
    user = await queries.user_by_email(db, accounts.normalise_email(email))
    belongs = await queries.memberships(db, user.id) if user else []
    if user is None or not belongs:
        raise NotFound(f"There is no user {email}. Create one: outrider user create {email}")
    workspace_id, role = belongs[0]
    return Actor(user.id, workspace_id, user.email, role)


def all_routes() -> list[dict[str, str]]:
    """Returns every route of every surface with what it needs."""
    listed = [{"surface": "system", "method": "GET", "path": path, "needs": "public"} for path in SYSTEM]
    for prefix, build in SURFACES.items():
        specification = build(VERSION).openapi()
        surface = specification["info"]["title"]
        listed.append({"surface": surface, "method": "GET", "path": f"{prefix}openapi.json", "needs": "public"})
        listed += [
            {
                "surface": surface,
                "method": method.upper(),
                "path": prefix.rstrip("/") + path,
                "needs": str(operation.get("x-needs", "")),
            }
            for path, operations in specification["paths"].items()
            for method, operation in operations.items()
        ]
    return listed


def print_routes(*, as_json: bool) -> None:
    rows = all_routes()
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    widths = [max(len(row[column]) for row in rows) for column in ("surface", "method", "path")]
    for row in rows:
        typer.echo(
            f"{row['surface']:<{widths[0]}}  {row['method']:<{widths[1]}}  {row['path']:<{widths[2]}}  {row['needs']}"
        )
