"""Moving leads along the pipeline by what happened: only forward, and never against what a person typed."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.domain.people.actions import LOCK
from outrider.domain.people.models import Status

# What facts tell; where a lead goes from there is for people to say.
WAY = (Status.NEW, Status.CONTACTED, Status.REPLIED)
BEHIND = """
    c.workspace_id = :ws and e.workspace_id = :ws and e.contact_id = c.id and e.address = any(:addresses)
    and c.status = any(:behind) and 'status' <> all(c.typed)
"""
FIND = text(f"select distinct e.address from contacts c, contact_emails e where {BEHIND}")
ADVANCE = text(f"""
    update contacts c set status = :status, updated_at = :at from contact_emails e where {BEHIND} returning c.id
""")


async def behind(db: AsyncSession, workspace_id: UUID, addresses: Collection[str], status: Status) -> list[str]:
    """Returns the addresses of leads that have not come as far as `status`."""
    values = {"ws": workspace_id, "addresses": list(addresses), "behind": _before(status)}
    return list(await db.scalars(FIND, values))


async def advance(db: AsyncSession, workspace_id: UUID, addresses: Collection[str], status: Status) -> int:
    """Moves the leads at these addresses as far as `status`; returns how many were behind it."""
    await db.execute(LOCK, {"ws": str(workspace_id)})
    values = {"ws": workspace_id, "addresses": list(addresses), "behind": _before(status)}
    moved = await db.execute(ADVANCE, {**values, "status": status.value, "at": now()})
    return len(moved.all())


def _before(status: Status) -> list[str]:
    return [each.value for each in WAY[: WAY.index(status)]]
