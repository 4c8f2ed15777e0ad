"""Running a worker alone, and what it shares with the HTTP server: how it is stopped, what it logs."""

import asyncio
import logging
import signal

from outrider import worker
from outrider.core import log
from outrider.settings import Settings
from outrider.starting import running


async def work(settings: Settings) -> None:
    """Runs a worker alone, beside any number of others."""
    configure_logs(settings)
    async with running(settings, name="outrider-worker") as runtime:
        await worker.run(runtime, stopping())


def stopping() -> asyncio.Event:
    """Returns an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    return stop


def configure_logs(settings: Settings) -> None:
    log.configure(settings.log_level, json=settings.log_json)
    for chatty in ("uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
