"""Running the HTTP server, alone or with a worker in its process."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from outrider import worker
from outrider.console.live import Hub
from outrider.core import embedded
from outrider.domain.accounts import queries as accounts
from outrider.main import create_app
from outrider.runtime import Runtime
from outrider.settings import Settings, SettingsError
from outrider.starting import running
from outrider.working import configure_logs, stopping

DRAIN_SECONDS = 10


async def serve(settings: Settings, *, with_worker: bool) -> None:
    """Serves until SIGINT or SIGTERM; open requests and sends under way finish first."""
    configure_logs(settings)
    lock = embedded.hold(settings.data_dir) if settings.is_embedded else None
    try:
        # Taken before anything is started: a port in use is the commonest reason why it can't.
        with listening(settings) as listener:
            await _serve(settings, listener, with_worker=with_worker)
    finally:
        if lock is not None:
            lock.close()


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Binds the port. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. Give another --port or OUTRIDER_PORT."
            ) from None
        yield listener


async def _serve(settings: Settings, listener: socket.socket, *, with_worker: bool) -> None:
    async with running(settings, name="outrider-serve") as runtime:
        stop = stopping()
        hub = Hub(runtime.db, can_listen=not settings.database_pooler)
        server = _Server(
            uvicorn.Config(
                create_app(runtime, hub),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                forwarded_allow_ips=list(settings.trusted_proxies) or "127.0.0.1",
                proxy_headers=bool(settings.trusted_proxies),
            )
        )
        work = asyncio.create_task(worker.run(runtime, stop)) if with_worker else None
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await _tell_when_ready(server, serving, runtime, settings)
        await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        server.should_exit = True
        await hub.aclose()
        await serving
        if work is not None:
            await work


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to `stopping`, which ends the worker too."""
        yield


async def _tell_when_ready(
    server: uvicorn.Server, serving: "asyncio.Task[None]", runtime: Runtime, settings: Settings
) -> None:
    while not (server.started or serving.done()):  # noqa: ASYNC110  # uvicorn has a flag for this, no event
        await asyncio.sleep(0.02)
    if serving.done():
        await serving  # shows why it could not start, such as a port in use
        return
    async with runtime.db.begin() as db:
        has_users = await accounts.has_users(db)
    lines = [f"Outrider is ready at {settings.public_url}", f"  data   {settings.data_dir.resolve()}"]
    if has_users:
        lines.append('  sign in  POST /auth/connect {"provider": "password", "email": …, "password": …}')
    else:
        lines.append(
            "  sign in  first make a user, in another terminal: .venv/bin/outrider user create you@example.com"
        )
    lines.append(f"  open   {settings.public_url}/console in a browser")
    lines.append("  stop   Ctrl-C")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
