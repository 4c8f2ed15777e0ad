"""What the doctor finds when something is wrong below the mailboxes; every red line says what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from outrider import doctor
from outrider.core import jobs
from outrider.core.db import Scope, as_asyncpg
from outrider.core.embedded import OWNER, EmbeddedServer
from outrider.core.ids import new_id
from outrider.doctor import Color, Finding
from outrider.domain.mailboxes.models import Mailbox
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings, load, new_secrets
from tests.factories.accounts import make_user
from tests.factories.mailboxes import make_mailbox
from tests.live import environment
from tests.real import redis_server
from tests.stand_ins import zones


@pytest.fixture
def given(settings: Settings, server: EmbeddedServer, database: Addresses, tmp_path: Path) -> dict[str, str]:
    return {**environment(settings, server), "OUTRIDER_DATA_DIR": str(tmp_path)}


async def found_with(given: dict[str, str], **changed: str) -> dict[str, Finding]:
    settings = load(_env_file=None, **{**given, **changed})
    found = {each.subject: each async for each in doctor.findings(settings)}
    assert [each.subject for each in found.values() if each.color is Color.FAIL and not each.cure] == []
    return found


@pytest.fixture
async def empty(server: EmbeddedServer, database: Addresses) -> AsyncIterator[str]:
    """A database that nobody has migrated."""
    admin = create_async_engine(as_asyncpg(server.admin_url), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"create database bare owner {OWNER}"))
        yield server.url(OWNER, "bare")
        await connection.execute(text("drop database bare with (force)"))
    await admin.dispose()


async def test_from_the_ground_up_all_is_well(given: dict[str, str], runtime: Runtime) -> None:
    async with runtime.db.begin() as db:
        await db.execute(text("delete from workers"))  # those whom other tests killed in the last minute
    found = await found_with(given)
    for subject in ("database", "migrations", "roles", "keys", "clock"):
        assert found[subject].color is Color.OK, found[subject]
    assert found["worker"].color is Color.WARN


async def test_a_database_that_is_not_there_ends_the_examination(given: dict[str, str]) -> None:
    found = await found_with(given, DATABASE_URL="postgresql://ada:hidden-word@127.0.0.1:1/nothing")
    assert list(found) == ["database"]
    assert found["database"].color is Color.FAIL
    assert "DATABASE_URL" in found["database"].cure
    assert "hidden-word" not in str(found)


async def test_missing_migrations_are_named_with_their_command(given: dict[str, str], empty: str) -> None:
    found = await found_with(given, DATABASE_URL=empty)
    assert list(found) == ["database", "migrations"]
    assert "0001" in found["migrations"].message
    assert found["migrations"].cure == "Run: outrider migrate"


async def test_an_application_that_passes_the_walls_is_red(given: dict[str, str]) -> None:
    found = await found_with(given, DATABASE_APP_URL=given["DATABASE_URL"])
    assert found["roles"].color is Color.FAIL
    assert OWNER in found["roles"].message


@pytest.fixture
async def connected(runtime: Runtime) -> AsyncIterator[Mailbox]:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    yield mailbox
    async with runtime.db.begin(ada.scope) as db:
        await db.delete(await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))


async def test_another_key_is_red_and_not_shown(given: dict[str, str], connected: Mailbox) -> None:
    other = new_secrets()["OUTRIDER_ENCRYPTION_KEYS"]
    found = await found_with(given, OUTRIDER_ENCRYPTION_KEYS=other)
    assert found["keys"].color is Color.FAIL
    assert found["mailbox"].color is Color.FAIL
    assert "can't be read" in found["mailbox"].message
    assert other not in str(found)


async def test_a_mailbox_whose_password_was_spoilt_is_red(
    given: dict[str, str], runtime: Runtime, connected: Mailbox
) -> None:
    async with runtime.db.begin(Scope(connected.workspace_id)) as db:
        spoilt = await db.get_one(Mailbox, (connected.workspace_id, connected.id))
        assert spoilt.secret is not None
        spoilt.secret = spoilt.secret[:-1] + bytes([spoilt.secret[-1] ^ 1])
    found = [each async for each in doctor.findings(load(_env_file=None, **given))]
    [red] = [each for each in found if connected.address in each.message]
    assert red.color is Color.FAIL
    assert "can't be read" in red.message
    assert "connect the mailbox again" in red.cure


async def test_the_examination_in_words_ends_false_when_anything_is_red(
    given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = load(_env_file=None, **{**given, "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"})
    assert not await doctor.run(nowhere)
    shown = capsys.readouterr().out
    assert shown.startswith("FAIL  database")
    assert "→ Check DATABASE_URL" in shown


async def test_what_receivers_miss_in_the_dns_is_red_with_the_record_to_publish(
    runtime: Runtime, given: dict[str, str]
) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada, address="ada@firm.example")
    zone = {("firm.example", "MX"): ["10 mx.firm.example."], ("firm.example", "TXT"): ['"v=spf1 mx ~all"']}
    async with zones.serving(zone) as (_, (address, port)):
        settings = load(_env_file=None, **{**given, "OUTRIDER_DNS_SERVERS": f"{address}@{port}"})
        found = [each async for each in doctor.findings(settings) if "firm.example" in each.message + each.cure]
    async with runtime.db.begin(ada.scope) as db:
        await db.delete(await db.get_one(Mailbox, (mailbox.workspace_id, mailbox.id)))
    colors = {each.subject: each.color for each in found}
    assert colors["mx"] is Color.OK
    assert (colors["dkim"], colors["dmarc"]) == (Color.FAIL, Color.FAIL)
    assert any("TXT of _dmarc.firm.example: v=DMARC1" in each.cure for each in found)


async def test_jobs_that_were_set_aside_are_counted(runtime: Runtime, given: dict[str, str]) -> None:
    forget = text("delete from pgqueuer where status = 'failed'")
    async with runtime.db.begin() as db:
        await db.execute(forget)  # what other tests have set aside
    assert (await found_with(given))["jobs"].color is Color.OK
    async with runtime.db.begin() as db:
        await jobs.enqueue(db, "pipeline.advance", workspace_id=new_id(), addresses=[], status="contacted")
        await db.execute(text("update pgqueuer set status = 'failed' where id = (select max(id) from pgqueuer)"))
    found = (await found_with(given))["jobs"]
    async with runtime.db.begin() as db:
        await db.execute(forget)
    assert (found.color, found.message) == (Color.WARN, "1 set aside after failing")


async def test_nothing_is_said_of_google_where_nobody_wants_it(given: dict[str, str]) -> None:
    assert "google" not in await found_with(given)


async def test_a_google_project_set_up_by_half_is_told(given: dict[str, str]) -> None:
    alone = await found_with(given, GOOGLE_CLIENT_ID="a.apps.googleusercontent.test")
    assert alone["google"].color is Color.FAIL
    both = {"GOOGLE_CLIENT_ID": "a.apps.googleusercontent.test", "GOOGLE_CLIENT_SECRET": "hidden-word"}
    ready = await found_with(given, **both, NEXT_PUBLIC_BASE_URL="https://outrider.test/")
    assert ready["google"].color is Color.OK
    assert "https://outrider.test/auth/callback" in ready["google"].message
    insecure = await found_with(given, **both, OUTRIDER_ENV="production", NEXT_PUBLIC_BASE_URL="http://outrider.test")
    assert insecure["google"].color is Color.FAIL
    deaf = await found_with(given, **both, GMAIL_TOPIC="projects/a/topics/b")
    assert deaf["google"].color is Color.WARN
    assert "hidden-word" not in str([alone, ready, insecure, deaf])


async def test_an_application_at_microsoft_set_up_by_half_is_told(given: dict[str, str]) -> None:
    assert "microsoft" not in await found_with(given)
    alone = await found_with(given, OUTLOOK_CLIENT_ID="6731de76-14a6-49ae-97bc-6eba6914391e")
    assert alone["microsoft"].color is Color.FAIL
    both = {"MICROSOFT_CLIENT_ID": "6731de76-14a6-49ae-97bc-6eba6914391e", "MICROSOFT_CLIENT_SECRET": "hidden-word"}
    ready = await found_with(given, **both, NEXT_PUBLIC_BASE_URL="https://outrider.test/")
    assert ready["microsoft"].color is Color.OK
    assert "https://outrider.test/auth/callback" in ready["microsoft"].message
    insecure = await found_with(given, **both, OUTRIDER_ENV="production", NEXT_PUBLIC_BASE_URL="http://outrider.test")
    assert insecure["microsoft"].color is Color.FAIL
    assert "hidden-word" not in str([alone, ready, insecure])


async def test_a_redis_that_answers_is_named_and_one_that_does_not_costs_no_more_than_a_warning(
    given: dict[str, str],
) -> None:
    with redis_server.running() as server:
        found = await found_with(given, REDIS_URL=server.url)
        assert found["redis"].color is Color.OK
    found = await found_with(given, REDIS_URL=f"redis://:hidden-word@127.0.0.1:{server.port}/0")
    assert found["redis"].color is Color.WARN
    assert "each process" in found["redis"].message
    assert "hidden-word" not in str(found["redis"])
    assert "redis" not in await found_with(given)
