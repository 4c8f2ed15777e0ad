"""Reads of what was fetched and followed."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.domain.tracking.models import Hit, HitKind


@dataclass(frozen=True, slots=True)
class HitFigures:
    """How many mails were opened and clicked by what may be people, and how many hits were machines'."""

    opened: int
    clicked: int
    machine_hits: int


async def of_sends(db: AsyncSession, workspace_id: UUID, send_ids: Select[UUID]) -> HitFigures:
    row = await db.execute(
        select(
            func.count(Hit.send_id.distinct()).filter(Hit.kind == HitKind.OPEN, Hit.machine.is_(None)),
            func.count(Hit.send_id.distinct()).filter(Hit.kind == HitKind.CLICK, Hit.machine.is_(None)),
            func.count().filter(Hit.machine.is_not(None)),
        ).where(Hit.workspace_id == workspace_id, Hit.send_id.in_(send_ids))
    )
    opened, clicked, machine_hits = row.one()
    return HitFigures(opened, clicked, machine_hits)
