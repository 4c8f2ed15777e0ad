"""What the documentation prints is run, as printed, against a running server with real mail behind it."""

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
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from outrider import VERSION
from outrider.api.concierge import app as concierge
from outrider.api.concierge import examples as concierge_examples
from outrider.api.followups import app as followups
from outrider.api.followups import examples as followups_examples
from outrider.core.embedded import EmbeddedServer
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.google import google_urls
from tests.live import Live, serving
from tests.real import radicale
from tests.real.mail_servers import MailServers
from tests.real.test_main_job import sent
from tests.stand_ins import microsoft
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.serving import serve

DOCS = Path(__file__).parents[2] / "docs"
# Printed by itself, the snippet shows its body; the status comes on a line of its own.
SHOW_STATUS = 'curl() { command curl -w "\\n%{http_code}" "$@"; }\n'

HOLIDAYS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nEND:VCALENDAR\r\n"

# What the first sync has to fill before a later example can take an id from it.
RENEWING = {"refresh", "login", "refresh_session"}
FILLED_BY_SYNC = {"list_sent": "data", "list_senders": "data.senders"}

pytestmark = pytest.mark.real


class Surface:
    """What is printed of a contract."""

    def __init__(self, name: str, specification: dict[str, Any], examples: Any) -> None:
        self.name, self.examples = name, examples
        self.endpoints = {each.name: each for each in endpoints(specification)}
        self.collection = json.loads((DOCS / f"contracts/{name}.postman_collection.json").read_text())

    def in_order(self) -> list[tuple[Endpoint, str]]:
        """Every printed command; those that end something at the end."""
        told = [
            (each, title, snippet)
            for each in self.endpoints.values()
            for title, snippet in zip(each.request_bodies() or [""], self.snippets(each), strict=True)
        ]
        named = {name: each for each in told for name in (each[0].name, f"{each[0].name} ({each[1]})")}
        last = [named[name] for name in self.examples.LAST]
        return [(each[0], each[2]) for each in [*(each for each in told if each not in last), *last]]

    def snippets(self, endpoint: Endpoint) -> list[str]:
        page = (DOCS / f"reference/{self.name}/{endpoint.name}.md").read_text()
        return re.findall(r"```sh\n(.+?)```", page, re.DOTALL)


SURFACES = {
    "followups": Surface("followups", followups.build(VERSION).openapi(), followups_examples),
    "concierge": Surface("concierge", concierge.build(VERSION).openapi(), concierge_examples),
}


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> Surface:
    return SURFACES[request.param]


@dataclass(frozen=True, slots=True)
class Stage:
    """A server, and what a user of the examples puts in for the examples' own values."""

    live: Live
    own: dict[str, str]
    google: Google
    newcomer: str

    def fill(self, text: str) -> str:
        for printed, own in self.own.items():
            text = text.replace(printed, own)
        return text


@pytest.fixture
async def stage(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, google: Google, tmp_path: Path
) -> AsyncIterator[Stage]:
    address = f"ada{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    mail.append(address, "Sent", sent(address, "grace@b.test"))
    mail.append(address, "INBOX", sent("grace@b.test", address))
    await make_user(runtime, email=address)
    own = {
        "imap.lovelace.example": mail.host,
        "smtp.lovelace.example": mail.host,
        '"port": 993': f'"port": {mail.ports["imaps"]}, "security": "tls"',
        '"smtpPort": 465': f'"smtpPort": {mail.ports["smtps"]}, "smtpSecurity": "tls"',
        '"smtp_port": 465': f'"smtp_port": {mail.ports["smtps"]}, "smtp_security": "tls"',
        "ada@lovelace.example": address,
        "correct horse battery": PASSWORD,
        "app password": mail.password(address),
    }
    newcomer = f"newcomer{time.monotonic_ns()}@gmail.test"
    google.box(newcomer)
    variables = {name.upper(): value for name, value in google_urls(google).items()}
    variables |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET}
    variables["OUTRIDER_UNENCRYPTED_MAIL_HOSTS"] = "127.0.0.1"  # Radicale speaks no TLS
    variables |= {"MICROSOFT_CLIENT_ID": microsoft.CLIENT_ID, "MICROSOFT_CLIENT_SECRET": microsoft.CLIENT_SECRET}
    async with serve(Starlette(routes=[Route("/holidays.ics", lambda _: Response(HOLIDAYS))])) as published:
        with (
            radicale.running(address, mail.password(address)) as calendars,
            serving(settings, server, tmp_path, OUTRIDER_CA_FILE=str(mail.ca_file), **variables) as live,
        ):
            own["https://dav.lovelace.example"] = calendars.make("work")
            own["webcal://calendars.example"] = published
            yield Stage(live, own, google, newcomer)


async def test_every_curl_example_works_as_printed(surface: Surface, stage: Stage, tmp_path: Path) -> None:
    variables = {"BASE": stage.live.url}
    ran = set()
    for endpoint, snippet in surface.in_order():
        body = await until_it_has(endpoint, lambda text=snippet: run(stage.fill(text), variables, tmp_path))
        keep(surface, endpoint, body, variables)
        await agree(stage, body, variables)
        ran.add(endpoint.name)
    print(f"\ncurl: {len(ran)} of {len(surface.endpoints)} endpoints of {surface.name}")
    assert ran == surface.endpoints.keys()


async def test_the_postman_collection_runs_from_top_to_bottom(surface: Surface, stage: Stage) -> None:
    variables = {each["key"]: each["value"] for each in surface.collection["variable"]} | {"baseUrl": stage.live.url}
    ran = set()
    async with httpx2.AsyncClient(timeout=30) as client:
        for item in (each for folder in surface.collection["item"] for each in folder["item"]):
            endpoint = surface.endpoints[item["name"].partition(" ")[0]]
            body = await until_it_has(endpoint, lambda item=item: send(client, item, stage, variables))
            await agree(stage, body, variables)
            for line in item.get("event", [{"script": {"exec": []}}])[0]["script"]["exec"]:
                if kept := re.fullmatch(r'pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)(.+)\);', line):
                    variables[kept[1]] = str(at(body, kept[2].replace("[", ".").replace("]", "").strip(".")))
            ran.add(endpoint.name)
    print(f"\nPostman: {len(ran)} of {len(surface.endpoints)} endpoints of {surface.name}")
    assert ran == surface.endpoints.keys()


async def agree(stage: Stage, body: Any, variables: dict[str, str]) -> None:
    """What the person does at Google's, where an answer leads there; the browser comes back with state and code."""
    if isinstance(body, dict) and body.get("authUrl", "").startswith(stage.google.url):
        back = await stage.google.agree(body["authUrl"], stage.newcomer)
        variables |= {name: back[name.lower()] for name in ("state", "code", "STATE", "CODE")}


async def run(snippet: str, variables: dict[str, str], folder: Path) -> tuple[int, Any]:
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euc", SHOW_STATUS + snippet],
        env={"PATH": "/usr/bin:/bin", **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body.strip() else None


async def send(
    client: httpx2.AsyncClient, item: dict[str, Any], stage: Stage, variables: dict[str, str]
) -> tuple[int, Any]:
    def fill(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda match: variables[match[1]], text)

    request = item["request"]
    headers = {each["key"]: each["value"] for each in request["header"]}
    if "auth" in request:
        headers["Authorization"] = f"Bearer {fill(request['auth']['bearer'][0]['value'])}"
    body = stage.fill(fill(request["body"]["raw"])) if "body" in request else None
    response = await client.request(request["method"], fill(request["url"]["raw"]), headers=headers, content=body)
    return response.status_code, response.json() if response.content else None


async def until_it_has(endpoint: Endpoint, ask: Any) -> Any:
    """Runs an example; a list that a later one takes its id from is asked for until the first sync has filled it."""
    for _ in range(100):
        status, body = await ask()
        assert str(status) == endpoint.success(), f"{endpoint.name}: {status} {body}"
        if not any(endpoint.name == name and not at(body, place) for name, place in FILLED_BY_SYNC.items()):
            return body
        await asyncio.sleep(0.1)
    raise AssertionError(f"{endpoint.name} stayed empty")


def keep(surface: Surface, endpoint: Endpoint, body: Any, variables: dict[str, str]) -> None:
    for name, place in surface.examples.KEPT.get(endpoint.name, {}).items():
        try:
            variables[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()] = str(at(body, place))
        except KeyError:
            continue  # connecting a mailbox gives no tokens
    if "ACCESS_TOKEN" in variables and (endpoint.name in RENEWING or "TOKEN" not in variables):
        variables["TOKEN"] = variables["ACCESS_TOKEN"]


def at(body: Any, place: str) -> Any:
    for part in place.split("."):
        body = body[int(part)] if part.isdigit() else body[part]
    return body
