"""Codes and refresh tokens traded with Microsoft; what it says otherwise is understood, and whom it vouches for."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from outrider.core.clock import now
from outrider.core.egress import Egress
from outrider.providers.oauth.code_flow import Client
from outrider.providers.oauth.interface import Challenge, GrantFailed, Identity
from outrider.providers.oauth.keys import SigningKeys
from outrider.providers.oauth.microsoft import CONTACTS, MAIL, Authority, MicrosoftOAuth
from tests.stand_ins.graph import CONSUMERS
from tests.stand_ins.microsoft import CLIENT_ID, CLIENT_SECRET, Microsoft

CHALLENGE = Challenge(state="a state", verifier="v" * 43, nonce="a nonce")
BACK = "https://outrider.test/auth/callback"
ADA = "ada@a.test"


def provider_of(
    egress: Egress, microsoft: Microsoft, *, secret: str = CLIENT_SECRET, tenant: str = "common", **options: Any
) -> MicrosoftOAuth:
    authority = Authority(microsoft.url, tenant)
    keys = SigningKeys(egress, authority.keys, issuers=[authority.issuer])
    return MicrosoftOAuth(egress, Client(CLIENT_ID, secret), authority, keys, **{"purpose": MAIL, **options})


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(allow=("127.0.0.1",))
    yield egress
    await egress.aclose()


@pytest.fixture
def oauth(egress: Egress, microsoft: Microsoft) -> MicrosoftOAuth:
    microsoft.account(ADA)
    return provider_of(egress, microsoft)


async def code_for(oauth: MicrosoftOAuth, microsoft: Microsoft, **options: str) -> str:
    url = oauth.authorization_url(CHALLENGE, redirect_uri=BACK, hint=ADA)
    return (await microsoft.agree(url, ADA, **options))["code"]


async def who_comes(oauth: MicrosoftOAuth, microsoft: Microsoft) -> Identity:
    return (await oauth.exchange(await code_for(oauth, microsoft), CHALLENGE, redirect_uri=BACK))[1]


async def test_a_code_is_traded_for_tokens_and_a_person(oauth: MicrosoftOAuth, microsoft: Microsoft) -> None:
    tokens, identity = await oauth.exchange(await code_for(oauth, microsoft), CHALLENGE, redirect_uri=BACK)
    assert (identity.email, identity.name, identity.is_vouched) == (ADA, "Ada Lovelace", True)
    assert tokens.access_token in microsoft.access
    assert tokens.refresh_token in microsoft.grants
    assert 3500 < (tokens.expires_at - now()).total_seconds() <= 3600
    assert tokens.access_token not in repr(tokens)


@pytest.mark.parametrize(
    ("purpose", "asked"),
    [(MAIL, {"Mail.ReadWrite", "Mail.Send", "User.Read"}), (CONTACTS, {"Contacts.Read", "User.Read"})],
    ids=["mail", "contacts"],
)
async def test_each_purpose_asks_for_what_it_needs_and_for_lasting_access(
    egress: Egress, microsoft: Microsoft, purpose: Any, asked: set[str]
) -> None:
    url = provider_of(egress, microsoft, purpose=purpose).authorization_url(CHALLENGE, redirect_uri=BACK, hint=ADA)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    named = {f"https://graph.microsoft.com/{each}" for each in asked}
    assert set(query["scope"].split()) == named | {"openid", "email", "profile", "offline_access"}
    assert (query["prompt"], query["login_hint"]) == ("select_account", ADA)


async def test_a_code_works_once(oauth: MicrosoftOAuth, microsoft: Microsoft) -> None:
    code = await code_for(oauth, microsoft)
    await oauth.exchange(code, CHALLENGE, redirect_uri=BACK)
    with pytest.raises(GrantFailed, match="AADSTS70000") as caught:
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
async def test_a_code_of_another_sign_in_is_refused(
    oauth: MicrosoftOAuth, microsoft: Microsoft, challenge: Challenge
) -> None:
    with pytest.raises(GrantFailed) as caught:
        await oauth.exchange(await code_for(oauth, microsoft), challenge, redirect_uri=BACK)
    assert caught.value.is_terminal


@pytest.mark.parametrize(
    ("scopes", "lacking"),
    [
        ("openid email profile offline_access https://graph.microsoft.com/Mail.Send", "read and send"),
        ("openid email profile https://graph.microsoft.com/Mail.Send Mail.ReadWrite", "no lasting permission"),
    ],
    ids=["no reading", "not lasting"],
)
async def test_less_than_was_asked_for_is_told(
    oauth: MicrosoftOAuth, microsoft: Microsoft, scopes: str, lacking: str
) -> None:
    with pytest.raises(GrantFailed, match=lacking) as caught:
        await oauth.exchange(await code_for(oauth, microsoft, scopes=scopes), CHALLENGE, redirect_uri=BACK)
    assert caught.value.is_terminal


async def test_an_address_that_an_organisation_made_up_is_not_vouched_for(
    oauth: MicrosoftOAuth, microsoft: Microsoft
) -> None:
    microsoft.account(ADA).is_domain_verified = False
    assert not (await who_comes(oauth, microsoft)).is_vouched


async def test_microsoft_vouches_for_the_address_of_a_personal_account(
    oauth: MicrosoftOAuth, microsoft: Microsoft
) -> None:
    microsoft.account(ADA).tenant = CONSUMERS
    microsoft.account(ADA).is_domain_verified = False
    assert (await who_comes(oauth, microsoft)).is_vouched


async def test_the_only_organisation_that_may_sign_in_is_believed(egress: Egress, microsoft: Microsoft) -> None:
    account = microsoft.account(ADA)
    account.is_domain_verified = False
    oauth = provider_of(egress, microsoft, tenant=account.tenant)
    assert (await who_comes(oauth, microsoft)).is_vouched


@pytest.mark.parametrize(
    ("status", "code", "is_terminal"),
    [
        (400, "invalid_grant", True),
        (400, "interaction_required", True),
        (400, "consent_required", True),
        (401, "invalid_client", False),
        (400, "unauthorized_client", False),
        (400, "temporarily_unavailable", False),
        (500, "server_error", False),
        (429, "slow_down", False),
        (0, "", False),
    ],
    ids=[
        "withdrawn", "second factor", "consent", "our secret", "our client", "passing", "broken", "too fast", "cut off",
    ],
)  # fmt: skip
async def test_a_refusal_to_renew_is_told_apart(
    oauth: MicrosoftOAuth, microsoft: Microsoft, status: int, code: str, is_terminal: bool
) -> None:
    microsoft.fail("/token", status, code=code)
    with pytest.raises(GrantFailed) as caught:
        await oauth.refresh(microsoft.granted(ADA, "Mail.Send", "offline_access").refresh_token)
    assert caught.value.is_terminal is is_terminal


async def test_a_renewal_gives_a_new_refresh_token(oauth: MicrosoftOAuth, microsoft: Microsoft) -> None:
    old = microsoft.granted(ADA, "Mail.Send", "offline_access").refresh_token
    new = (await oauth.refresh(old)).refresh_token
    assert new not in {None, old}
    assert new in microsoft.grants


async def test_a_wrong_secret_of_ours_is_not_the_owners_fault(egress: Egress, microsoft: Microsoft) -> None:
    with pytest.raises(GrantFailed, match=r"operator.*AADSTS7000215") as caught:
        await provider_of(egress, microsoft, secret="wrong").refresh("x")
    assert not caught.value.is_terminal


async def test_an_unreachable_microsoft_is_no_verdict(egress: Egress) -> None:
    authority = Authority("http://127.0.0.1:1", "common")
    keys = SigningKeys(egress, authority.keys, issuers=[authority.issuer])
    with pytest.raises(GrantFailed) as caught:
        await MicrosoftOAuth(egress, Client("a", "b"), authority, keys, purpose=MAIL).refresh("x")
    assert not caught.value.is_terminal
