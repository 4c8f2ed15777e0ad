"""Mailboxes at a stand-in for a provider, connected as a sign-in connects them."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import update

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import actions as grants
from outrider.domain.mailboxes import connections, queries
from outrider.domain.mailboxes.models import Folder, Mailbox, State
from outrider.providers.mail.interface import GrantedAccount
from outrider.providers.oauth.interface import Identity, Tokens
from outrider.runtime import Runtime
from tests.factories.accounts import Someone


async def connect_granted(
    runtime: Runtime, owner: Someone, *, provider: str, address: str, subject: str, tokens: Tokens
) -> Mailbox:
    """A mailbox as a sign-in leaves it, except that no worker finds anything to do on it."""

    async def supply(*, refused: str | None = None) -> str:
        return tokens.access_token

    account = GrantedAccount(address, supply)
    verified = await connections.verify(runtime, provider, account)
    async with runtime.db.begin(owner.scope) as db:
        vault = await open_vault(db, runtime.keyring, owner.workspace_id)
        grant = await grants.store(
            db,
            vault,
            workspace_id=owner.workspace_id,
            user_id=owner.user.id,
            provider=provider,
            identity=Identity(subject, address, owner.user.name, None),
            tokens=tokens,
        )
        mailbox = await connections.connect(
            db,
            runtime.keyring,
            workspace_id=owner.workspace_id,
            user_id=owner.user.id,
            provider=provider,
            account=account,
            verified=verified,
            name=owner.user.name,
            daily_limit=10_000,
            grant_id=grant.id,
        )
        mailbox.sync_due_at = mailbox.watched_until = now() + timedelta(days=1)
        mailbox.subscribe_at = None
        # As after its newest mail was read: nothing waits for that.
        await db.execute(update(Folder).where(Folder.mailbox_id == mailbox.id).values(synced_at=now()))
    return mailbox


async def retire(runtime: Runtime, provider: str, addresses: Iterable[str]) -> None:
    """Leaves nothing for a worker to do at a stand-in that is gone."""
    for address in addresses:
        async with runtime.db.begin() as db:
            known = await queries.at_address(db, provider, address)
        for workspace_id, _ in known:
            async with runtime.db.begin(Scope(workspace_id)) as db:
                await db.execute(update(Mailbox).values(state=State.DISCONNECTED))
