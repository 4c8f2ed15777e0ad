"""Runtimes that know the stand-in for Google, and mailboxes there that were connected as a sign-in connects them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import SecretStr

from outrider.domain.mailboxes.models import Mailbox
from outrider.providers.oauth.interface import Tokens
from outrider.runtime import Addresses, Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone
from tests.factories.granted import connect_granted, retire
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google


@asynccontextmanager
async def google_runtime(
    settings: Settings, database: Addresses, google: Google, **changes: Any
) -> AsyncIterator[Runtime]:
    known = settings.model_copy(
        update={
            "google_client_id": CLIENT_ID,
            "google_client_secret": SecretStr(CLIENT_SECRET),
            **google_urls(google),
            **changes,
        }
    )
    async with open_runtime(known, database.app, name="tests-google") as runtime:
        yield runtime


def google_urls(google: Google) -> dict[str, str]:
    return {
        "google_auth_url": f"{google.url}/o/oauth2/v2/auth",
        "google_token_url": f"{google.url}/token",
        "google_revoke_url": f"{google.url}/revoke",
        "google_inspect_url": f"{google.url}/tokeninfo",
        "google_certs_url": f"{google.url}/certs",
        "gmail_api_url": google.url,
        "people_api_url": google.url,
    }


async def connect_gmail(runtime: Runtime, google: Google, owner: Someone, *, address: str | None = None) -> Mailbox:
    """A mailbox as a sign-in leaves it, except that no worker finds anything to do on it."""
    address = address or owner.user.email
    google.box(address)
    granted = google.granted(address)
    subject = sha256(address.encode()).hexdigest()[:21]
    token = google.token_of(granted)
    tokens = Tokens(
        access_token=token,
        expires_at=datetime.fromtimestamp(google.access[token][1], UTC),
        scopes=frozenset(granted.scopes.split()),
        refresh_token=granted.refresh_token,
    )
    return await connect_granted(runtime, owner, provider="google", address=address, subject=subject, tokens=tokens)


async def retire_boxes(runtime: Runtime, google: Google) -> None:
    """Leaves nothing for a worker to do at a stand-in that is gone."""
    await retire(runtime, "google", google.boxes)
