"""The vault of a workspace: seals what must not be readable in the database."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.crypto import Keyring, Vault
from outrider.domain.accounts.models import DataKey


async def find_vault(db: AsyncSession, keyring: Keyring, workspace_id: UUID) -> Vault | None:
    """Returns the vault of a workspace that has sealed something, None for any other."""
    key = await db.get(DataKey, workspace_id)
    return keyring.vault(workspace_id, key.wrapped) if key else None


async def open_vault(db: AsyncSession, keyring: Keyring, workspace_id: UUID) -> Vault:
    """Returns the workspace's vault, making its data key on first use."""
    key = await db.get(DataKey, workspace_id)
    if key is None:
        # Of two first uses at once one key wins; both read that one back.
        wrapped = keyring.new_data_key(workspace_id)
        await db.execute(insert(DataKey).values(workspace_id=workspace_id, wrapped=wrapped).on_conflict_do_nothing())
        key = await db.get_one(DataKey, workspace_id)
    return keyring.vault(workspace_id, key.wrapped)
