"""What the delivery commands do: limits and health of mailboxes, the suppression list, signing keys, the footer."""

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.errors import NotFound
from outrider.core.pages import PageRequest
from outrider.domain.accounts.models import Workspace
from outrider.domain.accounts.permissions import Actor
from outrider.domain.deliverability import actions as health
from outrider.domain.deliverability import queries as returns
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold, MailboxPace
from outrider.domain.signing import keys
from outrider.domain.signing.models import SigningKey
from outrider.domain.suppressions import actions as suppressions
from outrider.domain.suppressions import queries as suppressed
from outrider.domain.suppressions.models import Reason
from outrider.operating import acting, actor_of
from outrider.providers.mail.dns import LookupFailed
from outrider.providers.mail.preflight import Verdict
from outrider.settings import Settings
from outrider.starting import running

MOST_LISTED = 500
LIMITS = frozenset({Hold.DAILY_LIMIT})


async def show_mailboxes(settings: Settings, user: str) -> None:
    """Prints each mailbox with its limits, what holds it, and how its mail was received."""
    async with acting(settings, user) as (runtime, actor, db):
        due_now = await runtime.clock.due_now(db)
        found_mailboxes = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
        examined = await returns.preflights_of(db, actor.workspace_id, [each.id for each in found_mailboxes])
        for mailbox in found_mailboxes:
            pace = await db.get(MailboxPace, (mailbox.workspace_id, mailbox.id))
            found = await returns.returns_of(db, mailbox.workspace_id, mailbox.id, now=due_now)
            typer.echo(f"{mailbox.address}  {mailbox.state}, at most {mailbox.daily_limit} mails in 24 hours")
            typer.echo(f"  {found.health}: {found}")
            for check in examined[mailbox.id].checks if mailbox.id in examined else []:
                if check["verdict"] != Verdict.OK:
                    cure = f" Publish or change: {check['record']}" if check["record"] else ""
                    typer.echo(f"  {check['name']}: {check['message']}{cure}")
            if pace is not None and pace.held_until is not None and pace.held_until > due_now:
                typer.echo(
                    f"  held until {pace.held_until:%Y-%m-%d %H:%M} UTC ({pace.held_for}) {pace.held_reason or ''}"
                )


async def limit_mailbox(settings: Settings, user: str, address: str, daily: int) -> None:
    async with acting(settings, user) as (_, actor, db):
        mailbox = await _mailbox(db, actor, address)
        mailbox.daily_limit = daily
        await holding.lift(db, mailbox.workspace_id, mailbox.id, LIMITS)
    typer.echo(f"{mailbox.address} sends at most {daily} mails in 24 hours from now on.")


async def resume_mailbox(settings: Settings, user: str, address: str) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        mailbox = await _mailbox(db, actor, address)
        at = await runtime.clock.due_now(db)
        was_held = await health.let_go_on(db, mailbox.workspace_id, mailbox.id, now=at)
    typer.echo(f"{mailbox.address} goes on." if was_held else f"Nothing holds {mailbox.address}.")


async def list_suppressions(settings: Settings, user: str, page: int) -> None:
    async with acting(settings, user) as (_, actor, db):
        found = await suppressed.search(db, actor.workspace_id, PageRequest(page, MOST_LISTED))
    for each in found.items:
        origin = f" ({each.origin} only)" if each.origin else ""
        typer.echo(f"{each.created_at:%Y-%m-%d}  {each.reason:<12} {each.value or '(erased)'}{origin}")
    typer.echo(f"{found.total} in all" if found.total else "Nobody is suppressed.")


async def suppress(settings: Settings, user: str, value: str) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        proof = {"by": actor.email}
        made = await suppressions.suppress(
            db, runtime.keyring, actor.workspace_id, value, reason=Reason.MANUAL, proof=proof
        )
    typer.echo(made.message if made else f"{value} was on the list already.")


async def lift(settings: Settings, user: str, value: str) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        await suppressions.lift(db, runtime.keyring, actor.workspace_id, value)
    typer.echo(f"{value} may get mail again.")


async def create_key(settings: Settings, user: str, domain: str) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        key = await keys.create(db, runtime.keyring, domain, by=actor, at=now())
    typer.echo(f"Publish as TXT at {key.record_name}:\n{key.record}\nThen: outrider dkim activate {user} {key.domain}")


async def activate_key(settings: Settings, user: str, domain: str) -> None:
    domain = domain.strip().lower().rstrip(".")
    async with running(settings, name="outrider-cli") as runtime:
        actor = await actor_of(runtime, user)
        async with runtime.db.begin(actor.scope("cli")) as db:
            key = await _key(db, actor, domain)
        try:
            published = await runtime.dns.txt(key.record_name)
        except LookupFailed as error:
            raise NotFound(f"{error} Try again later.") from error
        async with runtime.db.begin(actor.scope("cli")) as db:
            await keys.activate(db, await _key(db, actor, domain), published, at=now())
    typer.echo(f"Mail from {domain} is signed from now on.")


async def _key(db: AsyncSession, actor: Actor, domain: str) -> SigningKey:
    key = await keys.find(db, actor, domain)
    if key is None:
        raise NotFound(f"There is no key for {domain}. Make one: outrider dkim create {actor.email} {domain}")
    return key


async def set_footer(settings: Settings, user: str, postal_address: str) -> None:
    async with acting(settings, user) as (_, actor, db):
        workspace = await db.get_one(Workspace, actor.workspace_id)
        workspace.postal_address = " ".join(postal_address.split())[:300]
    typer.echo("It stands under every mail from now on." if workspace.postal_address else "Mails have no footer now.")


async def set_tracking(settings: Settings, user: str, *, opens: bool, clicks: bool) -> None:
    async with acting(settings, user) as (runtime, actor, db):
        workspace = await db.get_one(Workspace, actor.workspace_id)
        workspace.tracks_opens, workspace.tracks_clicks = opens, clicks
        is_reachable = runtime.settings.public_url.startswith("https://")
    typer.echo(f"Opens are {'' if opens else 'not '}tracked, clicks are {'' if clicks else 'not '}tracked.")
    if (opens or clicks) and not is_reachable:
        typer.echo("Nothing will be until NEXT_PUBLIC_BASE_URL is an https:// address that recipients can reach.")


async def _mailbox(db: AsyncSession, actor: Actor, address: str) -> Mailbox:
    found = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
    for mailbox in found:
        if mailbox.address == address.strip().lower():
            return mailbox
    known = ", ".join(each.address for each in found) or "none"
    raise NotFound(f"{actor.email} has no mailbox {address}. Connected: {known}.")
