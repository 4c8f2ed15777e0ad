"""The stand-in for Microsoft's sign-in, held against Microsoft's own library, which works on it as on the real one."""

import asyncio
from typing import Any

import pytest

from tests.stand_ins.microsoft import CLIENT_ID, CLIENT_SECRET, Microsoft, running
from tests.stand_ins.msal_door import OFFICIAL, Door

msal = pytest.importorskip("msal")

SCOPES = ["Contacts.Read", "User.Read"]
BACK = "https://outrider.test/auth/callback"


def client(microsoft: Microsoft) -> Any:
    return msal.ConfidentialClientApplication(
        CLIENT_ID,
        client_credential=CLIENT_SECRET,
        authority=f"{OFFICIAL}/common",
        http_client=Door(microsoft.url),
        instance_discovery=False,
    )


async def test_microsofts_own_library_signs_in_renews_and_understands_the_end() -> None:
    async with running() as microsoft:
        microsoft.account("ada@a.test")
        library = await asyncio.to_thread(client, microsoft)
        flow = library.initiate_auth_code_flow(SCOPES, redirect_uri=BACK)
        back = await microsoft.agree(flow["auth_uri"].replace(OFFICIAL, microsoft.url), "ada@a.test")
        got = await asyncio.to_thread(library.acquire_token_by_auth_code_flow, flow, back)
        assert got["id_token_claims"]["preferred_username"] == "ada@a.test"
        assert set(SCOPES) <= set(got["scope"].split())
        [account] = library.get_accounts()

        async def renew() -> Any:
            return await asyncio.to_thread(library.acquire_token_silent_with_error, SCOPES, account, force_refresh=True)

        first, second = await renew(), await renew()
        assert first["access_token"] != second["access_token"]
        assert {first["access_token"], second["access_token"]} <= set(microsoft.access)
        assert sum(microsoft.refreshes.values()) == 2
        assert len(microsoft.refreshes) == 2, "it used the new refresh token"
        microsoft.withdraw("ada@a.test")
        ended = await renew()
        assert (ended["error"], ended["error_codes"]) == ("invalid_grant", [70000])
