"""Our way to Gmail against somebody else's idea of it: the emulator that Vercel publishes as `emulate`.

What it lacks (profiles and batches) a thin door in front of it makes out of what it has; it can't search by Message-ID.
"""

import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from outrider.core.egress import Egress
from outrider.providers.mail.gmail import Gmail
from outrider.providers.mail.gmail_sync import EVERYTHING
from outrider.providers.mail.interface import GrantedAccount, Role
from outrider.providers.oauth.code_flow import Client
from outrider.providers.oauth.google import Endpoints, GoogleOAuth
from outrider.providers.oauth.interface import Challenge, GrantFailed
from outrider.providers.oauth.keys import SigningKeys
from tests.real.emulator import EMULATE, MISSING, emulating
from tests.stand_ins.serving import serve

ADDRESS = "testuser@gmail.com"
BACK = "http://localhost:3000/api/auth/callback/google"
CHALLENGE = Challenge(state="a state", verifier="v" * 43, nonce="a nonce")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not EMULATE.exists(), reason=MISSING),
]


@asynccontextmanager
async def door(behind: str) -> AsyncIterator[str]:
    """Passes everything on; answers for the profile, and takes batches apart."""
    async with httpx2.AsyncClient(base_url=behind) as client:

        async def pass_on(request: Request) -> Response:
            headers = {
                name: value for name, value in request.headers.items() if name in {"authorization", "content-type"}
            }
            answer = await client.request(
                request.method,
                str(request.url.path),
                params=request.url.query,
                content=await request.body(),
                headers=headers,
            )
            return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

        async def profile(request: Request) -> Response:
            headers = {"authorization": request.headers["authorization"]}
            history = await client.get("/gmail/v1/users/me/history", params={"startHistoryId": "1"}, headers=headers)
            body = {"emailAddress": ADDRESS, "historyId": history.json()["historyId"]}
            return Response(json.dumps(body), media_type="application/json")

        async def batch(request: Request) -> Response:
            headers = {"authorization": request.headers["authorization"]}
            asked = re.findall(r"<item-(\d+)>\s+GET (\S+)", (await request.body()).decode())
            parts = []
            for number, path in asked:
                answer = await client.get(path, headers=headers)
                parts.append(
                    f"--b\r\nContent-Type: application/http\r\nContent-ID: <response-item-{number}>\r\n\r\n"
                    f"HTTP/1.1 {answer.status_code} X\r\nContent-Type: application/json\r\n\r\n{answer.text}\r\n"
                )
            return Response("".join(parts) + "--b--", media_type="multipart/mixed; boundary=b")

        app = Starlette(
            routes=[
                Route("/gmail/v1/users/me/profile", profile),
                Route("/batch/gmail/v1", batch, methods=["POST"]),
                Route("/{path:path}", pass_on, methods=["GET", "POST"]),
            ]
        )
        async with serve(app) as url:
            yield url


async def agree(auth_url: str) -> dict[str, str]:
    """What a person does on the emulator's page."""
    async with httpx2.AsyncClient() as client:
        page = await client.get(auth_url)
        fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
        action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert action, page.text[:500]
        base = f"{urlsplit(auth_url).scheme}://{urlsplit(auth_url).netloc}"
        answer = await client.post(base + html.unescape(action[1]), data=fields)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def mail(number: int, to: str, *, answers: str = "") -> bytes:
    reference = f"In-Reply-To: {answers}\r\nReferences: {answers}\r\n" if answers else ""
    return (
        f"From: {ADDRESS}\r\nTo: {to}\r\nSubject: Proposal {number}\r\nMessage-ID: <{number}@outrider.test>\r\n"
        f"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n{reference}\r\nHello\r\n"
    ).encode()


class Never:
    def has_passed(self) -> bool:
        return False


async def test_signing_in_reading_and_sending_against_somebody_elses_google() -> None:
    egress = Egress(allow=("127.0.0.1", "::1", "localhost"))
    async with emulating("google") as google, door(google) as api:
        oauth = GoogleOAuth(
            egress,
            Client("example-client-id.apps.googleusercontent.com", "GOCSPX-example_secret"),
            Endpoints(
                f"{google}/o/oauth2/v2/auth", f"{google}/oauth2/token", f"{google}/oauth2/revoke", f"{google}/tokeninfo"
            ),
            SigningKeys(egress, f"{google}/oauth2/v3/certs", issuers=[google]),
        )
        back = await agree(oauth.authorization_url(CHALLENGE, redirect_uri=BACK))
        assert back["state"] == CHALLENGE.state
        tokens, identity = await oauth.exchange(back["code"], CHALLENGE, redirect_uri=BACK)
        assert identity.email == ADDRESS
        assert tokens.refresh_token is not None
        renewed = await oauth.refresh(tokens.refresh_token)
        assert renewed.access_token != tokens.access_token
        with pytest.raises(GrantFailed) as refused:
            await oauth.refresh("unknown")
        assert refused.value.is_terminal

        async def supply(*, refused: str | None = None) -> str:
            return renewed.access_token

        provider, account = Gmail(egress, api), GrantedAccount(ADDRESS, supply)
        assert (await provider.verify(account)).keeps_copies
        async with provider.open(account) as reader, provider.sender(account) as sender:
            cursor, more, seen = None, True, 0
            while more:
                changes = await reader.changes(EVERYTHING.name, cursor, batch=100, since=None, at_most=100)
                cursor, more, seen = changes.cursor, changes.more, seen + len(changes.messages)
            receipt = await sender.send(mail(1, "bob@b.test"), sender=ADDRESS, recipient="bob@b.test", deadline=Never())
            answer = await sender.send(
                mail(2, "bob@b.test", answers="<1@outrider.test>"), sender=ADDRESS, recipient="bob@b.test",
                deadline=Never(), thread_id=receipt.thread_id,
            )  # fmt: skip
            news: list[Any] = []
            more = True
            while more:
                changes = await reader.changes(EVERYTHING.name, cursor, batch=100, since=None, at_most=100)
                cursor, more = changes.cursor, changes.more
                news += changes.messages
        await oauth.revoke(tokens.refresh_token)
    await egress.aclose()
    assert {each.id for each in news} == {receipt.id, answer.id}
    assert answer.thread_id == receipt.thread_id
    assert {each.thread_id for each in news} == {receipt.thread_id}
    assert all(Role.SENT in each.roles and each.raw and b"@outrider.test>" in each.raw for each in news)
    print(f"\nthe emulator's own {seen} mails were read, 2 sent in one thread and found in its history")
