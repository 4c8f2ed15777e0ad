"""The audit trail's seals: blocks of digests, each following from the one before, and their heads written down outside
the database, where who can write to it can't reach.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.encoding import encode

AT_ONCE = 5_000  # entries a transaction
MOST_PROBLEMS = 100
HEADS = "audit-heads.jsonl"


@dataclass(frozen=True, slots=True)
class Head:
    """The last block of a chain. Entries about users alone stand in the chain of the nil id."""

    workspace_id: UUID
    number: int
    seal: str


@dataclass(frozen=True, slots=True)
class Problem:
    workspace_id: UUID
    message: str
    block: int | None = None
    entry: int | None = None

    def __str__(self) -> str:
        places = (("block", self.block), ("entry", self.entry))
        where = ", ".join(f"{name} {number}" for name, number in places if number is not None)
        return f"workspace {self.workspace_id}, {where}: {self.message}"


async def seal(db: AsyncSession) -> int:
    """Seals the next entries that no running transaction can add to. Returns how many."""
    return await db.scalar(text("select seal_audit(:at_most)"), {"at_most": AT_ONCE}) or 0


async def heads(db: AsyncSession, since: datetime) -> list[Head]:
    """The heads of the chains that have grown since then."""
    rows = await db.execute(text("select workspace_id, number, seal from audit_heads(:since)"), {"since": since})
    return [Head(row.workspace_id, row.number, row.seal.hex()) for row in rows]


async def anchor(db: AsyncSession, folder: Path) -> list[Head]:
    """Once a day, writes the heads that have moved to a file; empty where another worker did or it is too early.

    Written before the commit: what is written twice does no harm, what is not written would.
    """
    since = await db.scalar(text("select audit_to_anchor()"))
    found = await heads(db, since) if since is not None else []
    if found:
        at = now()
        lines = b"".join(encode({"at": at, **asdict(each)}) + b"\n" for each in found)
        await asyncio.to_thread(_append, folder / HEADS, lines)
    return found


def read_anchors(file: Path) -> Iterator[Head]:
    """Raises ValueError at a line that is none."""
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            try:
                kept = json.loads(line)
                yield Head(UUID(kept["workspace_id"]), int(kept["number"]), str(bytes.fromhex(kept["seal"]).hex()))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"Line {number} of {file} is no head of the audit trail.") from error


async def problems(db: AsyncSession, workspaces: Sequence[UUID]) -> list[Problem]:
    """What was changed, deleted, put in or cut out since it was sealed; at most MOST_PROBLEMS a workspace."""
    await db.execute(text("set local statement_timeout = '10min'"))  # every entry of a workspace is read
    rows = await db.execute(
        text(
            "select w.id, p.number, p.entry_id, p.problem from unnest(cast(:workspaces as uuid[])) w(id)"
            " cross join lateral audit_problems(w.id, :at_most) p"
        ),
        {"workspaces": list(workspaces), "at_most": MOST_PROBLEMS},
    )
    return [Problem(row.id, row.problem, row.number, row.entry_id) for row in rows]


async def broken_anchors(db: AsyncSession, anchors: Sequence[Head]) -> list[Problem]:
    """Anchors whose block is gone or another one: what came after was cut off, or all of it was made anew."""
    rows = await db.execute(
        text(
            "select a.workspace, a.number from unnest("
            "cast(:workspaces as uuid[]), cast(:numbers as bigint[]), cast(:seals as bytea[])) a(workspace, number, seal)"
            " where audit_anchor_holds(a.workspace, a.number, a.seal) = 'broken'"
        ),
        {
            "workspaces": [each.workspace_id for each in anchors],
            "numbers": [each.number for each in anchors],
            "seals": [bytes.fromhex(each.seal) for each in anchors],
        },
    )
    message = "it is not there as it was written down; entries were cut off or made anew"
    return [Problem(row.workspace, message, row.number) for row in rows]


def _append(file: Path, lines: bytes) -> None:
    with file.open("ab") as kept:
        kept.write(lines)
        kept.flush()
        os.fsync(kept.fileno())
