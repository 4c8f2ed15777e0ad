"""The cookie that ties a sign-in with a provider to the browser that began it."""

from starlette.responses import Response

from outrider.core.tokens import digest
from outrider.domain.grants import signing_in
from outrider.runtime import Runtime


def cookie_of(state: str) -> str:
    """The name of a sign-in's cookie: one each, so that two tabs do not disturb each other."""
    return f"outrider-sign-in-{digest(state).hex()[:16]}"


def remember(app: Runtime, response: Response, begun: signing_in.Begun) -> None:
    response.set_cookie(
        cookie_of(begun.state),
        begun.browser,
        max_age=int(signing_in.LIFETIME.total_seconds()),
        path=signing_in.CALLBACK,
        secure=app.settings.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
