"""A process that renews a grant's token; the drills kill it."""

import asyncio
import os
import sys
from uuid import UUID

from outrider.core.db import as_asyncpg
from outrider.domain.grants import actions
from outrider.runtime import open_runtime
from outrider.settings import load


async def main(workspace_id: UUID, grant_id: UUID) -> None:
    async with open_runtime(load(), as_asyncpg(os.environ["DATABASE_APP_URL"])) as runtime:
        await actions.access_token(runtime, workspace_id, grant_id)


if __name__ == "__main__":
    asyncio.run(main(UUID(sys.argv[1]), UUID(sys.argv[2])))
