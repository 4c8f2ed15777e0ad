"""An import of 100,000 contacts from a CSV file, against `COPY` of the very rows that it writes."""

import io
import time
from typing import Any
from uuid import UUID

import asyncpg
from tests.factories.accounts import Someone, make_user
from tests.factories.imports import finish, start

from bench.figures import Figure
from outrider.runtime import Addresses, Runtime

PEOPLE = 100_000
FIRST = ("Grace", "Joan", "Alan", "Ada", "Zoë", "Łukasz", "Mary", "Tim", "Radia", "Barbara", "Ken", "Dennis")
LAST = ("Hopper", "Clarke", "Turing", "Lovelace", "Nowak", "Jackson", "Perlman", "Liskov", "Thompson", "Ritchie")
# Every tenth is somebody who came before: by the same address, or by the same number and name.
EVERY, BACK = 10, 7
TABLES = (
    "contacts", "contact_emails", "contact_phones", "contact_words", "contact_import_jobs", "imported_contacts",
)  # fmt: skip
COLUMNS = "select column_name from information_schema.columns where table_name = $1 order by ordinal_position"


def spreadsheet(count: int) -> bytes:
    """People with a name, an address, a mobile number and a company, a tenth of them twice."""
    return ("Name,Email,Mobile Phone,Company,Title\n" + "".join(map(_row, range(count)))).encode()


def _row(number: int) -> str:
    who = number - BACK if number % EVERY == EVERY - 1 else number
    first, last = FIRST[who % len(FIRST)], LAST[who // 7 % len(LAST)]
    address = f"{first}.{last}.{who}@company{who % 5000}.test" if number == who or number % 20 == EVERY - 1 else ""
    return f"{first} {last} {who},{address},+4915{100_000_000 + who},Company {who % 5000} GmbH,Engineer\n"


async def compare(runtime: Runtime, addresses: Addresses) -> list[Figure]:
    """In one process, without a queue; the peer writes under the same indexes, foreign keys and audit trail."""
    content = spreadsheet(PEOPLE)
    owner = await make_user(runtime)
    began = time.perf_counter()
    job = await start(runtime, owner, content)
    done = await finish(runtime, owner, job.id)
    ours = time.perf_counter() - began
    if (done.processed_contacts, done.failed_contacts) != (PEOPLE, 0):
        raise RuntimeError(f"the import went wrong: {done.error_message}")
    began = time.perf_counter()
    await finish(runtime, owner, (await start(runtime, owner, content)).id)
    again = time.perf_counter() - began
    peer = await copied(runtime, addresses, owner)
    copy = "COPY of the same rows"
    return [
        Figure(
            f"import of {PEOPLE:,} contacts, a tenth of them twice",
            f"{PEOPLE / ours:.0f}/s",
            copy,
            f"{PEOPLE / peer:.0f}/s",
            peer / ours,
            "0.3",
        ),
        Figure("the same file once more", f"{PEOPLE / again:.0f}/s", copy, f"{PEOPLE / peer:.0f}/s", peer / again, ""),
    ]


async def copied(runtime: Runtime, addresses: Addresses, owner: Someone) -> float:
    """Seconds that the rows of a workspace take to be copied into another, table by table; leaves nothing behind."""
    other = await make_user(runtime)
    connection = await asyncpg.connect(
        addresses.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    copying = connection.transaction()
    await copying.start()
    try:
        for table in TABLES:  # COPY can't pass the wall, which binds the owner too
            await connection.execute(f"alter table {table} no force row level security")
        await connection.execute("select set_config('app.ws', $1, true)", str(other.workspace_id))
        return sum([await _copy(connection, table, owner.workspace_id, other.workspace_id) for table in TABLES])
    finally:
        await copying.rollback()
        await connection.close()


async def _copy(connection: "asyncpg.Connection[Any]", table: str, workspace_id: UUID, other: UUID) -> float:
    rows = await connection.fetch(COLUMNS, table)
    columns = [row["column_name"] for row in rows if row["column_name"] != "workspace_id"]
    quoted = ", ".join(f'"{each}"' for each in columns)
    written = io.BytesIO()
    await connection.copy_from_query(
        f"select '{other}'::uuid, {quoted} from {table} where workspace_id = '{workspace_id}'",
        output=written,
        format="binary",
    )
    written.seek(0)
    began = time.perf_counter()
    await connection.copy_to_table(table, source=written, columns=["workspace_id", *columns], format="binary")
    return time.perf_counter() - began
