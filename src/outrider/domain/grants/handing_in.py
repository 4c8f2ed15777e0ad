"""Tokens that a client got from a provider itself, and hands in: believed only after the provider was asked."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from outrider.core.errors import Conflict, Invalid, Unavailable
from outrider.domain.accounts.permissions import Actor
from outrider.domain.grants.models import Grant, State
from outrider.domain.grants.signing_in import ProviderUnavailable
from outrider.providers.oauth.interface import GrantFailed, Identity, Inspector, OAuthProvider, Tokens

# What says who somebody is lets nothing be done.
IDENTIFYING = frozenset(
    {
        "openid",
        "email",
        "profile",
        "https://www.googleapis.com/auth/userinfo.email",
        "https://www.googleapis.com/auth/userinfo.profile",
    }
)


class TokenRefused(Invalid):
    code = "token_refused"


class ScopeMissing(Invalid):
    """`missing` names what the client has to ask its user for."""

    code = "scope_missing"


class ScopeNarrower(Conflict):
    """What is stored reaches further: taking the new permission in its place would break something."""

    code = "scope_narrower"


async def examine(
    providers: Mapping[str, OAuthProvider], name: str, *, access_token: str | None, refresh_token: str
) -> tuple[Tokens, Identity]:
    """Asks the provider what the tokens are; an access token that is missing or has run out is renewed first.

    The identity's subject and email are empty where the permission does not cover them. Raises ProviderUnavailable,
    TokenRefused, ScopeMissing, Unavailable.
    """
    provider = providers.get(name)
    if provider is None or not isinstance(provider, Inspector):
        raise ProviderUnavailable(f"Tokens of {name.capitalize()} can't be used: it is not set up on this server.")
    try:
        tokens, identity = await _inspected(provider, access_token, refresh_token)
    except GrantFailed as failure:
        if failure.is_terminal:
            raise TokenRefused(failure.message, field="access_token") from failure
        raise Unavailable(f"{failure.message} Try again in a minute.", retry_after=60) from failure
    if provider.reading not in tokens.scopes:
        raise ScopeMissing(
            f"The permission does not let mail be read: it lacks {provider.reading}.", missing=[provider.reading]
        )
    return tokens, identity


async def _inspected(provider: Inspector, access_token: str | None, refresh_token: str) -> tuple[Tokens, Identity]:
    if access_token is not None:
        try:
            tokens, identity = await provider.inspect(access_token)
            return replace(tokens, refresh_token=refresh_token), identity
        except GrantFailed as failure:
            if not failure.is_terminal:
                raise
    renewed = await provider.refresh(refresh_token)
    tokens, identity = await provider.inspect(renewed.access_token)
    return replace(tokens, refresh_token=renewed.refresh_token or refresh_token), identity


def can_send(providers: Mapping[str, OAuthProvider], name: str, tokens: Tokens) -> bool:
    provider = providers.get(name)
    return isinstance(provider, Inspector) and provider.sending in tokens.scopes


async def refuse_narrower(db: AsyncSession, actor: Actor, *, provider: str, address: str, tokens: Tokens) -> None:
    """Raises ScopeNarrower where a permission for this mailbox is in use that lets more be done."""
    kept = await db.scalars(
        select(Grant).where(
            Grant.workspace_id == actor.workspace_id,
            Grant.user_id == actor.user_id,
            Grant.provider == provider,
            Grant.address == address,
            Grant.state == State.ACTIVE,
        )
    )
    lost = sorted({scope for grant in kept for scope in grant.scopes} - tokens.scopes - IDENTIFYING)
    if lost:
        message = f"The mailbox is connected with more than these tokens allow: {', '.join(lost)}. Ask for it too."
        raise ScopeNarrower(message, missing=lost)
