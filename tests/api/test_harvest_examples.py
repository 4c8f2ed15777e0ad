"""What the harvest's documentation prints is run, as printed, against a running server with the stand-in for Google."""

import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from scripts.contracts import Endpoint, endpoints

from outrider import VERSION
from outrider.api.harvest import app, examples
from outrider.core.embedded import EmbeddedServer
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.api.test_examples import DOCS, at, run
from tests.factories.accounts import make_user, retire
from tests.factories.google import google_urls
from tests.factories.harvest import letter
from tests.live import Live, serving
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google

ENDPOINTS = {each.name: each for each in endpoints(app.describe(VERSION))}
COLLECTION = json.loads((DOCS / "contracts/harvest.postman_collection.json").read_text())
ACCOUNT = "push@project.iam.gserviceaccount.test"


@dataclass(frozen=True, slots=True)
class Stage:
    """A server, and what a user of the examples has at Google."""

    live: Live
    google: Google
    token: str
    own: dict[str, str]

    def fill(self, text: str) -> str:
        for printed, own in self.own.items():
            text = text.replace(printed, own)
        return text

    def prepare(self, name: str) -> None:
        """A batch that is to be stopped and gone on with must not be done before: Gmail does not answer its search."""
        if name == "process_batch":
            self.google.fail("/messages$", 503, times=1_000, headers={"Retry-After": "3600"})

    @property
    def variables(self) -> dict[str, str]:
        signed = self.google.signed(aud=f"{self.live.url}/api/gmail/webhook", email=ACCOUNT, email_verified=True)
        return {"accessToken": self.token, "googleToken": signed, "baseUrl": self.live.url}


@pytest.fixture
async def stage(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, google: Google, tmp_path: Path
) -> AsyncIterator[Stage]:
    ada = await make_user(runtime)
    address = f"ada{time.monotonic_ns()}@gmail.test"
    google.box(address)
    google.deliver(address, letter(18))
    grant = google.granted(address)
    own = {"ya29.a0AfB_example": google.token_of(grant), "1//0e-example": grant.refresh_token}
    variables = {name.upper(): value for name, value in google_urls(google).items()}
    variables |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET, "GMAIL_PUSH_ACCOUNT": ACCOUNT}
    with serving(settings, server, tmp_path, **variables) as live:
        yield Stage(live, google, ada.access_token, own)
    await retire(runtime, ada)


async def test_every_curl_example_works_as_printed(stage: Stage, tmp_path: Path) -> None:
    names = {"accessToken": "TOKEN", "googleToken": "GOOGLE_TOKEN", "baseUrl": "BASE"}
    variables = {names[name]: value for name, value in stage.variables.items()}
    ran = []
    for endpoint in in_order():
        stage.prepare(endpoint.name)
        page = (DOCS / f"reference/harvest/{endpoint.name}.md").read_text()
        for snippet in re.findall(r"```sh\n(.+?)```", page, re.DOTALL):
            status, body = await run(stage.fill(snippet), variables, tmp_path)
            assert str(status) == endpoint.success(), f"{endpoint.name}: {status} {body}"
            kept = examples.KEPT.get(endpoint.name, {})
            variables |= {re.sub(r"(?=[A-Z])", "_", name).upper(): str(at(body, place)) for name, place in kept.items()}
        ran.append(endpoint.name)
    assert sorted(ran) == sorted(ENDPOINTS)


async def test_the_postman_collection_runs_from_top_to_bottom(stage: Stage) -> None:
    variables = {each["key"]: each["value"] for each in COLLECTION["variable"]} | stage.variables
    ran = set()
    async with httpx2.AsyncClient(timeout=30) as client:
        for item in (each for folder in COLLECTION["item"] for each in folder["item"]):
            endpoint = ENDPOINTS[item["name"].partition(" ")[0]]
            stage.prepare(endpoint.name)
            status, body = await send(client, item["request"], stage, variables)
            assert str(status) == endpoint.success(), f"{endpoint.name}: {status} {body}"
            for line in item["event"][0]["script"]["exec"]:
                if kept := re.fullmatch(r'pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)(.+)\);', line):
                    variables[kept[1]] = str(at(body, kept[2].replace("[", ".").replace("]", "").strip(".")))
            ran.add(endpoint.name)
    assert ran == ENDPOINTS.keys()


def in_order() -> list[Endpoint]:
    first = [each for each in ENDPOINTS.values() if each.name not in examples.LAST]
    return [*first, *(ENDPOINTS[name] for name in examples.LAST)]


async def send(
    client: httpx2.AsyncClient, request: dict[str, Any], stage: Stage, variables: dict[str, str]
) -> tuple[int, Any]:
    def fill(written: str) -> str:
        return stage.fill(re.sub(r"\{\{(\w+)\}\}", lambda match: variables[match[1]], written))

    headers = {each["key"]: each["value"] for each in request["header"]}
    headers["Authorization"] = f"Bearer {fill(request['auth']['bearer'][0]['value'])}"
    body = fill(request["body"]["raw"]) if "body" in request else None
    answer = await client.request(request["method"], fill(request["url"]["raw"]), headers=headers, content=body)
    return answer.status_code, answer.json()
