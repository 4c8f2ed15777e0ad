"""Signing in with Microsoft (identity platform 2.0, work and personal accounts), for Outlook's mail and contacts.

Every renewal gives a new refresh token. There is no way for an application to end one grant: Microsoft knows only the
end of all sessions of a user, for which an administrator is needed, and the page where the user removes the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outrider.core.egress import Egress
from outrider.providers.oauth.code_flow import Client, CodeFlow, Vendor, claimed
from outrider.providers.oauth.interface import Challenge, GrantFailed, Identity, Purpose, Tokens
from outrider.providers.oauth.keys import TENANT, SigningKeys

GRAPH = "https://graph.microsoft.com/"
OPENID = frozenset({"openid", "email", "profile", "offline_access"})
USER_READ = GRAPH + "User.Read"
MAIL = Purpose(
    frozenset({GRAPH + "Mail.ReadWrite", GRAPH + "Mail.Send"}),
    "Microsoft was not told to let us read and send mail. Sign in again and accept all that Microsoft's page lists.",
    wished=OPENID | {USER_READ},
)
CONTACTS = Purpose(
    frozenset({GRAPH + "Contacts.Read"}),
    "Microsoft was not told to let us read the contacts. Start again and accept all that Microsoft's page lists.",
    wished=OPENID | {USER_READ},
)
CALENDARS = Purpose(
    frozenset({GRAPH + "Calendars.Read"}),
    "Microsoft was not told to let us read the calendars. Start again and accept all that Microsoft's page lists.",
    wished=OPENID | {USER_READ},
)
ANY_TENANT = frozenset({"common", "organizations", "consumers"})
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"  # the tenant that all personal accounts are in
_AGAIN = "Microsoft wants the account's owner to sign in again"


def _number(refusal: Mapping[str, Any]) -> str:
    """The number by which Microsoft's pages explain a refusal."""
    numbers = refusal.get("error_codes")
    is_told = isinstance(numbers, list) and numbers and isinstance(numbers[0], int)
    return f" (AADSTS{numbers[0]})" if isinstance(numbers, list) and is_told else ""


MICROSOFT = Vendor(
    "Microsoft",
    dead={
        "invalid_grant": "The permission was withdrawn or has expired at Microsoft.",
        "interaction_required": f"{_AGAIN}, as its organisation demands.",
        "login_required": f"{_AGAIN}.",
        "consent_required": f"{_AGAIN} and to agree anew.",
    },
    longest_token=16_384,  # no length is documented; access tokens of large organisations have passed 4,096
    detail=_number,
)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may sign in: `tenant` is an organisation's number or domain, or one of ANY_TENANT."""

    url: str
    tenant: str

    @property
    def authorize(self) -> str:
        return f"{self.url}/{self.tenant}/oauth2/v2.0/authorize"

    @property
    def token(self) -> str:
        return f"{self.url}/{self.tenant}/oauth2/v2.0/token"

    @property
    def keys(self) -> str:
        return f"{self.url}/{self.tenant}/discovery/v2.0/keys"

    @property
    def issuer(self) -> str:
        return f"{self.url}/{TENANT}/v2.0"


class MicrosoftOAuth:
    """An `OAuthProvider` for Microsoft accounts."""

    def __init__(
        self, egress: Egress, client: Client, authority: Authority, keys: SigningKeys, *, purpose: Purpose
    ) -> None:
        self._flow = CodeFlow(egress, MICROSOFT, client, keys, authorize=authority.authorize, token=authority.token)
        self._purpose, self._is_one_tenant = purpose, authority.tenant not in ANY_TENANT

    @property
    def scopes(self) -> frozenset[str]:
        return self._purpose.scopes

    def authorization_url(self, challenge: Challenge, *, redirect_uri: str, hint: str | None = None) -> str:
        # No `prompt=consent`: it shuts out whoever's administrator has agreed for all.
        return self._flow.question(
            challenge, redirect_uri=redirect_uri, scopes=self.scopes, prompt="select_account", login_hint=hint
        )

    async def exchange(self, code: str, challenge: Challenge, *, redirect_uri: str) -> tuple[Tokens, Identity]:
        tokens, id_token = await self._flow.trade(code, challenge, redirect_uri=redirect_uri)
        if not _plain(tokens.scopes) >= _plain(self._purpose.needed):
            raise GrantFailed(self._purpose.lacking, is_terminal=True)
        return tokens, self._identity(await self._flow.claims(id_token, challenge))

    async def refresh(self, refresh_token: str) -> Tokens:
        return await self._flow.renew(refresh_token)

    async def revoke(self, token: str) -> None:
        """Does nothing: Microsoft can't be told. What we have of the grant is erased by whoever calls this."""

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject, email = claimed(claims, "sub"), claimed(claims, "email") or claimed(claims, "preferred_username") or ""
        if not subject or "@" not in email:
            raise GrantFailed("Microsoft names no email address of this account.", is_terminal=True)
        return Identity(
            subject[:255],
            email.lower(),
            claimed(claims, "name") or "",
            None,
            is_vouched=self._is_one_tenant or _is_vouched(claims),
        )


def _is_vouched(claims: Mapping[str, Any]) -> bool:
    # The administrator of any organisation may write any address into its accounts. Microsoft has only proved those of
    # personal accounts, and those for which it says that the organisation owns the domain (`xms_edov`).
    is_owned = str(claims.get("xms_edov", "")).lower() in {"true", "1"}
    return "email" in claims and (is_owned or claims.get("tid") == PERSONAL)


def _plain(scopes: frozenset[str]) -> frozenset[str]:
    """Microsoft names scopes with or without Graph's address, whatever the case."""
    return frozenset(each.removeprefix(GRAPH).lower() for each in scopes)
