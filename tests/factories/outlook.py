"""Runtimes that know the stand-in for Microsoft, and mailboxes there that were connected as a sign-in connects them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import update

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import actions as grants
from outrider.domain.mailboxes import connections, queries
from outrider.domain.mailboxes.models import Mailbox, State
from outrider.providers.mail.interface import GrantedAccount
from outrider.providers.oauth.interface import Identity, Tokens
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.stand_ins.graph_mail import SCOPES, Mail
from tests.stand_ins.microsoft import CLIENT_ID, CLIENT_SECRET, Microsoft


@asynccontextmanager
async def outlook_runtime(
    settings: Settings, database: Addresses, microsoft: Microsoft, **changes: Any
) -> AsyncIterator[Runtime]:
    known = settings.model_copy(
        update={
            "microsoft_client_id": CLIENT_ID,
            "microsoft_client_secret": SecretStr(CLIENT_SECRET),
            "microsoft_login_url": microsoft.url,
            "graph_url": microsoft.url,
            **changes,
        }
    )
    async with open_runtime(known, database.app, name="tests-microsoft") as runtime:
        yield runtime


async def connect_outlook(
    runtime: Runtime, microsoft: Microsoft, mail: Mail, owner: Someone, *, address: str | None = None
) -> Mailbox:
    """A mailbox as a sign-in leaves it, except that no worker finds anything to do on it."""
    address = address or owner.user.email
    mail.box(address)
    granted = microsoft.granted(address, *SCOPES)
    token = microsoft.token_of(granted)
    tokens = Tokens(
        access_token=token,
        expires_at=datetime.fromtimestamp(microsoft.access[token][1], UTC),
        scopes=granted.scopes,
        refresh_token=granted.refresh_token,
    )

    async def supply(*, refused: str | None = None) -> str:
        return token

    account = GrantedAccount(address, supply)
    verified = await connections.verify(runtime, "microsoft", account)
    async with runtime.db.begin(owner.scope) as db:
        vault = await open_vault(db, runtime.keyring, owner.workspace_id)
        grant = await grants.store(
            db,
            vault,
            workspace_id=owner.workspace_id,
            user_id=owner.user.id,
            provider="microsoft",
            identity=Identity(granted.account.id, address, owner.user.name, None),
            tokens=tokens,
        )
        mailbox = await connections.connect(
            db,
            runtime.keyring,
            workspace_id=owner.workspace_id,
            user_id=owner.user.id,
            provider="microsoft",
            account=account,
            verified=verified,
            name=owner.user.name,
            daily_limit=10_000,
            grant_id=grant.id,
        )
        mailbox.sync_due_at = mailbox.watched_until = now() + timedelta(days=1)
        mailbox.subscribe_at = None
    return mailbox


async def retire_boxes(runtime: Runtime, microsoft: Microsoft) -> None:
    """Leaves nothing for a worker to do at a stand-in that is gone."""
    for address in microsoft.accounts:
        async with runtime.db.begin() as db:
            known = await queries.at_address(db, "microsoft", address)
        for workspace_id, _ in known:
            async with runtime.db.begin(Scope(workspace_id)) as db:
                await db.execute(update(Mailbox).values(state=State.DISCONNECTED))
