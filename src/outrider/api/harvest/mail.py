"""A Gmail account by its tokens, and looking into it: messages and labels."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field, SecretStr, model_validator

from outrider.api.bodies import WHOLE
from outrider.api.deps import App, Caller
from outrider.api.enveloped import In, Out
from outrider.api.harvest.contract import gmail as contract
from outrider.api.harvest.mailboxes import NEEDS_RECONNECT, NO_MAILBOX, mailbox_of
from outrider.api.moments import Moment
from outrider.core.clock import now
from outrider.core.errors import Unavailable
from outrider.domain.accounts.permissions import Actor, Permission
from outrider.domain.accounts.vault import open_vault
from outrider.domain.grants import actions as grants
from outrider.domain.grants import handing_in
from outrider.domain.grants.handing_in import ScopeMissing, ScopeNarrower, TokenRefused
from outrider.domain.mailboxes import browsing, connections, syncing
from outrider.providers.mail.interface import ConnectFailed, GrantedAccount, Step
from outrider.providers.oauth.interface import Identity, Tokens

router = contract.router(tag="gmail")

GOOGLE = "google"
LASTS_AT_LEAST = timedelta(seconds=60)
Token = Annotated[SecretStr, Field(min_length=1, max_length=4096)]
MailboxId = Annotated[
    UUID | None, Query(description="Your mailbox; without it the first one of Gmail, else the first.")
]
CANNOT_CONNECT = connections.CannotConnect(
    ConnectFailed(Step.LOGIN, GOOGLE, "The Gmail API is switched off.", "The operator has to switch it on.")
)
SERVER_DOWN = Unavailable("Google took too long to answer. Try again in 30 seconds.", retry_after=30)


class TokenIn(In):
    """What Google's token endpoint answered to a client of this server's Google project."""

    access_token: Token
    refresh_token: Token
    expires_in: Annotated[int, Field(ge=0, le=10**7), WHOLE] | None = Field(None, description="Seconds from now.")
    expires_at: Moment | None = Field(None, description="Instead of `expires_in`.")
    scope: Annotated[str, Field(max_length=4096)] | None = Field(
        None, description="Separated by blanks. Google is asked what was really granted."
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name

    @model_validator(mode="after")
    def _ends_once(self) -> "TokenIn":
        if self.expires_in is not None and self.expires_at is not None:
            raise ValueError("give expires_in or expires_at, not both")
        return self

    @property
    def has_run_out(self) -> bool:
        """Whether the client itself says so."""
        if self.expires_at is not None:
            return self.expires_at <= now() + LASTS_AT_LEAST
        return self.expires_in is not None and self.expires_in <= LASTS_AT_LEAST.total_seconds()


class ConnectedOut(Out):
    """`scopes` are what Google says was granted; `can_send` whether follow-ups may leave from the mailbox too."""

    mailbox_id: UUID
    email: str
    provider: Literal["gmail"] = "gmail"
    scopes: list[str]
    can_send: bool
    expires_at: Moment


class AddressOut(Out):
    name: str
    email: str


class MessageOut(Out):
    id: str
    thread_id: str
    sender: AddressOut = Field(serialization_alias="from")
    to: list[str]
    subject: str
    snippet: str
    labels: list[str]
    size: int
    sent_at: Moment | None
    received_at: Moment


class MessagesOut(Out):
    """`total_estimate` is the server's guess; null where nobody counts. `next_page_token` is null on the last page."""

    mailbox_id: UUID
    messages: list[MessageOut]
    next_page_token: str | None
    total_estimate: int | None


class LabelOut(Out):
    id: str
    name: str
    type: Literal["system", "user"]


class LabelsOut(Out):
    mailbox_id: UUID
    labels: list[LabelOut]


@router.post(
    "/token",
    needs=Permission.MAILBOXES_WRITE,
    model=ConnectedOut,
    reaches_out=True,
    errors=[
        TokenRefused("Google does not know this access token, or it has run out.", field="access_token"),
        ScopeMissing("The permission does not let mail be read.", missing=["…/auth/gmail.readonly"]),
        ScopeNarrower("The mailbox is connected with more than these tokens allow.", missing=["…/auth/gmail.send"]),
        CANNOT_CONNECT,
        SERVER_DOWN,
    ],
)
async def store_token(request: Request, app: App, actor: Caller, body: TokenIn) -> ConnectedOut:
    """Connects the Gmail mailbox that the tokens are for, after Google was asked whose they are and what they allow.

    They must have been made for this server's Google client. An access token that has run out is renewed.
    """
    tokens, identity = await handing_in.examine(
        app.oauth,
        GOOGLE,
        access_token=None if body.has_run_out else body.access_token.get_secret_value(),
        refresh_token=body.refresh_token.get_secret_value(),
    )
    return await _connect(app, actor, request.state.request_id, tokens, identity)


async def _connect(app: App, actor: Actor, request_id: str, tokens: Tokens, identity: Identity) -> ConnectedOut:
    async def supply(*, refused: str | None = None) -> str:
        return tokens.access_token

    verified = await connections.verify(app, GOOGLE, GrantedAccount(identity.email, supply))
    # A permission that does not cover who somebody is still opens the mailbox, which knows its address.
    address = identity.email or verified.address
    identity = replace(identity, email=address, subject=identity.subject or f"address:{address}")
    async with app.db.begin(actor.scope(request_id)) as db:
        await handing_in.refuse_narrower(db, actor, provider=GOOGLE, address=identity.email, tokens=tokens)
        grant = await grants.store(
            db,
            await open_vault(db, app.keyring, actor.workspace_id),
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            provider=GOOGLE,
            identity=identity,
            tokens=tokens,
        )
        mailbox = await connections.connect(
            db,
            app.keyring,
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            provider=GOOGLE,
            account=GrantedAccount(address, supply),
            verified=verified,
            name=identity.name,
            daily_limit=app.settings.daily_limit,
            grant_id=grant.id,
        )
        await syncing.request(db, mailbox)
    return ConnectedOut(
        mailbox_id=mailbox.id,
        email=mailbox.address,
        scopes=sorted(tokens.scopes),
        can_send=handing_in.can_send(app.oauth, GOOGLE, tokens),
        expires_at=tokens.expires_at,
    )


@router.get(
    "/messages",
    needs=Permission.MAILBOXES_READ,
    model=MessagesOut,
    reaches_out=True,
    errors=[NO_MAILBOX, NEEDS_RECONNECT, SERVER_DOWN],
)
async def list_messages(
    request: Request,
    app: App,
    actor: Caller,
    limit: Annotated[int, Query(ge=1, le=100, description="Messages on a page.")] = 20,
    page_token: Annotated[
        str | None, Query(max_length=4_000, description="`next_page_token` of the page before.")
    ] = None,
    label: Annotated[str | None, Query(min_length=1, max_length=200, description="A label's `id`.")] = None,
    query: Annotated[
        str,
        Query(max_length=1000, description="In Gmail's own words, or Outlook's (KQL), such as `from:grace@b.test`."),
    ] = "",
    mailbox_id: MailboxId = None,
) -> MessagesOut:
    """Returns messages, the newest first: of Gmail and Outlook as they are now, of another mailbox what was synced from it."""
    mailbox = await mailbox_of(app, actor, mailbox_id, request.state.request_id)
    view = await browsing.messages(app, mailbox, label=label, query=query, page=page_token, size=limit)
    return MessagesOut(
        mailbox_id=mailbox.id,
        messages=[
            MessageOut(
                id=each.id,
                thread_id=each.thread_id,
                sender=AddressOut(name=each.sender_name, email=each.sender_address),
                to=list(each.to),
                subject=each.subject,
                snippet=each.snippet,
                labels=list(each.labels),
                size=each.size,
                sent_at=each.sent_at,
                received_at=each.received_at,
            )
            for each in view.messages
        ],
        next_page_token=view.next_page,
        total_estimate=view.estimate,
    )


@router.get(
    "/labels",
    needs=Permission.MAILBOXES_READ,
    model=LabelsOut,
    reaches_out=True,
    errors=[NO_MAILBOX, NEEDS_RECONNECT, SERVER_DOWN],
)
async def list_labels(request: Request, app: App, actor: Caller, mailbox_id: MailboxId = None) -> LabelsOut:
    """Returns the labels of Gmail, or the folders of Outlook; of another mailbox the folders that are read."""
    mailbox = await mailbox_of(app, actor, mailbox_id, request.state.request_id)
    found = await browsing.labels(app, mailbox)
    return LabelsOut(
        mailbox_id=mailbox.id,
        labels=[LabelOut(id=each.id, name=each.name, type="system" if each.is_system else "user") for each in found],
    )
