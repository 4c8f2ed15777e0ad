"""What a provider of grants can do (OAuth 2.0, RFC 6749, and OpenID Connect), in terms no vendor owns."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave. `refresh_token` is None where the one we have goes on being good."""

    access_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. `subject` stays the same when the address changes. `is_vouched`: the provider has made sure that the
    address is this account's, so that whoever signs in may be taken for its owner.
    """

    subject: str
    email: str
    name: str
    picture: str | None
    is_vouched: bool = True


@dataclass(frozen=True, slots=True)
class Challenge:
    """What ties an answer to the question: the state, the PKCE verifier (RFC 7636), and OpenID Connect's nonce."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a permission is for. Without all of `needed` nothing comes of it; what was `wished` for may be left out.

    `lacking` is for whoever left out something needed: what it is for, and what to do.
    """

    needed: frozenset[str]
    lacking: str
    wished: frozenset[str] = frozenset()

    @property
    def scopes(self) -> frozenset[str]:
        return self.needed | self.wished


class GrantFailed(Exception):
    """The provider gave no tokens. `is_terminal`: it never will for this grant or code; else the next try may work."""

    def __init__(self, message: str, *, is_terminal: bool) -> None:
        super().__init__(message)
        self.message, self.is_terminal = message, is_terminal


class OAuthProvider(Protocol):
    """A way to get and renew grants for one purpose. Every failure is a GrantFailed."""

    @property
    def scopes(self) -> frozenset[str]:
        """What is asked for."""
        ...

    def authorization_url(self, challenge: Challenge, *, redirect_uri: str, hint: str | None = None) -> str:
        """Where the browser goes; `hint` is the address to sign in with."""
        ...

    async def exchange(self, code: str, challenge: Challenge, *, redirect_uri: str) -> tuple[Tokens, Identity]:
        """Trades a code for tokens; terminal unless they carry every scope that is needed."""
        ...

    async def refresh(self, refresh_token: str) -> Tokens: ...

    async def revoke(self, token: str) -> None:
        """Ends the grant at the provider, if it can be told; done also where it had ended before."""
        ...


@runtime_checkable
class Inspector(OAuthProvider, Protocol):
    """An OAuthProvider that also says what an access token is, which somebody else was given.

    `reading` and `sending` are the scopes by which mail may be read and sent.
    """

    reading: str
    sending: str

    async def inspect(self, access_token: str) -> tuple[Tokens, Identity]:
        """The scopes include what wider ones imply; subject and email are empty where they do not cover them.

        Raises GrantFailed; terminal where the token is unknown, over, or was not made for us."""
        ...
