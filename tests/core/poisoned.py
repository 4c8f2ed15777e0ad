"""A worker with a job that kills it. Run as a process of its own: `python -m tests.core.poisoned ADDRESS [first]`."""

import asyncio
import os
import signal
import sys
from typing import Any

from outrider.core import jobs
from outrider.core.db import Database


async def mourn(_app: Any) -> None:
    sys.stdout.write("set aside\n")
    sys.stdout.flush()


@jobs.job("tests.poison", set_aside=mourn)
async def poison(_app: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@jobs.job("tests.healthy")
async def healthy(_app: Any) -> None:
    sys.stdout.write("healthy\n")
    sys.stdout.flush()


async def main(address: str, *, is_first: bool) -> None:
    database = Database(address)
    async with database.begin() as db:
        if is_first:
            await jobs.enqueue(db, "tests.poison")
        await jobs.enqueue(db, "tests.healthy")
    await jobs.run(None, database, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], is_first="first" in sys.argv))
