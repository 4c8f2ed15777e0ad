"""Signing in, connecting a mailbox, tokens and their status."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import BackgroundTasks, Body, Request, Response
from pydantic import Discriminator, Field, SecretStr, Tag

from outrider.api.bodies import WHOLE
from outrider.api.browsers import remember
from outrider.api.contract import PUBLIC
from outrider.api.deps import App, Caller, Db, get_actor
from outrider.api.followups.contract import In, Out, contract
from outrider.api.followups.shapes import UserOut
from outrider.api.issuing import issuer_of
from outrider.api.moments import Moment
from outrider.core.db import Scope
from outrider.core.errors import Forbidden, Invalid, Unauthenticated
from outrider.domain.accounts import queries as accounts
from outrider.domain.accounts import sessions
from outrider.domain.accounts.actions import normalise_email
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.deliverability import preflight
from outrider.domain.deliverability import queries as health
from outrider.domain.deliverability.models import Preflight
from outrider.domain.grants import actions as grants
from outrider.domain.grants import signing_in
from outrider.domain.mailboxes import connecting, connections, syncing
from outrider.domain.mailboxes import queries as mailboxes
from outrider.domain.mailboxes.models import Mailbox
from outrider.domain.operations import queries as operations
from outrider.domain.sequences import actions as sequences
from outrider.providers.mail.interface import ConnectFailed, Security, Server, ServerAccount, Step, usual_security

router = contract.router("/auth", tag="auth")

Port = Annotated[int, Field(ge=1, le=65535, strict=True), WHOLE]
Host = Annotated[str, Field(min_length=1, max_length=253)]
Text = Annotated[str, Field(max_length=320)]


class PasswordSignIn(In):
    provider: Literal["password"]
    email: Text
    password: SecretStr = Field(max_length=1024)


class ImapConnect(In):
    """Connects a mailbox of the signed-in user. SMTP's host, port and security follow IMAP's unless given."""

    provider: Literal["imap"]
    email: Text | None = Field(None, description="The mailbox's address, if the user name isn't one.")
    name: Annotated[str, Field(max_length=200)] = Field("", description="Shown as the sender of follow-ups.")
    host: Host
    port: Port = 993
    security: Security | None = Field(None, description="Default: tls on 993, else starttls.")
    username: Text
    password: SecretStr | None = Field(None, max_length=1024, description="The password or app password.")
    access_token: SecretStr | None = Field(None, max_length=8192, description="An OAuth token for XOAUTH2 instead.")
    smtp_host: Host | None = None
    smtp_port: Port | None = Field(None, description="Default: 465.")
    smtp_security: Security | None = Field(None, description="Default: tls on 465, else starttls.")


class SignInConnect(In):
    """Begins a sign-in with a provider: open `authUrl` in the same browser. With `code` and `state` it fetches the
    session of one that ended at a `redirectUri`.
    """

    redirect_uri: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="Where the browser goes with the outcome; one of OUTRIDER_REDIRECT_URIS, to the letter."
    )
    code: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="From the fragment of the `redirectUri`; works once, for two minutes."
    )
    state: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The `state` that the sign-in began with."
    )


class GoogleConnect(SignInConnect):
    provider: Literal["google"] = "google"


class MicrosoftConnect(SignInConnect):
    provider: Literal["microsoft"]


def _provider(value: Any) -> str:
    """Google is meant where no provider is named: so the extension starts its flow."""
    named = value.get("provider", "google") if isinstance(value, dict) else getattr(value, "provider", "")
    return named if isinstance(named, str) else ""


Connect = Annotated[
    Annotated[PasswordSignIn, Tag("password")]
    | Annotated[ImapConnect, Tag("imap")]
    | Annotated[GoogleConnect, Tag("google")]
    | Annotated[MicrosoftConnect, Tag("microsoft")],
    Discriminator(_provider),
]


class SessionOut(Out):
    """The tokens of a session; the access token goes into `Authorization: Bearer`."""

    user: UserOut
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name
    expires_at: Moment


class BegunOut(Out):
    """A sign-in with a provider that waits for its browser. The answer's cookie ties it to the browser that began."""

    auth_url: str
    state: str
    expires_at: Moment


class MailboxOut(Out):
    id: UUID
    address: str
    provider: str
    state: Literal["connected", "unreachable", "reauth_required", "disconnected"]
    state_reason: str | None
    last_sync_at: Moment | None

    @classmethod
    def of(cls, mailbox: Mailbox) -> "MailboxOut":
        return cls(
            id=mailbox.id,
            address=mailbox.address,
            provider=mailbox.provider,
            state=mailbox.state.value,
            state_reason=mailbox.state_reason,
            last_sync_at=mailbox.synced_at,
        )


class CheckOut(Out):
    """What receivers find in the DNS: `record` is what to publish or change where something is missing."""

    check: Literal["mx", "spf", "dkim", "dmarc"]
    verdict: Literal["ok", "warn", "fail", "unknown"]
    message: str
    record: str

    @classmethod
    def of(cls, check: Mapping[str, Any]) -> "CheckOut":
        return cls(check=check["name"], verdict=check["verdict"], message=check["message"], record=check["record"])


class ExaminedMailboxOut(MailboxOut):
    """`deliverability` is what the DNS said when the mailbox was connected; null while it has not been asked."""

    deliverability: list[CheckOut] | None
    examined_at: Moment | None

    @classmethod
    def examined(cls, mailbox: Mailbox, found: Preflight | None) -> "ExaminedMailboxOut":
        checks = [CheckOut.of(each) for each in found.checks] if found else None
        examined_at = found.examined_at if found else None
        return cls(**dict(MailboxOut.of(mailbox)), deliverability=checks, examined_at=examined_at)


class ConnectedOut(Out):
    user: UserOut
    mailbox: MailboxOut
    deliverability: list[CheckOut]


class RefreshIn(In):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class SyncStatus(Out):
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    total: int
    processed: int
    progress: Annotated[int, Field(ge=0, le=100)]
    error: str | None


class StatusOut(Out):
    authenticated: bool
    user: UserOut
    mailboxes: list[ExaminedMailboxOut]
    sync: SyncStatus | None
    session_expires_at: Moment | None


class DisconnectedOut(Out):
    disconnected: bool
    mailboxes: int
    paused_enrollments: int


CANNOT_CONNECT = connections.CannotConnect(
    ConnectFailed(Step.LOGIN, "imap", "The server refused the user name or password.", "Use an app password.")
)


@router.post(
    "/connect",
    needs=PUBLIC,
    model=BegunOut | SessionOut | ConnectedOut,
    errors=[
        Unauthenticated(sessions.WRONG),
        Forbidden("Your role doesn't allow connecting a mailbox."),
        CANNOT_CONNECT,
        signing_in.ProviderUnavailable("Signing in with Google is not set up on this server.", field="provider"),
    ],
)
async def connect(
    request: Request,
    app: App,
    body: Annotated[Connect, Body()],
) -> BegunOut | SessionOut | ConnectedOut | Response:
    """Begins a sign-in with Google or Microsoft, signs in with a password, or connects a mailbox of the signed-in user by
    IMAP.

    Google, Microsoft: open `authUrl` in the browser that sent this request (an extension sends it with credentials, so
    that the browser keeps the answer's cookie). The provider sends the browser to `GET /auth/callback`, which connects
    the mailbox. IMAP: both servers are verified before it answers.
    """
    if isinstance(body, PasswordSignIn):
        return await _sign_in(request, app, body)
    if isinstance(body, ImapConnect):
        return await _connect_imap(request, app, body)
    if body.code is None:
        return await _begin(request, app, body)
    if body.state is None:
        raise Invalid("Give the state that the sign-in began with.", field="state")
    async with app.db.begin(Scope(actor="sign-in", request_id=request.state.request_id)) as own:
        issued = await sessions.claim(own, issuer_of(app), code=body.code, bound_to=body.state)
    return await session_of(app, issued)


@router.post("/refresh", needs=PUBLIC, model=SessionOut, errors=[Unauthenticated("This refresh token is unknown.")])
async def refresh(app: App, body: RefreshIn) -> SessionOut:
    """Trades a refresh token for a new one and a new access token. Each works once."""
    return await session_of(app, await sessions.renew(app.db, issuer_of(app), body.refresh_token))


@router.get("/status", needs=Permission.ACCOUNT_READ, model=StatusOut)
async def auth_status(db: Db, actor: Caller) -> StatusOut:
    """Says who is signed in, which mailboxes are connected and how far their sync is."""
    user = await accounts.get_user(db, actor.user_id)
    connected = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
    examined = await health.preflights_of(db, actor.workspace_id, [each.id for each in connected])
    first = connected[0] if connected else None
    operation = await operations.latest(db, actor.workspace_id, syncing.OPERATION, first.id) if first else None
    return StatusOut(
        authenticated=True,
        user=UserOut.of(user, first),
        mailboxes=[ExaminedMailboxOut.examined(each, examined.get(each.id)) for each in connected],
        sync=SyncStatus.model_validate(operation, from_attributes=True) if operation else None,
        session_expires_at=await accounts.session_ends(db, actor),
    )


@router.delete("/disconnect", needs=Permission.MAILBOXES_WRITE, model=DisconnectedOut)
async def disconnect(db: Db, app: App, actor: Caller, after: BackgroundTasks) -> DisconnectedOut:
    """Forgets the credentials of every mailbox of the caller, ends the permissions at their providers, and pauses what
    would be sent from them.
    """
    connected = await mailboxes.of_user(db, actor.workspace_id, actor.user_id)
    paused = 0
    for mailbox in connected:
        grant_id = await connections.disconnect(db, mailbox)
        if grant_id is not None:
            # Runs once this transaction is committed; a job repeats it where the provider does not answer.
            after.add_task(grants.revoke, app, actor.workspace_id, grant_id)
        paused += await sequences.pause_all(db, mailbox, reason="The mailbox was disconnected.")
    return DisconnectedOut(disconnected=bool(connected), mailboxes=len(connected), paused_enrollments=paused)


async def _begin(request: Request, app: App, body: GoogleConnect | MicrosoftConnect) -> Response:
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is not None and not actor.may(Permission.MAILBOXES_WRITE):
        raise Forbidden("Your role doesn't allow connecting a mailbox.", needs=str(Permission.MAILBOXES_WRITE))
    begun = await signing_in.begin(
        app,
        provider=body.provider,
        actor=actor,
        redirect_uri=body.redirect_uri,
        request_id=request.state.request_id,
    )
    shown = BegunOut(auth_url=begun.auth_url, state=begun.state, expires_at=begun.expires_at)
    response = Response(shown.model_dump_json(by_alias=True), media_type="application/json")
    remember(app, response, begun)
    return response


async def _sign_in(request: Request, app: App, body: PasswordSignIn) -> SessionOut:
    issued = await sessions.sign_in(
        app.db,
        issuer_of(app),
        email=body.email,
        password=body.password.get_secret_value(),
        client=request.headers.get("user-agent", ""),
        request_id=request.state.request_id,
    )
    return await session_of(app, issued)


async def session_of(app: App, issued: sessions.Issued) -> SessionOut:
    scope = Scope(issued.session.workspace_id, issued.user.id)
    async with app.db.begin(scope) as db:
        connected = await mailboxes.of_user(db, issued.session.workspace_id, issued.user.id)
    return SessionOut(
        user=UserOut.of(issued.user, connected[0] if connected else None),
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        expires_at=issued.expires_at,
    )


async def _connect_imap(request: Request, app: App, body: ImapConnect) -> ConnectedOut:
    actor = await get_actor(request)
    if not actor.may(Permission.MAILBOXES_WRITE):
        raise Forbidden("Your role doesn't allow connecting a mailbox.", needs=str(Permission.MAILBOXES_WRITE))
    account = _account(body)
    scope = actor.scope(request.state.request_id)
    mailbox, checks = await asyncio.gather(
        connecting.connect_servers(app, actor, scope, account, name=body.name),
        preflight.examine(app, actor.workspace_id, account.address, server=account.smtp.host),
    )
    async with app.db.begin(scope) as own:
        user = await accounts.get_user(own, actor.user_id)
    return ConnectedOut(
        user=UserOut.of(user, mailbox),
        mailbox=MailboxOut.of(mailbox),
        deliverability=[CheckOut.of(asdict(each)) for each in checks],
    )


def _account(body: ImapConnect) -> ServerAccount:
    if (body.password is None) == (body.access_token is None):
        raise Invalid("Give either a password or an accessToken.", field="password")
    smtp_port = body.smtp_port or 465
    return ServerAccount(
        address=normalise_email(body.email or body.username),
        username=body.username,
        imap=Server(body.host, body.port, body.security or usual_security(body.port)),
        smtp=Server(body.smtp_host or body.host, smtp_port, body.smtp_security or usual_security(smtp_port)),
        password=body.password.get_secret_value() if body.password else None,
        access_token=body.access_token.get_secret_value() if body.access_token else None,
    )
