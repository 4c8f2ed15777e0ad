"""Sending a browser of the console to a provider, which sends it back to a page of the console."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from outrider.api.browsers import remember
from outrider.domain.accounts.permissions import Actor
from outrider.domain.grants import signing_in
from outrider.runtime import Runtime


async def leave_for(
    request: Request, app: Runtime, actor: Actor, provider: str, *, page: str, hint: str = ""
) -> Response:
    """`hint` is the address to sign in with. Raises ProviderUnavailable."""
    begun = await signing_in.begin(
        app, provider=provider, actor=actor, redirect_uri=None, page=page, hint=hint or None,
        request_id=request.state.request_id,
    )  # fmt: skip
    response = RedirectResponse(begun.auth_url, 303)
    remember(app, response, begun)
    return response
