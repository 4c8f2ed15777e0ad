"""Runtimes that know the stand-in for Microsoft, and mailboxes there that were connected as a sign-in connects them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.oauth.interface import Tokens
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.granted import connect_granted, retire
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
    return await connect_granted(
        runtime, owner, provider="microsoft", address=address, subject=granted.account.id, tokens=tokens
    )


async def retire_boxes(runtime: Runtime, microsoft: Microsoft) -> None:
    """Leaves nothing for a worker to do at a stand-in that is gone."""
    await retire(runtime, "microsoft", microsoft.accounts)
