"""Reads of the suppression list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.crypto import Keyring
from outrider.core.errors import NotFound
from outrider.core.pages import Page, PageRequest
from outrider.domain.accounts.vault import open_vault
from outrider.domain.suppressions import rules
from outrider.domain.suppressions.models import Suppression

# For the WHERE of a claim over `sends s`: true where the recipient may be written to. What was erased is recognised
# at enrolment, by its digest; nothing to it is in the outbox any more.
NOT_SUPPRESSED = """not exists (
    select 1 from suppressions p
    where p.workspace_id = s.workspace_id and (p.origin is null or p.origin = s.origin)
        and p.value = any(suppressions_covering(s.recipient))
)"""


class SuppressionNotFound(NotFound):
    code = "suppression_not_found"


async def find(
    db: AsyncSession, keyring: Keyring, workspace_id: UUID, address: str, *, origin: str
) -> Suppression | None:
    """Returns what forbids mail of an origin to an address, also where only a digest of it is left."""
    vault = await open_vault(db, keyring, workspace_id)
    covering = rules.covering(rules.normalise(address))
    query = (
        select(Suppression)
        .where(
            Suppression.workspace_id == workspace_id,
            Suppression.digest.in_([rules.digest(vault, each) for each in covering]),
            or_(Suppression.origin.is_(None), Suppression.origin == origin),
        )
        .order_by(Suppression.created_at)
        .limit(1)
    )
    found: Suppression | None = await db.scalar(query)
    return found


async def among(
    db: AsyncSession, workspace_id: UUID, recipients: Sequence[str], *, origins: Sequence[str]
) -> dict[str, Suppression]:
    """Returns, for each of these recipients that is suppressed, by what."""
    covering = {each: rules.covering(each) for each in recipients}
    rows = await db.scalars(
        select(Suppression).where(
            Suppression.workspace_id == workspace_id,
            Suppression.value.in_({value for values in covering.values() for value in values}),
            or_(Suppression.origin.is_(None), Suppression.origin.in_(origins)),
        )
    )
    by_value = {each.value: each for each in rows}
    return {
        recipient: found
        for recipient, values in covering.items()
        if (found := next((by_value[value] for value in values if value in by_value), None)) is not None
    }


async def erased(
    db: AsyncSession, keyring: Keyring, workspace_id: UUID, addresses: Collection[str]
) -> dict[str, datetime]:
    """Returns, for each of these addresses whose owner was erased, when."""
    where = (Suppression.workspace_id == workspace_id, Suppression.erased_at.is_not(None))
    if await db.scalar(select(Suppression.id).where(*where).limit(1)) is None:
        return {}
    vault = await open_vault(db, keyring, workspace_id)
    digests = {rules.digest(vault, rules.normalise(each)): each for each in addresses}
    rows = await db.execute(
        select(Suppression.digest, Suppression.erased_at).where(*where, Suppression.digest.in_(digests))
    )
    return {digests[digest]: at for digest, at in rows if at is not None}


async def of_value(db: AsyncSession, keyring: Keyring, workspace_id: UUID, value: str) -> list[Suppression]:
    """Returns the suppressions of exactly this value, one for each origin at most."""
    vault = await open_vault(db, keyring, workspace_id)
    query = select(Suppression).where(
        Suppression.workspace_id == workspace_id, Suppression.digest == rules.digest(vault, value)
    )
    return list(await db.scalars(query))


async def search(db: AsyncSession, workspace_id: UUID, page: PageRequest) -> Page[Suppression]:
    """Returns the whole list, newest first."""
    where = Suppression.workspace_id == workspace_id
    total = await db.scalar(select(func.count()).select_from(Suppression).where(where)) or 0
    rows = await db.scalars(
        select(Suppression).where(where).order_by(Suppression.id.desc()).offset(page.offset).limit(page.size)
    )
    return Page(list(rows), total, page.number, page.size)
