"""Signing in with Google, for Gmail and for its address book."""

from dataclasses import dataclass
from http import HTTPStatus

from outrider.core.egress import Egress
from outrider.providers.oauth.code_flow import Client, CodeFlow, Vendor, claimed
from outrider.providers.oauth.interface import Challenge, GrantFailed, Identity, Purpose, Tokens
from outrider.providers.oauth.keys import SigningKeys

READ_MAIL = "https://www.googleapis.com/auth/gmail.readonly"
SEND_MAIL = "https://www.googleapis.com/auth/gmail.send"
MAIL = Purpose(
    frozenset({READ_MAIL, SEND_MAIL}),
    "Google was not told to let us read and send mail. Sign in again and leave both boxes ticked on Google's page.",
    wished=frozenset({"openid", "email", "profile"}),
)
READ_CONTACTS = "https://www.googleapis.com/auth/contacts.readonly"
READ_OTHER_CONTACTS = "https://www.googleapis.com/auth/contacts.other.readonly"
CONTACTS = Purpose(
    frozenset({READ_CONTACTS}),
    "Google was not told to let us read the contacts. Start again and leave the box ticked on Google's page.",
    wished=frozenset({"openid", "https://www.googleapis.com/auth/userinfo.email", READ_OTHER_CONTACTS}),
)
CALENDARS = Purpose(
    frozenset({"https://www.googleapis.com/auth/calendar.readonly"}),
    "Google was not told to let us read the calendars. Start again and leave the box ticked on Google's page.",
    wished=frozenset({"openid", "https://www.googleapis.com/auth/userinfo.email"}),
)
GOOGLE = Vendor(
    "Google",
    dead={"invalid_grant": "The permission was withdrawn or has expired at Google."},
    longest_token=4_096,  # Google documents 2,048 bytes for access tokens, 512 for refresh tokens
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    authorize: str
    token: str
    revoke: str


class GoogleOAuth:
    """An `OAuthProvider` for Google accounts."""

    def __init__(
        self, egress: Egress, client: Client, endpoints: Endpoints, keys: SigningKeys, *, purpose: Purpose = MAIL
    ) -> None:
        self._flow = CodeFlow(egress, GOOGLE, client, keys, authorize=endpoints.authorize, token=endpoints.token)
        self._revoke, self._purpose = endpoints.revoke, purpose

    @property
    def scopes(self) -> frozenset[str]:
        return self._purpose.scopes

    def authorization_url(self, challenge: Challenge, *, redirect_uri: str, hint: str | None = None) -> str:
        # Without both Google gives no refresh token to somebody who has agreed before.
        lasting = {"access_type": "offline", "prompt": "consent"}
        return self._flow.question(challenge, redirect_uri=redirect_uri, scopes=self.scopes, login_hint=hint, **lasting)

    async def exchange(self, code: str, challenge: Challenge, *, redirect_uri: str) -> tuple[Tokens, Identity]:
        tokens, id_token = await self._flow.trade(code, challenge, redirect_uri=redirect_uri)
        if not tokens.scopes >= self._purpose.needed:
            raise GrantFailed(self._purpose.lacking, is_terminal=True)
        claims = await self._flow.claims(id_token, challenge)
        subject, email = claims.get("sub"), claims.get("email")
        if not isinstance(subject, str) or not isinstance(email, str) or claims.get("email_verified") is not True:
            raise GrantFailed("Google does not vouch for an email address of this account.", is_terminal=True)
        return tokens, Identity(subject[:255], email.lower(), claimed(claims, "name") or "", claimed(claims, "picture"))

    async def refresh(self, refresh_token: str) -> Tokens:
        return await self._flow.renew(refresh_token)

    async def revoke(self, token: str) -> None:
        answer = await self._flow.post(self._revoke, {"token": token})
        # 400 says that it had ended before.
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            raise GrantFailed(f"Google answered {answer.status_code} to the end of a permission.", is_terminal=False)
