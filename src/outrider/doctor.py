"""What `outrider doctor` looks at: one line a check, and for every red one what to do."""

import asyncio
import itertools
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import typer
from sqlalchemy import select, text

from outrider import starting
from outrider.core import migrations, workers
from outrider.core.clock import database_now, now
from outrider.core.crypto import SecretUnreadableError
from outrider.core.db import Scope
from outrider.core.migrations import RoleProblem
from outrider.core.shared import LOST
from outrider.core.shared_redis import RedisStore
from outrider.domain.accounts import jobs as rewrapping
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts.models import User
from outrider.domain.deliverability import preflight
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.mail.interface import ConnectFailed
from outrider.providers.mail.preflight import Check, Verdict
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings, SettingsError

MOST_OFF = timedelta(seconds=2)
PATIENCE = 30.0
MOST_USERS = 1000
AT_ONCE = 20


class Color(StrEnum):
    OK = "green"
    WARN = "yellow"
    FAIL = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """`cure` says what to do; a red finding always has one."""

    color: Color
    subject: str
    message: str
    cure: str = ""


async def run(settings: Settings) -> bool:
    """Prints every finding as it is made; False if any is red."""
    is_well = True
    async for finding in findings(settings):
        is_well = is_well and finding.color is not Color.FAIL
        mark = {Color.OK: "ok  ", Color.WARN: "warn", Color.FAIL: "FAIL"}[finding.color]
        typer.secho(f"{mark}  {finding.subject:<12} {finding.message}", fg=finding.color)
        if finding.cure:
            typer.echo(f"      {'':<12} → {finding.cure}")
    return is_well


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Goes from the ground up, and stops where nothing above can be looked at."""
    try:
        async with starting.database(settings, migrate=False) as found:
            version = await _guarded("database", _version, found)
            yield version
            if version.color is Color.FAIL:
                return
            schema = await _guarded("migrations", _migrations, found)
            yield schema
            if schema.color is Color.FAIL:
                return
            yield await _guarded("roles", _roles, found)
            yield await _keys(settings, found)
            async with open_runtime(settings, found.app, name="outrider-doctor") as runtime:
                for check in (_rotation, _clock, _worker, _jobs):
                    yield await check(runtime)
                if settings.redis_url is not None:
                    yield await _redis(settings)
                for finding in (*_google(settings), *_microsoft(settings)):
                    yield finding
                async for finding in _mailboxes(runtime):
                    yield finding
    except OSError as error:
        yield Finding(Color.FAIL, "database", str(error), "Check DATABASE_URL, and that the server runs.")


async def _guarded(subject: str, check: Callable[[Addresses], Awaitable[Finding]], found: Addresses) -> Finding:
    try:
        return await check(found)
    except Exception as error:  # noqa: BLE001  # whatever a check meets is what it found
        return Finding(Color.FAIL, subject, str(error), "Check DATABASE_URL, and that the server runs.")


async def _version(found: Addresses) -> Finding:
    number, name = await migrations.version(found.owner)
    if number < migrations.OLDEST:
        return Finding(Color.FAIL, "database", f"PostgreSQL {name}", "Outrider needs PostgreSQL 15 or newer.")
    return Finding(Color.OK, "database", f"PostgreSQL {name}")


async def _migrations(found: Addresses) -> Finding:
    if pending := await migrations.pending(found.owner):
        return Finding(Color.FAIL, "migrations", f"missing: {', '.join(pending)}", "Run: outrider migrate")
    return Finding(Color.OK, "migrations", "up to date")


async def _roles(found: Addresses) -> Finding:
    try:
        await migrations.check_app_role(found.app)
    except RoleProblem as problem:
        return Finding(Color.FAIL, "roles", str(problem), "Use a role that owns nothing.")
    return Finding(Color.OK, "roles", "the application is bound by row-level security")


async def _keys(settings: Settings, found: Addresses) -> Finding:
    try:
        await starting.check_keys(settings, found)
    except SettingsError as error:
        return Finding(Color.FAIL, "keys", str(error), "Put the earlier key back.")
    kept = settings.data_dir / "keys.env"
    if settings.is_embedded and kept.exists() and stat.S_IMODE(kept.stat().st_mode) & 0o077:
        return Finding(Color.FAIL, "keys", f"{kept} can be read by others", f"Run: chmod 600 {kept}")
    return Finding(Color.OK, "keys", "they open what this database holds")


async def _rotation(runtime: Runtime) -> Finding:
    if waiting := await rewrapping.not_current(runtime, at_most=MOST_USERS):
        more = "or more " if len(waiting) == MOST_USERS else ""
        message = f"{len(waiting)} {more}workspaces are still under an earlier key"
        return Finding(Color.WARN, "rotation", message, "Keep that key until a running worker has brought them over.")
    return Finding(Color.OK, "rotation", "everything is under the current key; earlier ones may go")


async def _clock(runtime: Runtime) -> Finding:
    async with runtime.db.begin() as db:
        off = abs(await database_now(db) - now())
    if off > MOST_OFF:
        cure = "Set both machines' clocks by NTP: what is due goes by the database's."
        return Finding(Color.FAIL, "clock", f"{off.total_seconds():.1f} s off the database's", cure)
    return Finding(Color.OK, "clock", "agrees with the database's")


async def _worker(runtime: Runtime) -> Finding:
    async with runtime.db.begin() as db:
        alive = await workers.alive(db)
    if alive.count:
        return Finding(Color.OK, "worker", f"{alive.count} at work")
    cure = "Nothing is sent until one runs. Start: outrider serve, or outrider worker"
    return Finding(Color.WARN, "worker", "none at work", cure)


async def _jobs(runtime: Runtime) -> Finding:
    async with runtime.db.begin() as db:
        failed = await db.scalar(text("select count(*) from pgqueuer where status = 'failed'")) or 0
    if failed:
        return Finding(Color.WARN, "jobs", f"{failed} set aside after failing", "Look for job.failed in the log.")
    return Finding(Color.OK, "jobs", "none set aside")


async def _redis(settings: Settings) -> Finding:
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    store = RedisStore(url, ca_file=settings.ca_file)
    try:
        return Finding(Color.OK, "redis", f"Redis {await store.ping()}")
    except LOST as error:
        message = f"does not answer ({type(error).__name__}): each process holds the limits for itself; nothing is lost"
        return Finding(
            Color.WARN, "redis", message, "Start it, mend REDIS_URL, or take it out: PostgreSQL counts then."
        )
    finally:
        await store.aclose()


def _google(settings: Settings) -> Iterator[Finding]:
    """Nothing where nobody wants to sign in with Google; else whether the settings fit together."""
    ids = (settings.gmail_client_id, settings.google_client_id)
    if settings.google_client is None:
        if any(ids):
            cure = "Set GOOGLE_CLIENT_SECRET: it stands beside the client id in the Google Cloud console."
            yield Finding(Color.FAIL, "google", "a client id is set without its secret", cure)
        return
    yield _way_back(settings, "google", "the Google project")
    if (settings.gmail_topic is None) != (settings.gmail_push_account is None):
        cure = "Set both GMAIL_TOPIC and GMAIL_PUSH_ACCOUNT, or neither: docs/connect-google.md"
        yield Finding(Color.WARN, "google", "calls about new mail are set up by half; mailboxes are polled", cure)


def _microsoft(settings: Settings) -> Iterator[Finding]:
    """Nothing where nobody wants to sign in with Microsoft; else whether the settings fit together."""
    if settings.outlook_client is not None:
        yield _way_back(settings, "microsoft", "the application at Microsoft")
    elif settings.outlook_client_id or settings.microsoft_client_id:
        cure = "Set MICROSOFT_CLIENT_SECRET: the value, not the id, of a secret made under Certificates & secrets."
        yield Finding(Color.FAIL, "microsoft", "a client id is set without its secret", cure)


def _way_back(settings: Settings, name: str, lister: str) -> Finding:
    back = f"{settings.public_url}/auth/callback"
    if settings.environment == "production" and not back.startswith("https://"):
        cure = "Set NEXT_PUBLIC_BASE_URL to the https address of this server."
        return Finding(Color.FAIL, name, f"browsers would come back to {back}", cure)
    return Finding(Color.OK, name, f"browsers come back to {back}, which {lister} has to list")


async def _mailboxes(runtime: Runtime) -> AsyncIterator[Finding]:
    connected = await _connected(runtime)
    if not connected:
        yield Finding(Color.WARN, "mailboxes", "none connected", "Connect one: outrider mailbox connect --help")
    for some in _batches(connected):
        for finding in await asyncio.gather(*(_mailbox(runtime, each) for each in some)):
            yield finding
    domains = {(each.address.rpartition("@")[2], each.smtp_host): each for each in connected}
    for some in _batches(list(domains.values())):
        examined = await asyncio.gather(
            *(preflight.examine(runtime, each.workspace_id, each.address, server=each.smtp_host) for each in some)
        )
        for check in itertools.chain.from_iterable(examined):
            yield _published(check)


def _batches(found: list[Mailbox]) -> Iterator[list[Mailbox]]:
    """So many at once: a server that does not answer takes its half minute."""
    return (found[start : start + AT_ONCE] for start in range(0, len(found), AT_ONCE))


def _published(check: Check) -> Finding:
    color = {Verdict.OK: Color.OK, Verdict.FAIL: Color.FAIL}.get(check.verdict, Color.WARN)
    cure = f"Publish or change: {check.record}" if check.record else ""
    return Finding(color, check.name, check.message, cure or ("Ask again later." if color is not Color.OK else ""))


async def _connected(runtime: Runtime) -> list[Mailbox]:
    async with runtime.db.begin() as db:
        users = list(await db.scalars(select(User.id).order_by(User.created_at).limit(MOST_USERS)))
        belongs = [(user, workspace) for user in users for workspace, _ in await accounts.memberships(db, user)]
    connected: list[Mailbox] = []
    for user_id, workspace_id in belongs:
        async with runtime.db.begin(Scope(workspace_id, actor="doctor")) as db:
            connected += await mailboxes.of_user(db, workspace_id, user_id)
    return connected


async def _mailbox(runtime: Runtime, mailbox: Mailbox) -> Finding:
    try:
        account = await connections.account_of(runtime, mailbox)
        await asyncio.wait_for(runtime.mail[mailbox.provider].verify(account), PATIENCE)
    except ConnectFailed as failure:
        return Finding(Color.FAIL, "mailbox", f"{mailbox.address}: {failure.step}: {failure.message}", failure.hint)
    except SecretUnreadableError:
        message = f"{mailbox.address}: its password can't be read with these keys"
        return Finding(Color.FAIL, "mailbox", message, "Put the earlier key back, or connect the mailbox again.")
    except TimeoutError:
        message = f"{mailbox.address}: its servers did not answer in {PATIENCE:g} s"
        return Finding(Color.FAIL, "mailbox", message, "Check the servers' names and ports.")
    return Finding(Color.OK, "mailbox", f"{mailbox.address}: both servers answer")
