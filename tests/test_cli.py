"""The operator's commands, as processes on the tests' database."""

import asyncio
import json
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.domain.accounts import sessions
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.sending import holding
from outrider.domain.sending.models import Hold
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence
from tests.live import environment
from tests.real.mail_servers import MailServers

OUTRIDER = str(Path(sys.executable).parent / "outrider")
COMMANDS = [
    ["serve"], ["worker"], ["migrate"], ["doctor"], ["keys"], ["routes"], ["demo"], ["why"],
    ["user", "create"], ["user", "sessions"], ["user", "keys"], ["mailbox", "connect"],
    ["mailbox", "list"], ["mailbox", "limit"], ["mailbox", "resume"], ["footer"], ["tracking"],
    ["suppression", "list"], ["suppression", "add"], ["suppression", "lift"], ["dkim", "create"], ["dkim", "activate"],
    ["contacts", "search"], ["contacts", "show"], ["contacts", "edit"], ["contacts", "merge"], ["contacts", "unmerge"],
    ["contacts", "duplicates"], ["contacts", "export"], ["contacts", "erase"], ["consent"], ["retention"],
    ["audit", "verify"], ["audit", "heads"],
]  # fmt: skip


class Operator:
    """Runs commands beside the tests."""

    def __init__(self, settings: Settings, server: EmbeddedServer, folder: Path, **extra: str) -> None:
        self.environment, self.folder = environment(settings, server, **extra), folder

    async def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        done = await asyncio.to_thread(
            subprocess.run,
            [OUTRIDER, *arguments],
            env=self.environment, cwd=self.folder, input=typed, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done


@pytest.fixture
def operator(settings: Settings, server: EmbeddedServer, database: Any, tmp_path: Path) -> Operator:
    return Operator(settings, server, tmp_path)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_every_commands_help_has_an_example(operator: Operator, command: list[str]) -> None:
    shown = await operator.run(*command, "--help")
    assert shown.returncode == 0
    assert re.search(rf"Example:.*outrider {' '.join(command)}", re.sub(r"\s+", " ", shown.stdout))


async def test_every_command_is_listed_here(operator: Operator) -> None:
    shown = (await operator.run("--help")).stdout
    named = set(re.findall(r"^│ ([a-z]+) ", shown, re.MULTILINE))
    assert named == {command[0] for command in COMMANDS}


async def test_routes_say_what_they_need(operator: Operator) -> None:
    rows = json.loads((await operator.run("routes", "--json")).stdout)
    assert {tuple(sorted(row)) for row in rows} == {("method", "needs", "path", "surface")}
    assert [row for row in rows if not row["needs"]] == []
    assert {
        "surface": "Outrider follow-ups",
        "method": "POST",
        "path": "/enrollments",
        "needs": "enrollments:write",
    } in [*rows]


async def test_a_user_is_created_once(operator: Operator) -> None:
    email = f"ada{time.monotonic_ns()}@lovelace.example"
    first = await operator.run("user", "create", email, "--access-key", typed=PASSWORD + "\n")
    assert first.returncode == 0, first.stderr
    assert re.search(r"Access key \(shown once\): \S+", first.stdout)
    again = await operator.run("user", "create", email, typed=PASSWORD + "\n")
    assert again.returncode == 1
    assert email in again.stderr


async def test_a_weak_password_is_refused_with_the_reason(operator: Operator) -> None:
    refused = await operator.run("user", "create", "eve@lovelace.example", typed="password\n")
    assert refused.returncode == 1
    assert "password" in refused.stderr.lower()


async def test_sessions_are_listed_and_ended(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    listed = (await operator.run("user", "sessions", ada.user.email)).stdout
    [session] = re.findall(r"^([0-9a-f-]{36})", listed, re.MULTILINE)
    assert "ended" in (await operator.run("user", "sessions", ada.user.email, "--revoke", session)).stdout
    assert "not signed in anywhere" in (await operator.run("user", "sessions", ada.user.email)).stdout
    async with runtime.db.begin(ada.scope) as db:
        stored = await db.get_one(sessions.Session, (ada.workspace_id, session))
    assert stored.revoked_reason == "Ended by the operator."


async def test_access_keys_are_made_listed_and_revoked(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    made = (await operator.run("user", "keys", ada.user.email, "--create", "night import")).stdout
    plaintext = re.search(r"shown once\): (\S+)", made)
    assert plaintext is not None
    listed = (await operator.run("user", "keys", ada.user.email)).stdout
    assert "night import  never used" in listed
    assert plaintext[1] not in listed
    [key] = re.findall(r"^([0-9a-f-]{36})", listed, re.MULTILINE)
    assert "revoked" in (await operator.run("user", "keys", ada.user.email, "--revoke", key)).stdout
    assert "no access keys" in (await operator.run("user", "keys", ada.user.email)).stdout


async def test_why_names_the_reason_and_the_next_try(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    enrollment = await make_enrollment(
        runtime, ada, await make_message(runtime, mailbox), await make_sequence(runtime, ada)
    )
    said = (await operator.run("why", ada.user.email, str(enrollment.id))).stdout
    assert "follow_up_delay_not_met" in said
    assert "next try: 2" in said
    nothing = await operator.run("why", ada.user.email, str(ada.user.id))
    assert nothing.returncode == 1
    assert "no enrollment, schedule or sequence" in nothing.stderr


async def test_an_unknown_user_is_told_how_to_be_made(operator: Operator) -> None:
    refused = await operator.run("user", "sessions", "nobody@lovelace.example")
    assert refused.returncode == 1
    assert "outrider user create nobody@lovelace.example" in refused.stderr


@pytest.mark.real
async def test_a_mailbox_is_connected_and_the_doctor_sees_it_answer(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    operator = Operator(settings, server, tmp_path, OUTRIDER_CA_FILE=str(mail.ca_file))
    address = f"ada{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    await make_user(runtime, email=address)
    connect = [
        "mailbox", "connect", address, "--host", mail.host, "--port", str(mail.ports["imaps"]),
        "--smtp-host", mail.host, "--smtp-port", str(mail.ports["smtps"]),
        "--security", "tls", "--smtp-security", "tls",
    ]  # fmt: skip
    wrong = await operator.run(*connect, typed="not this one\n")
    assert wrong.returncode == 1
    assert "password" in wrong.stderr
    done = await operator.run(*connect, typed=mail.password(address) + "\n")
    assert done.returncode == 0, done.stderr
    examined = await operator.run("doctor")
    assert f"ok    mailbox      {address}: both servers answer" in examined.stdout
    mail.reset(address)


async def test_the_doctor_says_what_to_do_about_a_server_that_is_gone(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    async with runtime.db.begin() as db:  # what other tests have set aside on purpose
        await db.execute(text("delete from pgqueuer where status = 'failed'"))
    examined = await operator.run("doctor")
    assert examined.returncode == 1
    lines = examined.stdout.splitlines()
    [red] = [number for number, line in enumerate(lines) if line.startswith("FAIL") and ada.user.email in line]
    assert "→" in lines[red + 1]
    for subject in ("database", "migrations", "roles", "keys", "rotation", "clock", "jobs"):
        assert any(line.startswith("ok") and subject in line for line in lines), subject
    async with runtime.db.begin(ada.scope) as db:
        await db.delete(await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))


async def test_a_held_mailbox_is_the_reason_of_every_row_in_it(runtime: Runtime, operator: Operator) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    send = await make_send(runtime, ada, mailbox, email, origin="sequence", origin_id=enrollment.id)
    async with runtime.db.begin(ada.scope) as db:
        await holding.hold(db, [((mailbox.workspace_id, mailbox.id), now() + timedelta(hours=3))], why=Hold.DAILY_LIMIT)
    said = (await operator.run("why", ada.user.email, str(send.id))).stdout
    assert "account_daily_limit_met" in said
