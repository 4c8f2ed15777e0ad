"""What the documentation prints is run, as printed, against a running server; and the way by hand that it describes."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from scripts.contracts import Endpoint, endpoints

from outrider import VERSION
from outrider.api.contact_import import app, examples
from outrider.core.embedded import EmbeddedServer
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import make_user
from tests.factories.google import google_urls
from tests.live import Live, serving
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google

DOCS = Path(__file__).parents[3] / "docs"
ENDPOINTS = {each.name: each for each in endpoints(app.build(VERSION).openapi())}
COLLECTION = json.loads((DOCS / "contracts/contact-import.postman_collection.json").read_text())
# Printed by itself, a snippet shows its body; status and redirect come on lines of their own.
SHOW_STATUS = 'curl() { command curl -w "\\n%{redirect_url}\\n%{http_code}" "$@"; }\n'
CONTACTS = 250
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    live: Live
    google: Google
    address: str
    token: str
    folder: Path

    async def agree(self, answer: Any) -> dict[str, str]:
        """What the person does at Google's, where an answer leads there: the browser comes back with state and code."""
        if not isinstance(answer, dict) or "authorization_url" not in answer:
            return {}
        back = await self.google.agree(answer["authorization_url"], self.address)
        return {"state": back["state"], "code": back["code"]}


@dataclass(frozen=True, slots=True)
class Told:
    status: int
    body: Any
    location: str


@pytest.fixture
async def stage(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, google: Google, tmp_path: Path
) -> AsyncIterator[Stage]:
    ada = await make_user(runtime)
    google.book(ada.user.email).add_many(CONTACTS)
    # Long enough not to be through before it is cancelled.
    rows = (f"Person {n},p{n}@b.test\n" for n in range(60_000))
    (tmp_path / "contacts.csv").write_text("Name,Mail\n" + "".join(rows))
    variables = {name.upper(): value for name, value in google_urls(google).items()}
    variables |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET}
    with serving(settings, server, tmp_path, **variables) as live:
        staged = Stage(live, google, ada.user.email, ada.access_token, tmp_path)
        yield staged
        # The stand-in answers from this process: while it waits for the server's end nobody would.
        await no_more_fetching(staged)


async def no_more_fetching(stage: Stage) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {stage.token}"}) as client:
        for status in ("fetching", "processing"):
            address = f"{stage.live.url}/api/v1/contacts/import/list?provider=google&status={status}"
            ends = time.monotonic() + PATIENCE
            while (await client.get(address)).json()["total"]:
                assert time.monotonic() < ends
                await asyncio.sleep(0.2)


async def run(stage: Stage, command: str, **variables: str) -> Told:
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euc", SHOW_STATUS + command],
        env={"PATH": "/usr/bin:/bin", **variables},
        cwd=stage.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    body, location, status = done.stdout.rsplit("\n", 2)
    return Told(int(status), json.loads(body) if body.strip() else None, location)


def in_order() -> list[Endpoint]:
    first = [each for each in ENDPOINTS.values() if each.name not in examples.LAST]
    return [*first, *(ENDPOINTS[name] for name in examples.LAST)]


def keep(endpoint: Endpoint, body: Any) -> dict[str, str]:
    return {name: str(body[place]) for name, place in examples.KEPT.get(endpoint.name, {}).items()}


async def test_every_curl_example_works_as_printed(stage: Stage) -> None:
    variables = {"BASE": stage.live.url, "TOKEN": stage.token}
    for endpoint in sorted(in_order(), key=lambda each: each.name == "import_callback"):
        page = (DOCS / f"reference/contact-import/{endpoint.name}.md").read_text()
        for snippet in re.findall(r"```sh\n(.+?)```", page, re.DOTALL):
            told = await run(stage, snippet, **variables)
            assert str(told.status) == endpoint.success(), f"{endpoint.name}: {told}"
            for name, value in (keep(endpoint, told.body) | await stage.agree(told.body)).items():
                variables[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()] = value
    assert told.location.startswith("everreach://import-callback/google?job_id=")
    assert told.location.endswith("&status=success")


async def test_the_postman_collection_runs_from_top_to_bottom(stage: Stage) -> None:
    variables = {each["key"]: each["value"] for each in COLLECTION["variable"]}
    variables |= {"baseUrl": stage.live.url, "accessToken": stage.token}
    ran = set()
    async with httpx2.AsyncClient(timeout=30) as client:
        for item in (each for folder in COLLECTION["item"] for each in folder["item"]):
            endpoint = ENDPOINTS[item["name"].partition(" ")[0]]
            told = await send(client, item, stage, variables)
            assert str(told.status_code) == endpoint.success(), f"{item['name']}: {told.text}"
            body = told.json() if told.content else None
            variables |= keep(endpoint, body) | await stage.agree(body)
            ran.add(endpoint.name)
    assert ran == ENDPOINTS.keys()


async def send(
    client: httpx2.AsyncClient, item: dict[str, Any], stage: Stage, variables: dict[str, str]
) -> httpx2.Response:
    def fill(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda match: variables[match[1]], text)

    request = item["request"]
    options: dict[str, Any] = {"headers": {each["key"]: each["value"] for each in request["header"]}}
    if "auth" in request:
        options["headers"]["Authorization"] = f"Bearer {fill(request['auth']['bearer'][0]['value'])}"
    if "body" in request:
        fields = request["body"]["formdata"]
        options["files"] = {each["key"]: (stage.folder / each["src"]).open("rb") for each in fields if "src" in each}
        options["data"] = {each["key"]: each["value"] for each in fields if "value" in each}
    return await client.request(request["method"], fill(request["url"]["raw"]), **options)


async def test_the_way_by_hand_works_from_health_to_history(stage: Stage) -> None:
    base, bearer = f"{stage.live.url}/api/v1/contacts/import", f'-H "Authorization: Bearer {stage.token}"'
    health = await run(stage, f"curl {base}/health")
    assert (health.status, health.body["status"]) == (200, "partial")
    assert health.body["providers"]["google"]["configured"]
    begun = await run(stage, f"curl -X POST {base}/google/start \\\n  {bearer}")
    assert set(begun.body) == {"job_id", "authorization_url", "provider"}
    back = httpx2.QueryParams(await stage.google.agree(begun.body["authorization_url"], stage.address))
    returned = await run(stage, f"curl '{base}/google/callback?{back}'")
    job_id = begun.body["job_id"]
    assert returned.location == f"everreach://import-callback/google?job_id={job_id}&status=success"
    ends = time.monotonic() + PATIENCE
    while (told := await run(stage, f"curl {base}/status/{job_id} \\\n  {bearer}")).body["status"] != "completed":
        assert time.monotonic() < ends, told
        assert told.body["status"] in {"fetching", "processing"}
        await asyncio.sleep(0.5)
    assert (told.body["imported_contacts"], told.body["provider_account_name"]) == (CONTACTS, stage.address)
    listed = await run(stage, f"curl {base}/list \\\n  {bearer}")
    assert (listed.body["total"], listed.body["jobs"][0]["id"], listed.body["limit"]) == (1, job_id, 20)
