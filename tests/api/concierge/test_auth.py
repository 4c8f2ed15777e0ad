"""Registering, signing in and out, as the concierge's clients do."""

import asyncio
import statistics
import time
from typing import Any

import pytest
from argon2 import PasswordHasher

from outrider.api.issuing import issuer_of
from outrider.core import passwords
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.accounts import actions, queries, sessions
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import PASSWORD, make_user


def newcomer() -> dict[str, Any]:
    return {"email": f"new-{new_id().hex}@a.test", "password": PASSWORD, "name": "Grace", "timezone": "Europe/Berlin"}


async def log_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    return await client.post("/api/auth/login", json={"email": email, "password": password})


async def test_a_newcomer_registers_signs_in_and_out(anonymous: Client) -> None:
    body = newcomer()
    accepted = await anonymous.post("/api/auth/register", json=body)
    assert (accepted.status_code, accepted.json()["data"]["email"]) == (202, body["email"])
    session = (await log_in(anonymous, body["email"])).json()
    assert (session["success"], session["message"]) == (True, "Operation completed")
    client = anonymous.signed_in(session["data"]["access_token"])
    me = (await client.get("/api/auth/me")).json()["data"]
    assert (me["email"], me["name"], me["timezone"]) == (body["email"], "Grace", "Europe/Berlin")
    assert (await client.post("/api/auth/logout")).status_code == 200
    assert (await client.get("/api/auth/me")).status_code == 401
    spent = await anonymous.post("/api/auth/refresh", json={"refresh_token": session["data"]["refresh_token"]})
    assert spent.status_code == 401


async def test_a_token_of_one_surface_opens_the_others(anonymous: Client) -> None:
    body = newcomer()
    await anonymous.post("/api/auth/register", json=body)
    session = (await log_in(anonymous, body["email"])).json()["data"]
    assert (await anonymous.signed_in(session["access_token"]).get("/user/profile")).json()["email"] == body["email"]
    renewed = await anonymous.post("/auth/refresh", json={"refreshToken": session["refresh_token"]})
    assert (await anonymous.signed_in(renewed.json()["accessToken"]).get("/api/auth/me")).status_code == 200


async def test_registering_a_known_address_looks_like_any_other_and_changes_nothing(
    anonymous: Client, runtime: Runtime
) -> None:
    ada = await make_user(runtime)
    answers = []
    for email in (ada.user.email, f"user-{new_id().hex}@a.test"):
        answered = await anonymous.post(
            "/api/auth/register", json={**newcomer(), "email": email, "password": "another long password"}
        )
        answers.append((answered.status_code, answered.text.replace(email, "…"), answered.headers.keys()))
    assert answers[0] == answers[1]
    assert (await log_in(anonymous, ada.user.email, "another long password")).status_code == 401
    assert (await log_in(anonymous, ada.user.email)).status_code == 200


@pytest.mark.parametrize(
    ("hashing", "pairs", "most"),
    [("as it is", 6, 0.2), ("hardly any", 30, 0.08)],
    ids=["with the hash", "beside the hash"],
)
async def test_registering_takes_as_long_where_the_address_is_known(
    anonymous: Client, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, hashing: str, pairs: int, most: float
) -> None:
    """Processor time is compared, pair by pair: it is the same however busy the machine is. Leaving out the hash would be
    four fifths of it; leaving out the work of a new account, a fifth of what is left beside the hash.
    """
    if hashing == "hardly any":
        monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    ada = await make_user(runtime)
    spans: dict[bool, list[float]] = {True: [], False: []}
    for number in range(pairs):
        for known in (True, False) if number % 2 else (False, True):
            body = newcomer() | ({"email": ada.user.email} if known else {})
            began = time.process_time()
            await anonymous.post("/api/auth/register", json=body)
            spans[known].append(time.process_time() - began)
    whole = statistics.median(spans[False])
    gap = statistics.median(one - other for one, other in zip(spans[True], spans[False], strict=True)) / whole
    print(f"\n{pairs} pairs of registrations: {gap:.1%} of {whole * 1000:.1f} ms of a processor lie between them")
    assert abs(gap) < most


async def test_of_many_who_register_an_address_at_once_one_has_it(anonymous: Client) -> None:
    body = newcomer()
    answers = await asyncio.gather(*(anonymous.post("/api/auth/register", json=body) for _ in range(4)))
    assert {each.status_code for each in answers} == {202}
    assert (await log_in(anonymous, body["email"])).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "short one"}, "PASSWORD_TOO_WEAK"),
        ({"password": "passwordpassword"}, "PASSWORD_TOO_WEAK"),
        ({"email": "nobody"}, "VALIDATION_ERROR"),
        ({"timezone": "Mars/Olympus"}, "VALIDATION_ERROR"),
        ({"is_admin": True}, "VALIDATION_ERROR"),
    ],
    ids=["short", "common", "no address", "no zone", "unknown field"],
)
async def test_what_can_not_be_taken_is_named(anonymous: Client, change: dict[str, Any], code: str) -> None:
    refused = await anonymous.post("/api/auth/register", json=newcomer() | change)
    told = refused.json()
    assert (refused.status_code, told["success"], told["error"]["code"]) == (422, False, code)
    assert next(iter(change)) in str(told["error"])


async def test_unknown_and_wrong_look_the_same(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    answers = [await log_in(anonymous, email, "a wrong password") for email in (ada.user.email, "nobody@a.test")]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["error"]["code"] == "UNAUTHENTICATED"


async def test_refreshing_goes_on_with_the_session(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    session = (await log_in(anonymous, ada.user.email)).json()["data"]
    renewed = (await anonymous.post("/api/auth/refresh", json={"refresh_token": session["refresh_token"]})).json()
    assert renewed["data"]["refresh_token"] != session["refresh_token"]
    assert (await anonymous.signed_in(renewed["data"]["access_token"]).get("/api/auth/me")).status_code == 200


async def test_an_access_key_has_no_session_to_end(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        made = await actions.create_access_key(db, workspace_id=ada.workspace_id, user_id=ada.user.id, name="key")
    client = Client(anonymous.app, {"X-API-Key": made.plaintext})
    assert (await client.get("/api/auth/me")).status_code == 200
    assert (await client.post("/api/auth/logout")).json()["error"]["code"] == "NO_SESSION"


async def test_whom_a_provider_vouches_for_takes_over_what_a_stranger_registered(
    anonymous: Client, runtime: Runtime
) -> None:
    body = newcomer()
    await anonymous.post("/api/auth/register", json=body)
    stranger = (await log_in(anonymous, body["email"])).json()["data"]
    async with runtime.db.begin(Scope(actor="sign-in")) as db:
        owner = await actions.welcome(db, email=body["email"], name="Grace", picture=None, sign_up=())
    async with runtime.db.begin(Scope(actor="sign-in")) as db:
        issued = await sessions.start(db, issuer_of(runtime), await queries.get_user(db, owner.id))
    assert (await anonymous.signed_in(stranger["access_token"]).get("/api/auth/me")).status_code == 401
    assert (await log_in(anonymous, body["email"])).status_code == 401
    assert (await anonymous.signed_in(issued.access_token).get("/api/auth/me")).status_code == 200
