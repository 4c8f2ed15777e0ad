"""What the health check says of the OAuth providers."""

import dataclasses

from pydantic import SecretStr

from outrider.main import create_app
from outrider.runtime import Runtime
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


async def test_one_client_is_partial_and_both_are_healthy(runtime: Runtime) -> None:
    google = {"google_client_id": "g", "google_client_secret": SecretStr("s")}
    microsoft = {"microsoft_client_id": "m", "microsoft_client_secret": SecretStr("s")}
    assert (await _health(runtime, google))["status"] == "partial"
    healthy = await _health(runtime, google | microsoft)
    assert (healthy["status"], healthy["message"]) == ("healthy", "All OAuth providers configured")
    half = await _health(runtime, {"google_client_id": "g"})
    assert half["providers"]["google"]["client_id_set"]
    assert not half["providers"]["google"]["configured"]


async def _health(runtime: Runtime, settings: dict[str, object]) -> dict[str, dict[str, dict[str, object]]]:
    changed = dataclasses.replace(runtime, settings=runtime.settings.model_copy(update=settings))
    async with Client(create_app(changed)) as client:
        body: dict[str, dict[str, dict[str, object]]] = (await client.get(PATH)).json()
    return body
