"""Connecting, disconnecting and reaching mailboxes. Secrets are sealed here and opened only to be used."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.clock import database_now, now
from outrider.core.crypto import Keyring
from outrider.core.db import Scope
from outrider.core.errors import Conflict, Invalid
from outrider.core.events import emit
from outrider.core.ids import new_id
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import actions as grants
from outrider.domain.mailboxes import queries
from outrider.domain.mailboxes.events import MailboxConnected, MailboxDisconnected, MailboxNeedsReconnect
from outrider.domain.mailboxes.models import Folder, Mailbox, State
from outrider.providers.mail.interface import (
    Account,
    ConnectFailed,
    GrantedAccount,
    ReadFailed,
    Role,
    Security,
    Server,
    ServerAccount,
    Step,
    Verified,
)
from outrider.runtime import Runtime

# Where answers can lie; replies are also sorted into the archive or mistaken for junk.
READ_ROLES = frozenset({Role.INBOX, Role.SENT, Role.ARCHIVE, Role.JUNK, Role.ALL})


class CannotConnect(Invalid):
    """The mailbox was tried and refused; `step` and `server` say where, `hint` what to do."""

    code = "mailbox_unreachable"

    def __init__(self, failure: ConnectFailed) -> None:
        super().__init__(
            f"{failure.message} {failure.hint}".strip(),
            step=failure.step.value,
            server=failure.server,
            hint=failure.hint,
        )


class MailboxDisconnectedError(Conflict):
    code = "mailbox_disconnected"


async def verify(app: Runtime, provider: str, account: Account) -> Verified:
    """Tries all that a mailbox is needed for, with no transaction open. Raises CannotConnect."""
    try:
        return await app.mail[provider].verify(account)
    except ConnectFailed as failure:
        raise CannotConnect(failure) from None


async def connect(
    db: AsyncSession,
    keyring: Keyring,
    *,
    workspace_id: UUID,
    user_id: UUID,
    provider: str,
    account: Account,
    verified: Verified,
    name: str,
    daily_limit: int,
    grant_id: UUID | None = None,
) -> Mailbox:
    """Stores a verified mailbox, or renews one that was connected before; what waited for it becomes due."""
    mailbox = await queries.by_address(db, workspace_id, user_id, account.address)
    if mailbox is None:
        mailbox = Mailbox(
            workspace_id=workspace_id, id=new_id(), user_id=user_id, address=account.address, daily_limit=daily_limit
        )
        db.add(mailbox)
    elif mailbox.provider != provider:
        await _forget_folders(db, mailbox)
    mailbox.provider, mailbox.name = provider, name or mailbox.name or ""
    await _keep_access(db, keyring, mailbox, account, grant_id)
    mailbox.saves_sent = mailbox.saves_sent if verified.keeps_copies is None else verified.keeps_copies
    mailbox.state, mailbox.state_reason, mailbox.sync_failures = State.CONNECTED, None, 0
    mailbox.noticed = 0
    mailbox.connected_at = mailbox.sync_due_at = mailbox.subscribe_at = await database_now(db)
    await db.flush()
    known = {folder.name for folder in await queries.folders_of(db, workspace_id, mailbox.id)}
    db.add_all(
        Folder(workspace_id=workspace_id, id=new_id(), mailbox_id=mailbox.id, name=folder.name, role=folder.role)
        for folder in verified.folders
        if folder.role in READ_ROLES and folder.name not in known
    )
    await emit(db, MailboxConnected(workspace_id=workspace_id, mailbox_id=mailbox.id))
    await db.flush()
    return mailbox


async def _forget_folders(db: AsyncSession, mailbox: Mailbox) -> None:
    """Another provider reads the mailbox in another way; its mail is known by its identity when it comes again."""
    await db.execute(delete(Folder).where(Folder.workspace_id == mailbox.workspace_id, Folder.mailbox_id == mailbox.id))
    mailbox.saves_sent = None


async def _keep_access(
    db: AsyncSession, keyring: Keyring, mailbox: Mailbox, account: Account, grant_id: UUID | None
) -> None:
    mailbox.grant_id = grant_id
    if isinstance(account, GrantedAccount):
        mailbox.servers, mailbox.auth, mailbox.secret = {}, "grant", None
        return
    vault = await open_vault(db, keyring, mailbox.workspace_id)
    mailbox.servers = _servers(account)
    mailbox.auth = "oauth" if account.access_token else "password"
    mailbox.secret = vault.seal(
        account.access_token or account.password or "", table="mailboxes", column="secret", row_id=mailbox.id
    )


async def disconnect(db: AsyncSession, mailbox: Mailbox) -> UUID | None:
    """Forgets the credentials at once; what is stored of the mailbox stays readable.

    Returns the grant behind it, given up: `grants.revoke` tells the provider once this is committed.
    """
    grant_id = mailbox.grant_id
    mailbox.disconnect(now())
    await db.flush()
    if grant_id is not None:
        await grants.give_up(db, mailbox.workspace_id, grant_id)
    await emit(db, MailboxDisconnected(workspace_id=mailbox.workspace_id, mailbox_id=mailbox.id))
    return grant_id


async def account_of(app: Runtime, mailbox: Mailbox) -> Account:
    """Opens the vault for a mailbox's credentials, in a transaction of its own that ends before the network is used."""
    if mailbox.grant_id is not None:
        return GrantedAccount(mailbox.address, grants.Supplier(app, mailbox.workspace_id, mailbox.grant_id))
    if mailbox.secret is None:
        raise MailboxDisconnectedError(f"The mailbox {mailbox.address} is disconnected.")
    async with app.db.begin(Scope(mailbox.workspace_id, actor="vault")) as db:
        vault = await open_vault(db, app.keyring, mailbox.workspace_id)
    secret = vault.open(mailbox.secret, table="mailboxes", column="secret", row_id=mailbox.id)
    is_token = mailbox.auth == "oauth"
    return ServerAccount(
        address=mailbox.address,
        username=mailbox.servers["username"],
        imap=_server(mailbox.servers["imap"]),
        smtp=_server(mailbox.servers["smtp"]),
        password=None if is_token else secret,
        access_token=secret if is_token else None,
    )


async def mark_failed(db: AsyncSession, mailbox: Mailbox, failure: ConnectFailed) -> None:
    """Records why a mailbox can't be reached; tells its owner once if only they can mend it."""
    current = await db.get_one(
        Mailbox, (mailbox.workspace_id, mailbox.id), with_for_update=True, populate_existing=True
    )
    if not current.is_usable:
        return
    reason = f"{failure.message} {failure.hint}".strip()[:500]
    current.mark_failed(await database_now(db), reason, is_terminal=failure.is_terminal)
    await db.flush()
    if failure.is_terminal:
        await emit(db, MailboxNeedsReconnect(workspace_id=current.workspace_id, mailbox_id=current.id, reason=reason))


async def learn_saves_sent(db: AsyncSession, mailbox: Mailbox, saves: bool) -> None:
    """Remembers, once, whether the server keeps copies of what it sends."""
    await db.execute(
        update(Mailbox)
        .where(Mailbox.workspace_id == mailbox.workspace_id, Mailbox.id == mailbox.id, Mailbox.saves_sent.is_(None))
        .values(saves_sent=saves)
        .execution_options(synchronize_session=False)
    )


async def take_subscription(
    db: AsyncSession, workspace_id: UUID, mailbox_id: UUID, *, again_in: timedelta
) -> Mailbox | None:
    """Takes the renewal of a mailbox's subscription; None if another worker has it."""
    taken: Mailbox | None = await db.scalar(
        update(Mailbox)
        .where(
            Mailbox.workspace_id == workspace_id,
            Mailbox.id == mailbox_id,
            Mailbox.state == State.CONNECTED,
            Mailbox.subscribe_at <= func.clock_timestamp(),
        )
        .values(subscribe_at=func.clock_timestamp() + again_in)
        .returning(Mailbox)
        .execution_options(synchronize_session=False)
    )
    return taken


async def keep_subscription(db: AsyncSession, mailbox: Mailbox, *, again_in: timedelta | None) -> None:
    """Notes when the provider is asked again; never, where it does not call."""
    await db.execute(
        update(Mailbox)
        .where(
            Mailbox.workspace_id == mailbox.workspace_id, Mailbox.id == mailbox.id, Mailbox.subscribe_at.is_not(None)
        )
        .values(subscribe_at=None if again_in is None else func.clock_timestamp() + again_in)
        .execution_options(synchronize_session=False)
    )


async def hint(app: Runtime, provider: str, address: str, *, is_last: bool = False, noticed: int | None = None) -> int:
    """There may be news at an address: its mailboxes are read at once. Returns for how many that is new.

    `is_last`: the provider calls no more unless it is asked anew, which is made due too. `noticed` is the place in the
    provider's history that the call told of, where it has one: what was told before changes nothing.
    """
    async with app.db.begin() as db:
        known = await queries.at_address(db, provider, address)
    hinted = 0
    for workspace_id, mailbox_id in known:
        async with app.db.begin(Scope(workspace_id, actor="hint")) as db:
            moved = await db.execute(
                update(Mailbox)
                .where(
                    Mailbox.workspace_id == workspace_id,
                    Mailbox.id == mailbox_id,
                    Mailbox.state.in_([State.CONNECTED, State.UNREACHABLE]),
                    Mailbox.sync_due_at > func.clock_timestamp() if noticed is None else Mailbox.noticed < noticed,
                )
                .values(
                    noticed=Mailbox.noticed if noticed is None else noticed,
                    sync_due_at=func.least(Mailbox.sync_due_at, func.clock_timestamp()),
                )
                .returning(Mailbox.id)
                .execution_options(synchronize_session=False)
            )
            hinted += len(moved.all())
            if is_last:
                await _subscribe_anew(db, workspace_id, mailbox_id)
    return hinted


async def _subscribe_anew(db: AsyncSession, workspace_id: UUID, mailbox_id: UUID) -> None:
    await db.execute(
        update(Mailbox)
        .where(
            Mailbox.workspace_id == workspace_id,
            Mailbox.id == mailbox_id,
            Mailbox.subscribe_at > func.clock_timestamp(),
        )
        .values(subscribe_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def ask_for_sync(db: AsyncSession, mailbox: Mailbox) -> None:
    at = await database_now(db)
    mailbox.sync_due_at = min(mailbox.sync_due_at or at, at - timedelta(seconds=1))
    await db.flush()


def reading_failed(error: ReadFailed) -> ConnectFailed:
    """A read that failed after connecting, as a failure that is tried again by itself."""
    return ConnectFailed(Step.FOLDER, "reading", error.message, "It is tried again by itself.")


def _servers(account: ServerAccount) -> dict[str, Any]:
    def plain(server: Server) -> dict[str, Any]:
        return {"host": server.host, "port": server.port, "security": server.security.value}

    return {"username": account.username, "imap": plain(account.imap), "smtp": plain(account.smtp)}


def _server(stored: dict[str, Any]) -> Server:
    return Server(stored["host"], stored["port"], Security(stored["security"]))
