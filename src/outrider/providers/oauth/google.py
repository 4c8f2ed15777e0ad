"""Signing in with Google, for Gmail and for its address book."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from outrider.core.clock import now
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
# What wider permissions let be done as well.
_IMPLIED = {
    "https://www.googleapis.com/auth/gmail.modify": MAIL.needed,
    "https://mail.google.com/": MAIL.needed,
}
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
    inspect: str


class GoogleOAuth:
    """An `OAuthProvider` and `Inspector` for Google accounts."""

    reading = READ_MAIL
    sending = SEND_MAIL

    def __init__(
        self, egress: Egress, client: Client, endpoints: Endpoints, keys: SigningKeys, *, purpose: Purpose = MAIL
    ) -> None:
        self._flow = CodeFlow(egress, GOOGLE, client, keys, authorize=endpoints.authorize, token=endpoints.token)
        self._client, self._endpoints, self._purpose = client, endpoints, purpose

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
        answer = await self._flow.post(self._endpoints.revoke, {"token": token})
        # 400 says that it had ended before.
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            raise GrantFailed(f"Google answered {answer.status_code} to the end of a permission.", is_terminal=False)

    async def inspect(self, access_token: str) -> tuple[Tokens, Identity]:
        asked_at = now()
        # In a header: what stands in an address is written into logs.
        credentials = {"Authorization": f"Bearer {access_token}"}
        answer = await self._flow.post(self._endpoints.inspect, {}, headers=credentials)
        if answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
            raise GrantFailed("Google does not know this access token, or it has run out.", is_terminal=True)
        if not answer.is_success:
            raise GrantFailed(f"Google answered {answer.status_code} when asked about a token.", is_terminal=False)
        said = self._flow.read(answer)
        # Somebody else's client could hand in what it was given: only ours may be renewed and revoked by us.
        if self._client.id not in {said.get("aud"), said.get("azp")}:
            raise GrantFailed("This token was made for another client than this server's.", is_terminal=True)
        lives = str(said.get("expires_in", ""))
        if not (lives.isascii() and lives.isdigit()):
            raise GrantFailed("Google's answer could not be understood.", is_terminal=False)
        tokens = Tokens(access_token, asked_at + timedelta(seconds=int(lives[:9])), _with_implied(said.get("scope")))
        # Without the scope `email` or `openid` Google leaves these out; the mailbox itself says its address.
        email = said.get("email") if str(said.get("email_verified")).lower() == "true" else ""
        return tokens, Identity((claimed(said, "sub") or "")[:255], str(email).lower(), "", None)


def _with_implied(scope: object) -> frozenset[str]:
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset()
    return scopes.union(*(implied for wider, implied in _IMPLIED.items() if wider in scopes))
