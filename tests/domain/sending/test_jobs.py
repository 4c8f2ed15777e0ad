"""The pump: many mailboxes at once, none held up by another."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from sqlalchemy import func, select

from outrider.core.clock import now
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.domain.sending import jobs, rules
from outrider.domain.sending.models import Hold, MailboxPace, Send, State, Waiting
from outrider.runtime import Runtime, open_runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user, retire
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send


class Sink:
    """Takes mail; remembers when and for whom."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, str]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append((time.monotonic(), envelope.rcpt_tos[0]))
        return "250 2.0.0 taken"


@asynccontextmanager
async def listening(sink: Sink) -> AsyncIterator[int]:
    def let_in(*_: object) -> AuthResult:
        return AuthResult(success=True)

    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, authenticator=let_in, auth_require_tls=False, hostname="sink.test"), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def tarpit() -> AsyncIterator[int]:
    """Greets, and then says one byte every ten seconds."""
    stuck: set[asyncio.Task[None]] = set()

    async def crawl(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        stuck.add(task)
        writer.write(b"220 tar.test\r\n")
        for byte in b"250-tar.test one moment please":
            await asyncio.sleep(10)
            writer.write(bytes([byte]))

    server = await asyncio.start_server(crawl, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task in stuck:
            task.cancel()
        server.close()


@asynccontextmanager
async def pumping(settings: Settings, runtime: Runtime, *, at_once: int) -> AsyncIterator[Runtime]:
    own = settings.model_copy(update={"send_concurrency": at_once, "unencrypted_mail_hosts": ("127.0.0.1",)})
    async with open_runtime(own, runtime.db.url, name="pump") as app:
        jobs.lines_of(app).patience = 0.5
        stop = asyncio.Event()

        async def pump() -> None:
            while not stop.is_set():
                await jobs.pump(app)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(pump())
        try:
            yield app
        finally:
            stop.set()
            for line in jobs.lines_of(app).open.values():
                assert line.task is not None
                line.task.cancel()
            await jobs.stop_sending(app)
            await task


async def mailbox_with(runtime: Runtime, owner: Someone, port: int, count: int, name: str = "sender") -> Mailbox:
    mailbox = await make_mailbox(
        runtime, owner, address=f"{name}{time.monotonic_ns()}@a.test", smtp_port=port, security="none"
    )
    email = await make_message(runtime, mailbox)
    for number in range(count):
        await make_send(runtime, owner, mailbox, email, recipient=f"{name}{number}@b.test")
    return mailbox


async def sent(runtime: Runtime, owner: Someone, mailbox_id: UUID) -> int:
    async with runtime.db.begin(owner.scope) as db:
        query = select(func.count()).where(Send.mailbox_id == mailbox_id, Send.state == State.SENT)
        return await db.scalar(query) or 0


async def until_sent(runtime: Runtime, owner: Someone, mailboxes: list[Mailbox], count: int) -> None:
    async with asyncio.timeout(20):
        for mailbox in mailboxes:
            while await sent(runtime, owner, mailbox.id) < count:
                await asyncio.sleep(0.02)


async def test_one_stuck_server_holds_nobody_up(settings: Settings, runtime: Runtime) -> None:
    ada, sink = await make_user(runtime), Sink()
    async with tarpit() as stuck_port, listening(sink) as port:
        stuck = await mailbox_with(runtime, ada, stuck_port, 3, "stuck")
        others = [await mailbox_with(runtime, ada, port, 5, f"free{number}-") for number in range(4)]
        async with pumping(settings, runtime, at_once=1):
            await until_sent(runtime, ada, others, 5)
            assert await sent(runtime, ada, stuck.id) == 0
    await retire(runtime, ada)
    assert len(sink.taken) == 20


async def test_a_crowd_in_one_workspace_delays_no_other(settings: Settings, runtime: Runtime) -> None:
    crowd, other, sink = await make_user(runtime), await make_user(runtime), Sink()
    async with listening(sink) as port:
        many = [await mailbox_with(runtime, crowd, port, 40, f"crowd{number}-") for number in range(6)]
        few = [await mailbox_with(runtime, other, port, 2, f"other{number}-") for number in range(5)]
        began = time.monotonic()
        async with pumping(settings, runtime, at_once=2):
            await until_sent(runtime, other, few, 2)
            waited = sorted(at - began for at, recipient in sink.taken if recipient.startswith("other"))
            left = 240 - sum(recipient.startswith("crowd") for _, recipient in sink.taken)
            await until_sent(runtime, crowd, many, 40)
    print(
        f"\n10 sends beside 240 of another workspace: the last started after {waited[-1]:.2f} s, {left} of those left"
    )
    assert len(waited) == 10
    assert waited[-1] < 5


async def test_a_server_that_is_away_costs_no_attempt_and_says_why(settings: Settings, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await mailbox_with(runtime, ada, 1, 1)
    async with pumping(settings, runtime, at_once=2):
        async with asyncio.timeout(10):
            while True:
                async with runtime.db.begin(ada.scope) as db:
                    send = (await db.scalars(select(Send).where(Send.mailbox_id == mailbox.id))).one()
                if send.waiting_for is Waiting.MAILBOX_DISCONNECTED:
                    break
                await asyncio.sleep(0.02)
        async with runtime.db.begin(ada.scope) as db:
            current = await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id))
    await retire(runtime, ada)
    assert (send.state, send.attempts) == (State.QUEUED, 0)
    assert send.due_at > now()
    assert current.state is MailboxState.UNREACHABLE


async def test_a_server_that_is_away_is_knocked_at_once_for_all_mails_of_a_mailbox(
    settings: Settings, runtime: Runtime
) -> None:
    ada = await make_user(runtime)
    mailbox = await mailbox_with(runtime, ada, 1, 5)
    async with pumping(settings, runtime, at_once=2):
        await asyncio.sleep(2)
    async with runtime.db.begin(ada.scope) as db:
        tried = await db.scalar(select(func.count()).where(Send.waiting_for == Waiting.MAILBOX_DISCONNECTED))
        pace = await db.get_one(MailboxPace, (mailbox.workspace_id, mailbox.id))
    await retire(runtime, ada)
    assert tried == 1
    assert pace.held_for is Hold.UNREACHABLE
    assert pace.held_until is not None
    assert timedelta(seconds=40) < pace.held_until - now() < timedelta(seconds=75)


def test_a_server_is_left_in_peace_ever_longer_but_never_long() -> None:
    minutes = [rules.reconnect_after(failures, draw=0.5).total_seconds() / 60 for failures in (1, 2, 3, 4, 50)]
    assert minutes == [1, 2, 4, 4, 4]
    assert rules.reconnect_after(1, draw=0.0) < rules.reconnect_after(1, draw=1.0)


async def test_a_mail_that_cannot_be_written_fails_and_the_next_one_leaves(
    settings: Settings, runtime: Runtime
) -> None:
    ada, sink = await make_user(runtime), Sink()
    async with listening(sink) as port:
        mailbox = await mailbox_with(runtime, ada, port, 0)
        email = await make_message(runtime, mailbox)
        broken = await make_send(runtime, ada, mailbox, email, recipient="bob@b.test", in_reply_to="<a\r\nBcc: x>")
        await make_send(runtime, ada, mailbox, email, recipient="carol@b.test")
        async with pumping(settings, runtime, at_once=2):
            await until_sent(runtime, ada, [mailbox], 1)
    async with runtime.db.begin(ada.scope) as db:
        failed = await db.get_one(Send, (broken.workspace_id, broken.id))
    assert failed.state is State.FAILED
    assert "can't be written as a mail" in (failed.last_error or "")
    assert [recipient for _, recipient in sink.taken] == ["carol@b.test"]


async def test_a_push_by_a_person_opens_a_line_at_once(settings: Settings, runtime: Runtime) -> None:
    ada, sink = await make_user(runtime), Sink()
    async with listening(sink) as port:
        mailbox = await mailbox_with(runtime, ada, port, 1)
        own = settings.model_copy(update={"unencrypted_mail_hosts": ("127.0.0.1",)})
        async with open_runtime(own, runtime.db.url, name="push") as app:
            await jobs.pump_mailbox(app, workspace_id=mailbox.workspace_id, mailbox_id=mailbox.id)
            await until_sent(runtime, ada, [mailbox], 1)
            await jobs.stop_sending(app)


async def test_results_outlive_a_database_that_is_away(settings: Settings, runtime: Runtime) -> None:
    """The server has taken the mail; that must not be forgotten because the result can't be written just now."""
    ada, sink = await make_user(runtime), Sink()
    async with listening(sink) as port:
        mailbox = await mailbox_with(runtime, ada, port, 30)
        async with pumping(settings, runtime, at_once=2) as app:
            await until_sent(runtime, ada, [mailbox], 5)
            for _ in range(5):
                await app.db.engine.dispose(close=True)
                await asyncio.sleep(0.05)
            await until_sent(runtime, ada, [mailbox], 30)
    assert len(sink.taken) == len({recipient for _, recipient in sink.taken}) == 30
