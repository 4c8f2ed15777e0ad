"""What the health check says of the OAuth providers."""

import dataclasses
from typing import Any

from pydantic import SecretStr

from outrider.main import create_app
from outrider.providers.contacts.google import GooglePeople
from outrider.runtime import Addresses, open_runtime
from outrider.settings import Settings
from tests.client import Client

PATH = "/api/v1/contacts/import/health"


async def test_without_any_client_it_is_unhealthy_and_says_that_files_work(anonymous: Client) -> None:
    body = (await anonymous.get(PATH)).json()
    assert body["status"] == "unhealthy"
    assert "files" in body["message"]
    assert body["providers"]["google"] == {
        "configured": False,
        "client_id_set": False,
        "client_secret_set": False,
        "redirect_uri": "http://127.0.0.1:8700/api/v1/contacts/import/google/callback",
        "setup_url": "https://console.cloud.google.com/",
    }


async def test_one_client_is_partial_and_both_are_healthy(settings: Settings, database: Addresses) -> None:
    google = {"google_client_id": "g", "google_client_secret": SecretStr("s")}
    partial = await _health(settings, database, google)
    assert (partial["status"], partial["message"]) == ("partial", "Only Google is configured.")
    assert partial["providers"]["google"]["configured"]
    both = {"google": GooglePeople, "microsoft": GooglePeople}
    healthy = await _health(settings, database, google, also=both)
    assert (healthy["status"], healthy["message"]) == ("healthy", "All OAuth providers configured")
    half = await _health(settings, database, {"google_client_id": "g"})
    assert half["providers"]["google"]["client_id_set"]
    assert not half["providers"]["google"]["configured"]


async def test_a_client_for_which_nothing_fetches_contacts_is_not_called_configured(
    settings: Settings, database: Addresses
) -> None:
    told = await _health(
        settings, database, {"microsoft_client_id": "m", "microsoft_client_secret": SecretStr("s")}, also={}
    )
    microsoft = told["providers"]["microsoft"]
    assert (microsoft["client_id_set"], microsoft["client_secret_set"], microsoft["configured"]) == (True, True, False)


async def _health(
    settings: Settings, database: Addresses, changes: dict[str, Any], *, also: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`also` are the address books that are known, in place of those that are."""
    async with open_runtime(settings.model_copy(update=changes), database.app, name="tests-health") as opened:
        runtime = opened
        if also is not None:
            books = {name: make(opened.egress, "https://people.test") for name, make in also.items()}
            known = {f"{name}_contacts": next(iter(opened.oauth.values())) for name in also}
            runtime = dataclasses.replace(opened, contacts=books, oauth=known)
        async with Client(create_app(runtime)) as client:
            body: dict[str, Any] = (await client.get(PATH)).json()
    return body
