"""Grants: renewed once whoever asks, never lost with a process, and ended for good."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from outrider.core.clock import now
from outrider.core.embedded import EmbeddedServer
from outrider.domain.grants import actions, jobs
from outrider.domain.grants.models import Grant, State
from outrider.domain.mailboxes import connections
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.mailboxes.models import State as MailboxState
from outrider.providers.mail.interface import ConnectFailed
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.factories.accounts import Someone, make_user
from tests.factories.google import connect_gmail, google_runtime, google_urls
from tests.factories.outlook import connect_outlook, outlook_runtime
from tests.live import environment
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google
from tests.stand_ins.graph_mail import Mail
from tests.stand_ins.microsoft import CLIENT_ID as MICROSOFT_ID
from tests.stand_ins.microsoft import CLIENT_SECRET as MICROSOFT_SECRET
from tests.stand_ins.microsoft import Microsoft

ROOT = Path(__file__).parents[3]
RENEWER = Path(__file__).with_name("renewer.py")


async def start(runtime: Runtime, google: Google) -> tuple[Someone, Mailbox]:
    ada = await make_user(runtime)
    return ada, await connect_gmail(runtime, google, ada)


@pytest.fixture
async def with_microsoft(settings: Settings, database: Addresses, microsoft: Microsoft) -> AsyncIterator[Runtime]:
    async with outlook_runtime(settings, database, microsoft) as opened:
        yield opened


async def start_outlook(runtime: Runtime, microsoft: Microsoft) -> tuple[Someone, Mailbox]:
    ada = await make_user(runtime)
    return ada, await connect_outlook(runtime, microsoft, Mail(microsoft), ada)


async def expire(runtime: Runtime, ada: Someone) -> None:
    async with runtime.db.begin(ada.scope) as db:
        await db.execute(update(Grant).values(expires_at=now() - timedelta(minutes=1)))


async def grant_of(runtime: Runtime, ada: Someone) -> Grant | None:
    async with runtime.db.begin(ada.scope) as db:
        found: Grant | None = await db.scalar(select(Grant))
        return found


async def token(runtime: Runtime, mailbox: Mailbox, **options: str) -> str:
    assert mailbox.grant_id is not None
    return (await actions.access_token(runtime, mailbox.workspace_id, mailbox.grant_id, **options))[0]


async def test_a_token_that_holds_is_not_renewed(connected: Runtime, google: Google) -> None:
    _, mailbox = await start(connected, google)
    assert await token(connected, mailbox) in google.access
    assert google.count("/token") == 0


async def test_50_workers_at_expiry_make_one_call(
    settings: Settings, database: Addresses, connected: Runtime, google: Google
) -> None:
    ada, mailbox = await start(connected, google)
    await expire(connected, ada)
    google.refresh_delay = 0.3
    async with google_runtime(settings, database, google) as other:
        got = await asyncio.gather(*(token((connected, other)[number % 2], mailbox) for number in range(50)))
    print(f"\n50 askers in 2 processes' worth of pools: {google.count('/token')} renewals, {len(set(got))} token")
    assert google.count("/token") == 1
    assert len(set(got)) == 1


async def test_50_workers_at_expiry_of_a_microsoft_token_make_one_call(
    settings: Settings, database: Addresses, with_microsoft: Runtime, microsoft: Microsoft
) -> None:
    ada, mailbox = await start_outlook(with_microsoft, microsoft)
    await expire(with_microsoft, ada)
    microsoft.refresh_delay = 0.3
    async with outlook_runtime(settings, database, microsoft) as other:
        got = await asyncio.gather(*(token((with_microsoft, other)[number % 2], mailbox) for number in range(50)))
    print(f"\n50 askers in 2 processes' worth of pools: {microsoft.count('/token')} renewals, {len(set(got))} token")
    assert microsoft.count("/token") == 1
    assert len(set(got)) == 1


async def test_the_newest_refresh_token_of_microsoft_is_the_one_that_is_used(
    with_microsoft: Runtime, microsoft: Microsoft
) -> None:
    ada, mailbox = await start_outlook(with_microsoft, microsoft)
    microsoft.voids_old = True
    for _ in range(3):
        await expire(with_microsoft, ada)
        await token(with_microsoft, mailbox)
    assert sorted(microsoft.refreshes.values()) == [1, 1, 1]


async def test_a_token_the_server_refuses_is_renewed_once_for_all(connected: Runtime, google: Google) -> None:
    _, mailbox = await start(connected, google)
    old = await token(connected, mailbox)
    got = await asyncio.gather(*(token(connected, mailbox, refused=old) for _ in range(10)))
    assert google.count("/token") == 1
    assert set(got) != {old}


async def test_a_new_refresh_token_is_stored_before_the_access_token_is_used(
    connected: Runtime, google: Google
) -> None:
    ada, mailbox = await start(connected, google)
    google.rotates = True
    for _ in range(3):
        await expire(connected, ada)
        await token(connected, mailbox)
    assert google.count("/token") == 3


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.faults)])
async def test_a_kill_around_the_answer_and_its_commit_leaves_the_mailbox_alive(
    settings: Settings, database: Addresses, server: EmbeddedServer, connected: Runtime, google: Google, kills: int
) -> None:
    """As Google does: the old refresh token goes on being good."""
    ada, mailbox = await start(connected, google)
    variables = {name.upper(): value for name, value in google_urls(google).items()}
    variables |= {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET}
    dead = await dead_after_kills(connected, ada, mailbox, google, environment(settings, server, **variables), kills)
    assert dead == 0


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.faults)])
async def test_a_kill_while_microsoft_gives_a_new_refresh_token_leaves_the_mailbox_alive(
    settings: Settings, server: EmbeddedServer, with_microsoft: Runtime, microsoft: Microsoft, kills: int
) -> None:
    """As Microsoft does: each answer has a new refresh token, and the one before is not revoked."""
    ada, mailbox = await start_outlook(with_microsoft, microsoft)
    variables = {
        "MICROSOFT_LOGIN_URL": microsoft.url, "MICROSOFT_GRAPH_URL": microsoft.url,
        "MICROSOFT_CLIENT_ID": MICROSOFT_ID, "MICROSOFT_CLIENT_SECRET": MICROSOFT_SECRET,
    }  # fmt: skip
    environ = environment(settings, server, **variables)
    assert await dead_after_kills(with_microsoft, ada, mailbox, microsoft, environ, kills) == 0
    assert len(microsoft.grants) > kills, "there was a new one each time"


async def dead_after_kills(
    runtime: Runtime,
    ada: Someone,
    mailbox: Mailbox,
    provider: Google | Microsoft,
    environ: dict[str, str],
    kills: int,
) -> int:
    """Kills a process each time it renews, and counts how often nobody can renew afterwards."""
    dead = 0
    for number in range(kills):
        await expire(runtime, ada)
        # In turn: while the answer is awaited, and right after it was given.
        provider.refresh_delay = 0.4 if number % 2 else 0.0
        asked, given = provider.count("/token"), len(provider.access)
        process = subprocess.Popen(
            [sys.executable, str(RENEWER), str(mailbox.workspace_id), str(mailbox.grant_id)], env=environ, cwd=ROOT
        )
        while (provider.count("/token") == asked) if number % 2 else (len(provider.access) == given):
            assert process.poll() is None, "the drill did not fire"
            await asyncio.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        async with runtime.db.begin(ada.scope) as db:  # the claim of the dead one runs out
            ran_out = now() - timedelta(seconds=1)
            await db.execute(update(Grant).where(Grant.refreshing_until.is_not(None)).values(refreshing_until=ran_out))
        try:
            await token(runtime, mailbox)
        except ConnectFailed:
            dead += 1
    print(f"\n{kills} kills around answer and commit: {dead} dead mailboxes")
    return dead


async def test_a_withdrawn_permission_is_told_once_and_never_asked_for_again(
    connected: Runtime, google: Google
) -> None:
    ada, mailbox = await start(connected, google)
    google.withdraw(ada.user.email)
    await told_once(connected, ada, mailbox, google)


async def test_a_permission_withdrawn_at_microsoft_is_told_once_and_never_asked_for_again(
    with_microsoft: Runtime, microsoft: Microsoft
) -> None:
    ada, mailbox = await start_outlook(with_microsoft, microsoft)
    microsoft.withdraw(ada.user.email)
    reason = await told_once(with_microsoft, ada, mailbox, microsoft)
    assert "AADSTS70000" in reason


async def told_once(runtime: Runtime, ada: Someone, mailbox: Mailbox, provider: Google | Microsoft) -> str:
    await expire(runtime, ada)
    for _ in range(5):
        with pytest.raises(ConnectFailed) as caught:
            await token(runtime, mailbox)
        assert caught.value.is_terminal
        async with runtime.db.begin(ada.scope) as db:
            await connections.mark_failed(db, mailbox, caught.value)
    async with runtime.db.begin(ada.scope) as db:
        told = await db.scalar(text("select count(*) from events where name = 'mailbox.needs_reconnect'"))
        state = await db.scalar(select(Mailbox.state))
    grant = await grant_of(runtime, ada)
    assert grant is not None
    assert (grant.state, grant.refresh_token, grant.access_token) == (State.DEAD, None, None)
    assert (told, state, provider.count("/token")) == (1, MailboxState.REAUTH_REQUIRED, 1)
    return grant.reason or ""


@pytest.mark.parametrize(("status", "reason"), [(500, ""), (503, ""), (429, "rate"), (401, "invalid_client")])
async def test_what_is_not_the_owners_fault_passes(
    connected: Runtime, google: Google, status: int, reason: str
) -> None:
    ada, mailbox = await start(connected, google)
    await expire(connected, ada)
    google.fail("/token", status, reason=reason)
    with pytest.raises(ConnectFailed) as caught:
        await token(connected, mailbox)
    assert not caught.value.is_terminal
    assert await token(connected, mailbox) in google.access


async def test_a_grant_given_up_is_revoked_and_erased(connected: Runtime, google: Google) -> None:
    ada, mailbox = await start(connected, google)
    async with connected.db.begin(ada.scope) as db:
        grant_id = await connections.disconnect(db, await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))
    assert grant_id is not None
    with pytest.raises(ConnectFailed, match="ended"):
        await token(connected, mailbox)
    assert await actions.revoke(connected, ada.workspace_id, grant_id)
    assert all(each.is_revoked for each in google.grants.values())
    assert await grant_of(connected, ada) is None
    assert await actions.revoke(connected, ada.workspace_id, grant_id), "doing it again does nothing"
    assert google.count("/revoke") == 1


async def test_a_provider_that_does_not_hear_of_the_end_is_told_again_and_the_token_goes_at_last(
    connected: Runtime, google: Google
) -> None:
    ada, mailbox = await start(connected, google)
    async with connected.db.begin(ada.scope) as db:
        grant_id = await connections.disconnect(db, await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))
    assert grant_id is not None
    google.fail("/revoke", 503, times=10)
    for attempt in range(1, len(actions.REVOKE_AGAIN) + 1):
        assert await grant_of(connected, ada) is not None
        await jobs.revoke(connected, workspace_id=ada.workspace_id, grant_id=grant_id, attempt=attempt)
    assert await grant_of(connected, ada) is None
    assert google.count("/revoke") == len(actions.REVOKE_AGAIN)


async def test_no_token_is_readable_in_the_database_or_the_audit_trail(connected: Runtime, google: Google) -> None:
    ada, mailbox = await start(connected, google)
    secrets = [*google.grants, await token(connected, mailbox)]
    async with connected.db.begin(ada.scope) as db:
        stored = [
            str(row) for table in ("grants", "mailboxes", "audit_entries", "events")
            for row in await db.execute(text(f"select t::text, encode(convert_to(t::text, 'utf8'), 'escape') from {table} t"))
        ]  # fmt: skip
    assert len(stored) >= 5
    assert [each for each in secrets for row in stored if each in row] == []


async def test_nobody_sees_a_grant_of_another_workspace(connected: Runtime, google: Google) -> None:
    _, mailbox = await start(connected, google)
    eve = await make_user(connected)
    assert mailbox.grant_id is not None
    with pytest.raises(ConnectFailed):
        await actions.access_token(connected, eve.workspace_id, mailbox.grant_id)
