"""The main job before your eyes: four people are followed up, each behaves differently, a table tells what happened.

Everything is the real system on a real path; only the clock that says what is due runs fast.
"""

import asyncio
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import typer
import uvicorn
from aiosmtplib import SMTP

from outrider import worker
from outrider.core import log
from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.demo import calls, contacts, leads
from outrider.demo.servers import ADA, AWAY, GONE, GRACE, HOST, PASSWORD, SILENT, MailSystem, free_port
from outrider.domain.accounts import actions as accounts
from outrider.main import create_app
from outrider.runtime import Runtime
from outrider.settings import Settings, load
from outrider.starting import running

DAY_SECONDS = 4  # how long a day of the demonstration takes
ABSENCE = timedelta(days=3)
PATIENCE = 50.0
NAMES = {GRACE: "Grace Hopper", AWAY: "Alan Turing", SILENT: "Emmy Noether", GONE: "Ada's old contact"}


@dataclass(frozen=True, slots=True)
class Expected:
    """How an enrolment must end, and how many follow-ups its recipient's server must have been given."""

    status: str
    follow_ups: int
    does: str


EXPECTED = {
    GRACE: Expected("replied", 1, "answers"),
    GONE: Expected("bounced", 1, "bounces"),
    AWAY: Expected("completed", 2, "is out of office"),
    SILENT: Expected("completed", 2, "stays silent"),
}


async def run() -> bool:
    """Returns whether all of it went as it should."""
    began = time.monotonic()
    folder = _new_folder()
    try:
        settings = _settings(folder)
        log.configure("ERROR", json=False)
        _say("Starting PostgreSQL, the API, a worker and two mailboxes …")
        async with running(settings, name="outrider-demo") as runtime:
            system = MailSystem(back_on=lambda: runtime.clock.at(now()).date() + ABSENCE)
            async with system, _serving(runtime, settings):
                brought, outcome = await _follow_up(runtime, settings, system)
        is_well = _table(outcome, system) and brought
        _say(f"{'All as it should be' if is_well else 'NOT as it should be'}, in {time.monotonic() - began:.0f} s.")
        return is_well
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _follow_up(
    runtime: Runtime, settings: Settings, system: MailSystem
) -> tuple[bool, dict[str, dict[str, Any]]]:
    """Returns whether the contacts came in as they should, and what became of each enrolment."""
    async with runtime.db.begin(Scope(actor="demo")) as db:
        await accounts.create_user(db, email=ADA, password=PASSWORD * 2, name="Ada Lovelace")
    async with httpx2.AsyncClient(base_url=settings.public_url, timeout=30) as http:
        signed = await _call(http, "POST", "/auth/connect", provider="password", email=ADA, password=PASSWORD * 2)
        http.headers["Authorization"] = f"Bearer {signed['accessToken']}"
        brought = await contacts.bring_in(http, _say)
        for recipient in EXPECTED:
            await system.put(ADA, "Sent", _first_mail(recipient).as_bytes())
        await leads.deliver(system)
        await _call(
            http, "POST", "/auth/connect",
            provider="imap", host=HOST, port=system.imap_ports[ADA], security="none", username=ADA, password=PASSWORD,
            name="Ada Lovelace", smtpHost=HOST, smtpPort=system.smtp_port, smtpSecurity="none",
        )  # fmt: skip
        _say("Connected Ada's mailbox over IMAP and SMTP; both servers were verified.")
        brought = await leads.harvest(http, _say) and brought
        emails = await _until(lambda: _sent(http), lambda found: len(found) == len(EXPECTED))
        sequence = await _call(
            http, "POST", "/sequences", name="After the demo",
            steps=[
                {"delayDays": 2, "body": "Hi {{ recipient.firstName | default: 'there' }}, any thoughts?"},
                {"delayDays": 2, "body": "I will leave it here. If it becomes interesting, just answer."},
            ],
        )  # fmt: skip
        for email in emails:
            await _call(http, "POST", "/enrollments", emailId=email["id"], sequenceId=sequence["id"])
        _say(
            f"Enrolled {len(emails)} sent emails: follow-ups after two days and two more. A day takes {DAY_SECONDS} s."
        )
        answering = asyncio.create_task(_answer_once(system))
        try:
            outcome = await _watch(http)
            return await calls.ring(runtime, http, system, _say) and brought, outcome
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering


async def _watch(http: httpx2.AsyncClient) -> dict[str, dict[str, Any]]:
    """Tells what changes until every enrolment has ended."""
    told: dict[str, tuple[str, int]] = {}
    deadline = time.monotonic() + PATIENCE
    while True:
        page = await _call(http, "GET", "/enrollments")
        found = {each["recipientEmail"]: each for each in page["data"]}
        for recipient, each in found.items():
            state = (each["status"], each["currentStep"])
            if told.get(recipient, ("active", 0)) != state:
                _say(f"{NAMES[recipient]:<18} {each['status']:<10} {each['currentStep']} of {each['totalSteps']} sent")
            told[recipient] = state
        if all(each["status"] != "active" for each in found.values()) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.3)


async def _answer_once(system: MailSystem) -> None:
    """Grace reads her mailbox and answers the first follow-up, as a person does."""
    while True:
        follow_up = next(
            (mail for mail in await system.inbox(GRACE) if mail["From"] and ADA in str(mail["From"])), None
        )
        if follow_up is not None:
            break
        await asyncio.sleep(0.3)
    answer = EmailMessage()
    answer["From"], answer["To"], answer["Subject"] = GRACE, ADA, str(follow_up["Subject"])
    answer["In-Reply-To"] = answer["References"] = str(follow_up["Message-ID"])
    answer["Message-ID"], answer["Date"] = make_msgid(domain="demo.test"), format_datetime(datetime.now(UTC))
    answer.set_content("Yes, let us talk on Thursday.\n\nGrace")
    async with SMTP(hostname=HOST, port=system.smtp_port, start_tls=False) as smtp:
        await smtp.login(GRACE, PASSWORD)
        await smtp.send_message(answer)


def _first_mail(recipient: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        f"Ada Lovelace <{ADA}>",
        f"{NAMES[recipient]} <{recipient}>",
        "A proposal",
    )
    mail["Message-ID"], mail["Date"] = make_msgid(domain="demo.test"), format_datetime(datetime.now(UTC))
    mail.set_content("Would the analytical engine help you?")
    return mail


def _table(outcome: dict[str, dict[str, Any]], system: MailSystem) -> bool:
    """Prints what happened to each and why; False if anything differs from what must be."""
    is_well = True
    _say("")
    _say(f"{'recipient':<19}{'who':<18}{'status':<11}{'follow-ups':<12}why")
    for recipient, expected in EXPECTED.items():
        each = outcome.get(recipient, {"status": "missing", "stopReason": None})
        given = len({mail["Message-ID"] for mail in system.received[recipient]})
        doubled = len(system.received[recipient]) - given
        is_right = each["status"] == expected.status and given == expected.follow_ups and not doubled
        if recipient == AWAY and is_right:
            is_right = _left_after_return(system)
        is_well = is_well and is_right
        why = each["stopReason"] or ""
        _say(
            f"{NAMES[recipient]:<19}{expected.does:<18}{each['status']:<11}{given:<12}{why}",
            fg="green" if is_right else "red",
        )
    return is_well


def _left_after_return(system: MailSystem) -> bool:
    """The second follow-up to the absent one is dated past the day they said they would be back."""
    first, second = (_day(mail["Date"]) for mail in system.received[AWAY])
    return second >= first + ABSENCE


def _day(header: str) -> date:
    return parsedate_to_datetime(header).date()


async def _sent(http: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await _call(http, "GET", "/emails/sent"))["data"]
    return found


async def _until(look: Any, is_done: Any) -> Any:
    async with asyncio.timeout(30):
        while not is_done(found := await look()):  # noqa: ASYNC110  # what is waited for happens elsewhere
            await asyncio.sleep(0.2)
    return found


async def _call(http: httpx2.AsyncClient, method: str, path: str, **body: Any) -> Any:
    response = await http.request(method, path, json=body or None)
    if response.is_error:
        raise RuntimeError(f"{method} {path} answered {response.status_code}: {response.text}")
    return response.json()


class _serving:  # noqa: N801  # used like a function
    """Runs the API and a worker beside the demonstration."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        config = uvicorn.Config(
            create_app(runtime), host=HOST, port=settings.port, log_config=None, access_log=False, lifespan="off"
        )
        self._server, self._runtime, self._stop = uvicorn.Server(config), runtime, asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [
            asyncio.create_task(self._server.serve()),
            asyncio.create_task(worker.run(self._runtime, self._stop)),
        ]
        await _until(self._is_started, bool)

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        self._server.should_exit = True
        await asyncio.gather(*self._tasks)

    async def _is_started(self) -> bool:
        return self._server.started


def _new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="outr-demo-"))
    folder.chmod(0o755)  # PostgreSQL runs as its own user when we are root
    return folder


def _settings(folder: Path) -> Settings:
    return load(
        OUTRIDER_DATA_DIR=folder,
        OUTRIDER_PORT=free_port(),
        OUTRIDER_EGRESS_ALLOW=(HOST,),
        OUTRIDER_UNENCRYPTED_MAIL_HOSTS=(HOST,),
        OUTRIDER_CLOCK_RATE=86_400 / DAY_SECONDS,
        OUTRIDER_SYNC_EVERY="2s",  # the small IMAP server misses a push now and then
        DATABASE_URL=None,
        _env_file=None,
    )


def _say(text: str, *, fg: str | None = None) -> None:
    typer.secho(text, fg=fg)
