"""Codes and refresh tokens traded with Google; what it says otherwise is understood."""

from collections.abc import AsyncIterator

import pytest

from outrider.core.clock import now
from outrider.core.egress import Egress
from outrider.providers.oauth.code_flow import Client
from outrider.providers.oauth.google import Endpoints, GoogleOAuth
from outrider.providers.oauth.interface import Challenge, GrantFailed
from outrider.providers.oauth.keys import GOOGLE_ISSUERS, SigningKeys
from tests.stand_ins.google import CLIENT_ID, CLIENT_SECRET, Google

CHALLENGE = Challenge(state="a state", verifier="v" * 43, nonce="a nonce")
BACK = "https://outrider.test/auth/callback"


def provider_of(egress: Egress, google: Google, secret: str = CLIENT_SECRET) -> GoogleOAuth:
    endpoints = Endpoints(
        f"{google.url}/o/oauth2/v2/auth", f"{google.url}/token", f"{google.url}/revoke", f"{google.url}/tokeninfo"
    )
    keys = SigningKeys(egress, f"{google.url}/certs", issuers=GOOGLE_ISSUERS)
    return GoogleOAuth(egress, Client(CLIENT_ID, secret), endpoints, keys)


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture
def oauth(egress: Egress, google: Google) -> GoogleOAuth:
    google.box("ada@a.test")
    return provider_of(egress, google)


async def code_for(oauth: GoogleOAuth, google: Google, **options: str) -> str:
    return (await google.agree(oauth.authorization_url(CHALLENGE, redirect_uri=BACK), "ada@a.test", **options))["code"]


async def test_a_code_is_traded_for_tokens_and_a_person(oauth: GoogleOAuth, google: Google) -> None:
    tokens, identity = await oauth.exchange(await code_for(oauth, google), CHALLENGE, redirect_uri=BACK)
    assert (identity.email, identity.name) == ("ada@a.test", "Ada Lovelace")
    assert tokens.access_token in google.access
    assert tokens.refresh_token in google.grants
    assert 3500 < (tokens.expires_at - now()).total_seconds() <= 3600
    assert tokens.access_token not in repr(tokens)


async def test_a_code_works_once(oauth: GoogleOAuth, google: Google) -> None:
    code = await code_for(oauth, google)
    await oauth.exchange(code, CHALLENGE, redirect_uri=BACK)
    with pytest.raises(GrantFailed) as caught:
        await oauth.exchange(code, CHALLENGE, redirect_uri=BACK)
    assert caught.value.is_terminal


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge(state="a state", verifier="w" * 43, nonce="a nonce"),
        Challenge(state="a state", verifier="v" * 43, nonce="another nonce"),
    ],
    ids=["another verifier", "another nonce"],
)
async def test_a_code_of_another_sign_in_is_refused(oauth: GoogleOAuth, google: Google, challenge: Challenge) -> None:
    with pytest.raises(GrantFailed) as caught:
        await oauth.exchange(await code_for(oauth, google), challenge, redirect_uri=BACK)
    assert caught.value.is_terminal


async def test_a_box_left_unticked_is_told(oauth: GoogleOAuth, google: Google) -> None:
    scopes = "openid email profile https://www.googleapis.com/auth/gmail.readonly"
    with pytest.raises(GrantFailed, match="both boxes") as caught:
        await oauth.exchange(await code_for(oauth, google, scopes=scopes), CHALLENGE, redirect_uri=BACK)
    assert caught.value.is_terminal


@pytest.mark.parametrize(
    ("status", "reason", "is_terminal"),
    [(400, "invalid_grant", True), (401, "invalid_client", False), (500, "", False), (429, "slow_down", False)],
    ids=["withdrawn", "our secret", "broken", "too fast"],
)
async def test_a_refusal_to_renew_is_told_apart(
    oauth: GoogleOAuth, google: Google, status: int, reason: str, is_terminal: bool
) -> None:
    google.fail("/token", status, reason=reason)
    with pytest.raises(GrantFailed) as caught:
        await oauth.refresh(google.granted("ada@a.test").refresh_token)
    assert caught.value.is_terminal is is_terminal


async def test_a_wrong_secret_of_ours_is_not_the_owners_fault(egress: Egress, google: Google) -> None:
    with pytest.raises(GrantFailed, match="operator") as caught:
        await provider_of(egress, google, "wrong").refresh("x")
    assert not caught.value.is_terminal


async def test_ending_twice_is_ending(oauth: GoogleOAuth, google: Google) -> None:
    grant = google.granted("ada@a.test")
    await oauth.revoke(grant.refresh_token)
    await oauth.revoke(grant.refresh_token)
    assert grant.is_revoked


async def test_an_unreachable_google_is_no_verdict(egress: Egress) -> None:
    nowhere = "http://127.0.0.1:1/x"
    oauth = GoogleOAuth(
        egress,
        Client("a", "b"),
        Endpoints(nowhere, nowhere, nowhere, nowhere),
        SigningKeys(egress, nowhere, issuers=GOOGLE_ISSUERS),
    )
    for attempt in (oauth.refresh("x"), oauth.revoke("x")):
        with pytest.raises(GrantFailed) as caught:
            await attempt
        assert not caught.value.is_terminal
