"""Every operation under generated requests, good and bad, against a running server: Schemathesis, all checks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.api.concierge.contract import PREFIX as CONCIERGE
from outrider.api.contact_import.contract import PREFIX
from outrider.api.contacts.contract import PREFIX as CONTACTS
from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.core.ids import new_id
from outrider.domain.erasure import contact_erasing, subjects
from outrider.domain.people import actions as people_actions
from outrider.domain.people.person import make_person
from outrider.domain.senders import actions
from outrider.domain.senders import jobs as _registered  # noqa: F401  # what a scan queues
from outrider.domain.senders.models import Sender
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories import harvest
from tests.factories.accounts import make_user, retire
from tests.factories.calendars import make_event
from tests.factories.drafts import make_draft
from tests.factories.imports import contacts, start
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence
from tests.live import serving

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "docs/contracts"
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = "tests.api.schemathesis_hooks"


async def test_no_generated_request_breaks_a_promise(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    await hammer(runtime, settings, server, tmp_path, examples=8, seeds=[1])


async def test_no_generated_request_breaks_a_promise_of_the_contact_import(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    known = {"jobId": [str((await start(runtime, ada, contacts(3))).id) for _ in range(4)]}
    client = {"GOOGLE_CLIENT_ID": "g", "GOOGLE_CLIENT_SECRET": "s"}
    with serving(settings, server, tmp_path, **client) as live:
        url = f"{live.url}{PREFIX}"
        run(url, ada.access_token, known, tmp_path, contract="contact-import", operations=8, examples=8, seed=1)


async def test_no_generated_request_breaks_a_promise_of_the_concierge(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with runtime.db.begin(ada.scope) as db:
        senders = [
            Sender(
                workspace_id=ada.workspace_id, id=new_id(), user_id=ada.user.id, email=f"s{number}@b.test",
                domain="b.test", email_count=1, latest_date=now(),
            )
            for number in range(20)
        ]  # fmt: skip
        db.add_all(senders)
        scan = await actions.scan(db, ada.workspace_id, ada.user.id)
    ids = [str(each.id) for each in senders]
    calendars = [str((await make_event(runtime, ada)).id) for _ in range(20)]
    drafts = [await make_draft(runtime, ada, mailbox) for _ in range(20)]
    known = {"id": ids, "sender_id": ids, "job_id": [str(scan.id)], "integration_id": calendars}
    known |= {"draft_id": [str(each.id) for each in drafts], "message_id": [str(each.message_id) for each in drafts]}
    with serving(settings, server, tmp_path) as live:
        url = f"{live.url}{CONCIERGE}"
        # All but those that end the session.
        run(url, ada.access_token, known, tmp_path, contract="concierge", operations=35, examples=8, seed=1)
    await retire(runtime, ada)


async def test_no_generated_request_breaks_a_promise_of_the_harvest(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    await make_mailbox(runtime, ada)
    known = {"batchId": [str(await harvest.start(runtime, ada, [harvest.letter(n)])) for n in range(20)]}
    with serving(settings, server, tmp_path) as live:
        url = f"{live.url}/api"
        run(url, ada.access_token, known, tmp_path, contract="harvest", operations=10, examples=8, seed=1)


async def test_no_generated_request_breaks_a_promise_of_the_contacts(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    ada = await make_user(runtime)
    people = [make_person(emails=[(f"p{number}@b.test", "work")], region="GB") for number in range(20)]
    async with runtime.db.begin(ada.scope) as db:
        taken = await people_actions.upsert(
            db, ada.workspace_id, ada.user.id, people, provider="csv", account="contacts.csv"
        )
        subject = await subjects.of_contact(db, ada.workspace_id, taken[0].contact_id)
        erasure, _ = await contact_erasing.begin(db, runtime.keyring, ada.actor, subject)
    known = {"contactId": [str(each.contact_id) for each in taken], "erasureId": [str(erasure.id)]}
    with serving(settings, server, tmp_path) as live:
        url = f"{live.url}{CONTACTS}"
        run(url, ada.access_token, known, tmp_path, contract="contacts", operations=3, examples=8, seed=1)


@pytest.mark.faults
async def test_no_generated_request_of_thousands_breaks_a_promise(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, tmp_path: Path
) -> None:
    await hammer(runtime, settings, server, tmp_path, examples=100, seeds=[1, 2, 3])


async def hammer(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, folder: Path, *, examples: int, seeds: list[int]
) -> None:
    token, known = await seeded(runtime)
    with serving(settings, server, folder) as live:
        for seed in seeds:
            run(live.url, token, known, folder, contract="followups", operations=29, examples=examples, seed=seed)


def run(
    url: str,
    token: str,
    known: dict[str, list[str]],
    folder: Path,
    *,
    contract: str,
    operations: int,
    examples: int,
    seed: int,
) -> None:
    report = folder / f"report-{seed}.json"
    # One worker: Python 3.11's compiler, which it asks again and again, miscounts in threads (python/cpython#106905).
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIG), "run",
            str(CONTRACTS / f"{contract}.json"), "--url", url,
            "--checks", "all", "--max-examples", str(examples), "--seed", str(seed), "--workers", "1",
            "--header", f"Authorization: Bearer {token}", "--continue-on-failure", "--no-color",
            "--generation-database", "none", "--report-json-path", str(report),
        ],
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "KNOWN_IDS": json.dumps(known)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    summary = done.stdout[done.stdout.find("= SUMMARY") :]
    print(f"\n{contract}, seed {seed}:\n{summary}")
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert re.search(rf"Tested: +{operations}", summary), summary


async def seeded(runtime: Runtime) -> tuple[str, dict[str, list[str]]]:
    """A workspace with something behind every id; requests are given these now and then."""
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    emails = [await make_message(runtime, mailbox, subject=f"Proposal {number}") for number in range(40)]
    sequences = [await make_sequence(runtime, ada) for _ in range(20)]
    enrollments = [await make_enrollment(runtime, ada, email, sequences[0]) for email in emails[:20]]
    return ada.access_token, {
        "emailId": [str(each.id) for each in emails],
        "sequenceId": [str(each.id) for each in sequences],
        "enrollmentId": [str(each.id) for each in enrollments],
    }
