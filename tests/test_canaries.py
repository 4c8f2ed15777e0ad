"""Secrets put through everything come out nowhere: not in the database, the answers, the log or the figures."""

import asyncio
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from outrider.core.embedded import EmbeddedServer
from outrider.core.migrations import _as_owner
from outrider.core.tokens import new_secret
from outrider.runtime import Runtime
from outrider.settings import Settings
from tests.factories.accounts import PASSWORD, make_user
from tests.live import serving
from tests.real.mail_servers import MailServers
from tests.real.test_main_job import connection, sent

pytestmark = pytest.mark.real

CANARIES = 50


async def test_no_canary_is_seen_again(
    runtime: Runtime, settings: Settings, server: EmbeddedServer, mail: MailServers, tmp_path: Path
) -> None:
    secrets = [f"canary{number:02d}{new_secret()[:24]}" for number in range(CANARIES)]
    answers: list[str] = []
    address = f"canary{time.monotonic_ns()}@a.test"
    mail.add_user(address)
    mail.append(address, "Sent", sent(address, "bob@b.test"))
    ada = await make_user(runtime, email=address)
    assert settings.jwt_secret is not None
    assert settings.encryption_keys is not None
    # These work, and are stored: they are looked for with those that don't.
    working = [mail.password(address), PASSWORD, settings.jwt_secret.get_secret_value()]
    working += settings.encryption_keys.get_secret_value().split(":")[1:]
    with serving(settings, server, tmp_path, OUTRIDER_LOG_LEVEL="DEBUG", OUTRIDER_CA_FILE=str(mail.ca_file)) as live:
        async with httpx2.AsyncClient(base_url=live.url, timeout=60) as client:

            async def call(method: str, path: str, **options: object) -> httpx2.Response:
                answer = await client.request(method, path, **options)  # type: ignore[arg-type]
                answers.append(answer.text + str(answer.headers))
                return answer

            signed = (
                await client.post(
                    "/auth/connect", json={"provider": "password", "email": address, "password": PASSWORD}
                )
            ).json()
            working += [signed["refreshToken"], signed["accessToken"]]
            bearer = {"Authorization": f"Bearer {signed['accessToken']}"}
            good = connection(mail, address, mail.password(address))
            await call("POST", "/auth/connect", json=good, headers=bearer)
            own = {**good, "port": mail.ports["imaps"]}
            # All at once: a server takes its time to refuse a password.
            await asyncio.gather(
                *(_spend(call, number, secret, own, address, bearer) for number, secret in enumerate(secrets))
            )
            for path in ("/auth/status", "/emails/sent", "/user/profile", "/metrics", "/sequences", "/schedules"):
                await call("GET", path, headers=bearer)
            await call("POST", "/sync", headers=bearer)
            time.sleep(2)  # the worker in the server reads the mailbox meanwhile
        log = live.log.read_text()
    stored = await everything_stored(server)
    sought = [*secrets, *working]
    seen = {
        "answers": [each for each in sought if each in "\n".join(answers)],
        "database": [each for each in sought if each in stored],
        "log": [each for each in sought if each in log],
    }
    print(f"\n{len(sought)} secrets: " + ", ".join(f"{len(found)} in {place}" for place, found in seen.items()))
    assert len(sought) > CANARIES
    assert len(log) > 10_000, "the log was on"
    assert ada.user.email in stored, "the dump is a dump"
    assert {place: found for place, found in seen.items() if found} == {}


async def _spend(call, number: int, secret: str, good: dict, address: str, bearer: dict) -> None:  # type: ignore[no-untyped-def,type-arg]
    """Puts a secret wherever one can be put, in turn."""
    match number % 6:
        case 0:
            await call("POST", "/auth/connect", json={"provider": "password", "email": address, "password": secret})
        case 1:
            await call("POST", "/auth/connect", json={**good, "password": secret}, headers=bearer)
        case 2:
            await call("POST", "/auth/refresh", json={"refreshToken": secret})
        case 3:
            await call("GET", "/user/profile", headers={"Authorization": f"Bearer {secret}"})
        case 4:
            await call("GET", "/user/profile", headers={"X-API-Key": f"out_live_{secret}"})
        case 5:
            body = {**good, "password": None, "accessToken": secret}
            await call("POST", "/auth/connect", json=body, headers=bearer)


async def everything_stored(server: EmbeddedServer) -> str:
    """Every row of every table as text, read by the superuser, whom no wall holds."""
    url = server.admin_url.replace("/postgres?", "/outrider?")

    def dump(connection) -> str:  # type: ignore[no-untyped-def]
        tables = connection.execute(
            text("select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
                 " where schemaname = 'public'")
        ).scalars()  # fmt: skip
        return "\n".join(
            str(row[0]) for table in tables for row in connection.execute(text(f"select t::text from {table} t"))
        )

    return await _as_owner(url, dump)
