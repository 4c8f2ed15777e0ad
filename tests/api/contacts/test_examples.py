"""What the documentation prints is run, as printed, against a running server whose worker does the erasing."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from scripts.contracts import endpoints

from outrider import VERSION
from outrider.api.contacts import app, examples
from outrider.core.embedded import EmbeddedServer
from outrider.domain.people import actions
from outrider.domain.people.person import make_person
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import make_user
from tests.live import serving

DOCS = Path(__file__).parents[3] / "docs/reference/contacts"
SHOW_STATUS = 'curl() { command curl -w "\\n%{http_code}" "$@"; }\n'


async def test_every_curl_example_works_as_printed(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        bob = make_person(name="Bob Baker", emails=[("bob@b.test", "")])
        taken = await actions.upsert(db, ada.workspace_id, ada.user.id, [bob], provider="csv", account="")
    variables = {"TOKEN": ada.access_token, "CONTACT_ID": str(taken[0].contact_id)}
    known = {each.name: each for each in endpoints(app.build(VERSION).openapi())}
    names = [*(known.keys() - set(examples.LAST)), *examples.LAST]
    with serving(settings, server, tmp_path) as live:
        for name in names:
            page = (DOCS / f"{name}.md").read_text()
            for snippet in re.findall(r"```sh\n(.+?)```", page, re.DOTALL):
                body, status = await told(snippet, {**variables, "BASE": live.url})
                assert status == known[name].success(), body
                if name == "erase_contact":
                    variables["ERASURE_ID"] = body["data"]["id"]
        while body["data"]["status"] in {"queued", "running"}:
            await asyncio.sleep(0.2)
            body, _ = await told(snippet, {**variables, "BASE": live.url})
    assert (body["data"]["status"], body["data"]["erased"]["contacts"]) == ("succeeded", 1)


async def told(command: str, variables: dict[str, str]) -> tuple[Any, str]:
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-euc", SHOW_STATUS + command], env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    body, status = done.stdout.rsplit("\n", 1)
    return json.loads(body), status
