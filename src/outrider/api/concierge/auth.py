"""Registering, signing in and out, and who is signed in."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request
from pydantic import Field, SecretStr

from outrider.api.bodies import Timezone
from outrider.api.concierge.contract import contract
from outrider.api.contract import PUBLIC
from outrider.api.deps import App, Caller, Db
from outrider.api.enveloped import In, Out
from outrider.api.issuing import issuer_of
from outrider.api.moments import Moment
from outrider.core.errors import Conflict, Forbidden, Unauthenticated
from outrider.core.passwords import WeakPassword
from outrider.domain.accounts import queries, registering, sessions
from outrider.domain.accounts.models import User
from outrider.domain.accounts.permissions import Permission

router = contract.router("/auth", tag="auth")

Email = Annotated[str, Field(max_length=320)]
Password = Annotated[SecretStr, Field(max_length=1024)]
Name = Annotated[str, Field(max_length=200)]


class NoSession(Conflict):
    code = "no_session"


WEAK = WeakPassword("Use at least 15 characters; several words are easy to remember.", field="password")
STRANGER = Forbidden("ada@lovelace.example is not known here. Ask the operator of this server to add you.")
KEYED = NoSession("An access key has no session to end. Revoke the key instead.")


class UserOut(Out):
    id: UUID
    email: str
    name: str
    timezone: str
    created_at: Moment
    updated_at: Moment


class RegisterIn(In):
    email: Email
    password: Password
    name: Name = ""
    timezone: Timezone = "UTC"


class RegisteredOut(Out):
    """The same whether or not the address was known: signing in tells those who know the password."""

    status: Literal["accepted"] = "accepted"
    email: str
    next: str = "Sign in with POST /api/auth/login."


class LoginIn(In):
    email: Email
    password: Password


class RefreshIn(In):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class SessionOut(Out):
    """`access_token` goes into `Authorization: Bearer`; the session lives as long as it is refreshed in time."""

    user: UserOut
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name
    expires_at: Moment

    @classmethod
    def of(cls, issued: sessions.Issued) -> "SessionOut":
        return cls(
            user=UserOut.model_validate(issued.user),
            access_token=issued.access_token,
            refresh_token=issued.refresh_token,
            expires_at=issued.expires_at,
        )


class LoggedOutOut(Out):
    logged_out: Literal[True] = True


@router.post("/register", needs=PUBLIC, model=RegisteredOut, status_code=202, errors=[WEAK, STRANGER])
async def register(request: Request, app: App, body: RegisterIn) -> RegisteredOut:
    """Makes an account. The answer is the same where the address has one already."""
    email = await registering.register(
        app.db,
        email=body.email,
        password=body.password.get_secret_value(),
        name=body.name,
        timezone=body.timezone,
        sign_up=app.settings.sign_up,
        request_id=request.state.request_id,
    )
    return RegisteredOut(email=email)


@router.post("/login", needs=PUBLIC, model=SessionOut, errors=[Unauthenticated(sessions.WRONG)])
async def login(request: Request, app: App, body: LoginIn) -> SessionOut:
    """Signs in by password. Every surface of this server takes the tokens."""
    issued = await sessions.sign_in(
        app.db,
        issuer_of(app),
        email=body.email,
        password=body.password.get_secret_value(),
        client=request.headers.get("user-agent", ""),
        request_id=request.state.request_id,
    )
    return SessionOut.of(issued)


@router.post(
    "/refresh",
    needs=PUBLIC,
    model=SessionOut,
    errors=[Unauthenticated("This refresh token is unknown. Sign in again.")],
)
async def refresh_session(app: App, body: RefreshIn) -> SessionOut:
    """Trades a refresh token for a new one and a new access token. Each works once."""
    return SessionOut.of(await sessions.renew(app.db, issuer_of(app), body.refresh_token))


@router.post("/logout", needs=Permission.ACCOUNT_READ, model=LoggedOutOut, errors=[KEYED])
async def logout(db: Db, actor: Caller) -> LoggedOutOut:
    """Ends the session of this access token, with its refresh tokens."""
    if actor.session_id is None:
        raise NoSession(KEYED.message)
    await sessions.revoke(db, actor.workspace_id, actor.session_id, reason="Signed out.")
    return LoggedOutOut()


@router.get("/me", needs=Permission.ACCOUNT_READ, model=UserOut)
async def me(db: Db, actor: Caller) -> User:
    """Returns whoever is signed in."""
    return await queries.get_user(db, actor.user_id)
