"""Taking hits down. They are looked at by people only: nothing in the system follows from one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.ids import new_id
from outrider.domain.tracking.models import Hit, HitKind
from outrider.domain.tracking.rules import BURST

MOST_HITS = 500  # of one mail; more tell nothing new
IN_A_BURST = "Several links were followed at once."


async def record(
    db: AsyncSession,
    workspace_id: UUID,
    send_id: UUID,
    kind: HitKind,
    *,
    target: str = "",
    machine: str | None,
    at: datetime,
) -> None:
    of_mail = (Hit.workspace_id == workspace_id, Hit.send_id == send_id)
    known = await db.scalar(select(func.count()).select_from(Hit).where(*of_mail)) or 0
    if known >= MOST_HITS:
        return
    if kind is HitKind.CLICK:
        burst = await db.scalars(
            update(Hit)
            .where(*of_mail, Hit.kind == HitKind.CLICK, Hit.target != target, Hit.at > at - BURST)
            .values(machine=func.coalesce(Hit.machine, IN_A_BURST))
            .returning(Hit.id)
            .execution_options(synchronize_session=False)
        )
        if burst.all():
            machine = machine or IN_A_BURST
    db.add(
        Hit(workspace_id=workspace_id, id=new_id(), send_id=send_id, kind=kind, target=target, at=at, machine=machine)
    )
    await db.flush()
