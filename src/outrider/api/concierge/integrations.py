"""The caller's mailbox: connecting it, its state, reading it now."""

from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import Field, SecretStr

from outrider.api.bodies import WHOLE
from outrider.api.concierge.contract import contract
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.moments import Moment
from outrider.core.errors import Invalid, Unavailable
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.accounts.vault import open_vault
from outrider.domain.deliverability import queries as health
from outrider.domain.grants import actions as grants
from outrider.domain.grants import handing_in
from outrider.domain.grants.handing_in import ScopeNarrower, TokenRefused
from outrider.domain.grants.signing_in import ProviderUnavailable
from outrider.domain.mailboxes import connections, queries, syncing
from outrider.domain.mailboxes.models import State
from outrider.domain.senders.actions import NoMailbox
from outrider.providers.mail.interface import (
    Account,
    ConnectFailed,
    GrantedAccount,
    Security,
    Server,
    ServerAccount,
    Step,
    Verified,
    usual_security,
)
from outrider.providers.oauth.interface import Identity, Tokens

router = contract.router("/integrations/email", tag="integrations")

# The contract's users say what they see; each is one of our providers.
PROVIDERS = {"gmail": "google", "google": "google", "outlook": "microsoft", "microsoft": "microsoft", "imap": "imap"}
NAMES = {"google": "gmail", "microsoft": "outlook"}
IMAPS, SMTPS = 993, 465
Host = Annotated[str, Field(min_length=1, max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True), WHOLE]
NO_MAILBOX = NoMailbox("Connect a mailbox first: POST /api/integrations/email/connect.")
REFUSED = connections.CannotConnect(
    ConnectFailed(Step.LOGIN, "imap", "The server refused the user name or password.", "Use an app password.")
)
NOT_SET_UP = ProviderUnavailable("Mailboxes of Outlook are not set up on this server.", field="provider")


TOKEN_REFUSED = TokenRefused("Google does not know this refresh token, or it has been withdrawn.", field="auth_token")
NARROWER = ScopeNarrower("The mailbox is connected with more than these tokens allow.", missing=["…/auth/gmail.send"])


class EmailConnect(In):
    """`auth_token` is what opens the mailbox: with `gmail` and `outlook` a refresh token of this server's client, with
    `imap` the password or app password, and then `host` is needed too.
    """

    provider: Literal["gmail", "google", "outlook", "microsoft", "imap"]
    auth_token: SecretStr = Field(min_length=1, max_length=8192)
    email: Annotated[str, Field(max_length=320)] | None = Field(
        None, description="The mailbox's address; default yours."
    )
    username: Annotated[str, Field(max_length=320)] | None = Field(None, description="imap: default the address.")
    host: Host | None = Field(None, description="imap: the server to read from.")
    port: Port = Field(IMAPS, description="imap: where mail is read.")
    security: Security | None = Field(None, description="imap: default tls on 993, else starttls.")
    smtp_host: Host | None = Field(None, description="imap: default the same host.")
    smtp_port: Port = Field(SMTPS, description="imap: where mail is handed in.")
    smtp_security: Security | None = Field(None, description="imap: default tls on 465, else starttls.")


class ConnectedOut(Out):
    integration_id: UUID
    status: Literal["connected"] = "connected"


class CheckOut(Out):
    """`record` is what to publish in the DNS, or to change, where something is missing."""

    name: Literal["mx", "spf", "dkim", "dmarc"]
    verdict: Literal["ok", "warn", "fail", "unknown"]
    message: str
    record: str


class StatusOut(Out):
    """Of the mailbox connected first; `state` and `reason` say more where it does not work. `deliverability` is what the
    DNS said when it was connected; null while it has not been asked.
    """

    connected: bool
    provider: str | None
    last_sync: Moment | None
    integration_id: UUID | None
    email: str | None
    state: Literal["connected", "unreachable", "reauth_required", "disconnected"]
    reason: str | None
    deliverability: list[CheckOut] | None


class SyncOut(Out):
    job_id: UUID


@router.post(
    "/connect",
    needs=Permission.MAILBOXES_WRITE,
    model=ConnectedOut,
    reaches_out=True,
    errors=[
        TOKEN_REFUSED,
        NARROWER,
        REFUSED,
        NOT_SET_UP,
        Unavailable("Google can't be asked just now. Try again in a minute.", retry_after=60),
    ],
)
async def connect_email(request: Request, app: App, actor: Caller, body: EmailConnect) -> ConnectedOut:
    """Connects a mailbox once its server has let us in, and begins to read it."""
    provider = PROVIDERS[body.provider]
    if provider == "imap":
        account = _server_account(body, normalise_email(body.email or actor.email))
        verified = await connections.verify(app, provider, account)
        return await _store(app, actor, request, provider, account, verified)
    if provider not in app.mail:
        raise ProviderUnavailable(NOT_SET_UP.message, field="provider")
    try:
        tokens, identity = await handing_in.examine(
            app.oauth, provider, access_token=None, refresh_token=body.auth_token.get_secret_value()
        )
    except TokenRefused as refusal:  # the client knows it by this contract's name
        raise TokenRefused(refusal.message, field="auth_token") from refusal
    return await _connect_granted(app, actor, request, provider, tokens, identity)


@router.get("/status", needs=Permission.MAILBOXES_READ, model=StatusOut)
async def email_status(db: Db, actor: Caller) -> StatusOut:
    """Says whether a mailbox is connected, and when it was read last."""
    found = await queries.of_user(db, actor.workspace_id, actor.user_id)
    if not found:
        return StatusOut(
            connected=False, provider=None, last_sync=None, integration_id=None, email=None, state="disconnected",
            reason=None, deliverability=None,
        )  # fmt: skip
    first = found[0]
    examined = (await health.preflights_of(db, actor.workspace_id, [first.id])).get(first.id)
    return StatusOut(
        connected=first.state is State.CONNECTED,
        provider=NAMES.get(first.provider, first.provider),
        last_sync=first.synced_at,
        integration_id=first.id,
        email=first.address,
        state=first.state.value,
        reason=first.state_reason,
        deliverability=[CheckOut.model_validate(each) for each in examined.checks] if examined else None,
    )


@router.post("/sync", needs=Permission.MAILBOXES_WRITE, model=SyncOut, status_code=202, errors=[NO_MAILBOX])
async def sync_email(db: Db, actor: Caller) -> SyncOut:
    """Has the mailbox read now; a reading under way stands for it."""
    usable = [each for each in await queries.of_user(db, actor.workspace_id, actor.user_id) if each.is_usable]
    if not usable:
        raise NoMailbox(NO_MAILBOX.message)
    started = [await syncing.request(db, each) for each in usable]
    return SyncOut(job_id=started[0].id)


async def _connect_granted(
    app: App, actor: Actor, request: Request, provider: str, tokens: Tokens, identity: Identity
) -> ConnectedOut:
    async def fresh(*, refused: str | None = None) -> str:
        return tokens.access_token

    verified = await connections.verify(app, provider, GrantedAccount(identity.email, fresh))
    # A permission that does not cover who somebody is still opens the mailbox, which knows its address.
    address = identity.email or verified.address
    known = replace(identity, email=address, subject=identity.subject or f"address:{address}")
    return await _store(app, actor, request, provider, GrantedAccount(address, fresh), verified, (known, tokens))


async def _store(
    app: App,
    actor: Actor,
    request: Request,
    provider: str,
    account: Account,
    verified: Verified,
    granted: tuple[Identity, Tokens] | None = None,
) -> ConnectedOut:
    whose: dict[str, Any] = {"workspace_id": actor.workspace_id, "user_id": actor.user_id, "provider": provider}
    async with app.db.begin(actor.scope(request.state.request_id)) as own:
        grant_id = None
        if granted is not None:
            identity, tokens = granted
            await handing_in.refuse_narrower(own, actor, provider=provider, address=identity.email, tokens=tokens)
            vault = await open_vault(own, app.keyring, actor.workspace_id)
            grant_id = (await grants.store(own, vault, **whose, identity=identity, tokens=tokens)).id
        mailbox = await connections.connect(
            own, app.keyring, **whose, account=account, verified=verified, name="",
            daily_limit=app.settings.daily_limit, grant_id=grant_id,
        )  # fmt: skip
        await syncing.request(own, mailbox)
    return ConnectedOut(integration_id=mailbox.id)


def _server_account(body: EmailConnect, address: str) -> ServerAccount:
    if body.host is None:
        raise Invalid("Name the server to read from.", field="host")
    return ServerAccount(
        address=address,
        username=body.username or address,
        imap=Server(body.host, body.port, body.security or usual_security(body.port)),
        smtp=Server(body.smtp_host or body.host, body.smtp_port, body.smtp_security or usual_security(body.smtp_port)),
        password=body.auth_token.get_secret_value(),
        access_token=None,
    )
