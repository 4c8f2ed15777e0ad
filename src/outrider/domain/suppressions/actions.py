"""Putting addresses and domains on the suppression list, and taking them off."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import now
from outrider.core.crypto import Keyring
from outrider.core.errors import Conflict, Invalid
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.vault import open_vault
from outrider.domain.suppressions import queries, rules
from outrider.domain.suppressions.events import Suppressed
from outrider.domain.suppressions.models import Reason, Scope, Suppression
from outrider.domain.suppressions.queries import SuppressionNotFound


class RecipientSuppressed(Conflict):
    """Nothing may be sent to this address."""

    code = "recipient_suppressed"


async def suppress(
    db: AsyncSession,
    keyring: Keyring,
    workspace_id: UUID,
    value: str,
    *,
    reason: Reason,
    proof: dict[str, Any],
    origin: str | None = None,
) -> Suppression | None:
    """Sends nothing more to an address, a domain or, with `*`, to anybody; None where that held already."""
    value = _checked(value)
    vault = await open_vault(db, keyring, workspace_id)
    row = {
        "workspace_id": workspace_id,
        "id": new_id(),
        "scope": rules.named(value),
        "digest": rules.digest(vault, value),
        "value": value,
        "origin": origin,
        "reason": reason,
        "proof": proof,
        "created_at": now(),
    }
    # What was erased before and comes back by the same address is known again by its text.
    statement = insert(Suppression).values(row)
    changed = await db.execute(
        statement.on_conflict_do_update(
            index_elements=["workspace_id", "digest", "origin"],
            set_={"value": value},
            where=Suppression.value.is_(None),
        ).returning(Suppression.id)
    )
    if changed.scalar_one_or_none() != row["id"]:
        return None
    made = Suppression(**row)
    await emit(
        db,
        Suppressed(
            workspace_id=workspace_id,
            suppression_id=made.id,
            scope=made.scope,
            value=value,
            origin=origin,
            reason=reason,
            message=made.message,
            proof=proof,
        ),
    )
    return made


async def lift(db: AsyncSession, keyring: Keyring, workspace_id: UUID, value: str) -> int:
    """Takes a value off the list, for every origin. Raises SuppressionNotFound."""
    lifted = await queries.of_value(db, keyring, workspace_id, rules.normalise(value))
    for each in lifted:
        await db.delete(each)
    await db.flush()
    if not lifted:
        raise SuppressionNotFound(f"{value} is not suppressed.")
    return len(lifted)


async def forget(db: AsyncSession, workspace_id: UUID, address: str) -> int:
    """Erases an address from the list, which goes on recognising it by its digest; returns how many rows held it."""
    erased = await db.scalars(
        update(Suppression)
        .where(Suppression.workspace_id == workspace_id, Suppression.value == rules.normalise(address))
        .values(value=None, proof={})
        .returning(Suppression.id)
        .execution_options(synchronize_session=False)
    )
    return len(erased.all())


async def mark_erased(db: AsyncSession, keyring: Keyring, workspace_id: UUID, address: str, *, at: datetime) -> None:
    """Notes of a suppressed address that its owner is erased, with all that came before."""
    vault = await open_vault(db, keyring, workspace_id)
    await db.execute(
        update(Suppression)
        .where(
            Suppression.workspace_id == workspace_id,
            Suppression.digest == rules.digest(vault, rules.normalise(address)),
            Suppression.origin.is_(None),
        )
        .values(erased_at=at)
        .execution_options(synchronize_session=False)
    )


async def require_reachable(
    db: AsyncSession, keyring: Keyring, workspace_id: UUID, address: str, *, origin: str
) -> None:
    """Raises RecipientSuppressed."""
    found = await queries.find(db, keyring, workspace_id, address, origin=origin)
    if found is not None:
        raise RecipientSuppressed(
            f"{found.message} Take it off the suppression list first if they asked for mail again.",
            reason=found.reason.value,
            scope=found.scope.value,
            since=found.created_at.isoformat(),
        )


def _checked(value: str) -> str:
    value = rules.normalise(value)
    if rules.named(value) is Scope.ADDRESS:
        return normalise_email(value)
    is_domain = "." in value and normalise_email(f"someone@{value}")
    if value != rules.EVERYTHING and not is_domain:
        raise Invalid(f"{value!r} is neither an address nor a domain.", field="value")
    return value
