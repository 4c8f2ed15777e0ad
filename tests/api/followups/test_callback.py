"""The sign-in with Google or Microsoft from its first request to the connected mailbox, and the ways to abuse it."""

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, text, update

from outrider.core.clock import now
from outrider.core.db import Scope
from outrider.core.ids import new_id
from outrider.domain.accounts.models import Role, Session, User
from outrider.domain.accounts.permissions import Actor
from outrider.domain.grants.models import Grant, SignIn
from outrider.domain.mailboxes.models import Mailbox
from outrider.main import create_app
from outrider.runtime import Addresses, Runtime
from outrider.settings import Settings
from tests.client import Client
from tests.factories.accounts import Someone, make_user
from tests.factories.google import google_runtime, retire_boxes
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.outlook import outlook_runtime
from tests.factories.outlook import retire_boxes as retire_outlooks
from tests.factories.sequences import make_enrollment, make_sequence
from tests.stand_ins.google import Google
from tests.stand_ins.graph import CONSUMERS
from tests.stand_ins.graph_mail import Mail
from tests.stand_ins.microsoft import Microsoft

BACK_TO = "https://extension.test/done"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def with_google(settings: Settings, database: Addresses, google: Google) -> AsyncIterator[Runtime]:
    async with google_runtime(settings, database, google, redirect_uris=(BACK_TO,)) as opened:
        yield opened
        await retire_boxes(opened, google)


@pytest.fixture
async def browser(with_google: Runtime) -> AsyncIterator[Client]:
    """A client that keeps cookies, as a browser does."""
    async with Client(create_app(with_google)) as client:
        yield client


def new_address(google: Google) -> str:
    address = f"ada-{new_id().hex}@gmail.test"
    google.box(address)
    return address


async def begin(client: Client, **body: str) -> dict[str, str]:
    answer = await client.post("/auth/connect", json=body)
    assert answer.status_code == 200, answer.text
    begun: dict[str, str] = answer.json()
    return begun


async def come_back(client: Client, google: Google, address: str, begun: dict[str, str]) -> httpx2.Response:
    return await client.get("/auth/callback", params=await google.agree(begun["authUrl"], address))


async def mailbox_of(runtime: Runtime, address: str, provider: str = "google") -> tuple[Mailbox, User]:
    async with runtime.db.begin() as db:
        found = await db.execute(
            text("select * from mailboxes_at(:provider, :it)"), {"it": address, "provider": provider}
        )
        [row] = found.all()
    async with runtime.db.begin(Scope(row.workspace_id)) as db:
        mailbox = await db.get_one(Mailbox, (row.workspace_id, row.id))
        return mailbox, await db.get_one(User, mailbox.user_id)


async def test_a_newcomer_signs_in_and_has_a_mailbox(with_google: Runtime, browser: Client, google: Google) -> None:
    address = new_address(google)
    begun = await begin(browser)
    assert set(begun) == {"authUrl", "state", "expiresAt"}
    session = (await come_back(browser, google, address, begun)).json()
    assert session["user"]["email"] == address
    assert (session["user"]["provider"], session["user"]["connected"]) == ("google", True)
    status = (await browser.signed_in(session["accessToken"]).get("/auth/status")).json()
    assert [(each["address"], each["provider"]) for each in status["mailboxes"]] == [(address, "google")]
    assert status["sync"]["status"] == "queued"
    refreshed = await browser.post("/auth/refresh", json={"refreshToken": session["refreshToken"]})
    assert refreshed.status_code == 200


async def test_a_new_mailboxs_domain_is_examined_afterwards(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    address = new_address(google)
    assert (await come_back(browser, google, address, await begin(browser))).status_code == 200
    mailbox, _ = await mailbox_of(with_google, address)
    query = (
        "select count(*) from pgqueuer where entrypoint = 'deliverability.on_connected'"
        " and convert_from(payload, 'utf8') like :it"
    )
    async with with_google.db.begin() as db:
        assert await db.scalar(text(query), {"it": f"%{mailbox.id}%"}) == 1


async def test_the_browser_gets_a_page_with_the_session_inside(browser: Client, google: Google) -> None:
    address = new_address(google)
    google.names[address] = "</script><script>alert(1)</script>"
    back = await google.agree((await begin(browser))["authUrl"], address)
    page = await browser.get("/auth/callback", params=back, headers=PAGE)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.text.count("<script") == 1
    found = re.search(r'<script type="application/json" id="outrider-session">(.+?)</script>', page.text)
    assert found
    session = json.loads(found[1])
    assert (await browser.signed_in(session["accessToken"]).get("/user/profile")).status_code == 200


async def test_a_second_sign_in_finds_the_same_user_and_mailbox(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    address = new_address(google)
    first = (await come_back(browser, google, address, await begin(browser))).json()
    second = (await come_back(browser, google, address, await begin(browser))).json()
    assert first["user"]["id"] == second["user"]["id"]
    mailbox, _ = await mailbox_of(with_google, address)
    async with with_google.db.begin(Scope(mailbox.workspace_id)) as db:
        assert len((await db.scalars(select(Grant))).all()) == 1


async def test_somebody_signed_in_adds_a_mailbox_of_another_address(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    ada = await make_user(with_google)
    address = new_address(google)
    signed_in = browser.signed_in(ada.access_token)
    begun = await begin(signed_in, provider="google")
    assert ada.user.email in parse_qs(urlsplit(begun["authUrl"]).query)["login_hint"]
    assert (await come_back(signed_in, google, address, begun)).status_code == 200
    mailbox, user = await mailbox_of(with_google, address)
    assert (mailbox.workspace_id, user.id) == (ada.workspace_id, ada.user.id)


async def test_a_mailbox_connected_by_imap_becomes_google_s(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    address = new_address(google)
    ada = await make_user(with_google, email=address)
    old = await make_mailbox(with_google, ada)
    assert (await come_back(browser, google, address, await begin(browser))).status_code == 200
    mailbox, _ = await mailbox_of(with_google, address)
    assert mailbox.id == old.id
    assert (mailbox.secret, mailbox.servers, mailbox.saves_sent) == (None, {}, True)


async def test_a_redirect_carries_a_code_that_gives_the_session_once(browser: Client, google: Google) -> None:
    begun = await begin(browser, redirectUri=BACK_TO)
    answer = await come_back(browser, google, new_address(google), begun)
    assert answer.status_code == 302
    where, _, fragment = answer.headers["location"].partition("#")
    outcome = {name: values[0] for name, values in parse_qs(fragment).items()}
    assert (where, outcome["state"]) == (BACK_TO, begun["state"])
    assert set(outcome) == {"code", "state"}
    wrong = await browser.post("/auth/connect", json={"code": outcome["code"], "state": "another"})
    assert wrong.status_code == 401
    session = await browser.post("/auth/connect", json={"provider": "google", **outcome})
    assert (await browser.signed_in(session.json()["accessToken"]).get("/user/profile")).status_code == 200
    assert (await browser.post("/auth/connect", json=outcome)).status_code == 401


async def test_a_promised_session_that_nobody_fetches_ends(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    begun = await begin(browser, redirectUri=BACK_TO)
    answer = await come_back(browser, google, new_address(google), begun)
    outcome = {name: values[0] for name, values in parse_qs(answer.headers["location"].partition("#")[2]).items()}
    async with with_google.db.begin(Scope(UUID(hex=outcome["code"].partition(".")[0]))) as db:
        await db.execute(update(Session).values(expires_at=now() - timedelta(seconds=1)))
    assert (await browser.post("/auth/connect", json=outcome)).status_code == 401


@pytest.mark.parametrize(
    "uri",
    ["https://evil.test/", BACK_TO + "/../x", BACK_TO + "?a", "https://extension.test.evil.test/done", "javascript:0"],
)
async def test_only_a_listed_redirect_is_taken(browser: Client, uri: str) -> None:
    answer = await browser.post("/auth/connect", json={"redirectUri": uri})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["field"] == "redirectUri"


async def test_a_refusal_at_google_is_told_to_person_program_and_redirect(browser: Client, google: Google) -> None:
    address = new_address(google)
    denied = [await google.agree((await begin(browser))["authUrl"], address, denies=True) for _ in range(2)]
    assert (await browser.get("/auth/callback", params=denied[0])).json()["error"]["code"] == "sign_in_refused"
    page = await browser.get("/auth/callback", params=denied[1], headers=PAGE)
    assert page.status_code == 422
    assert "access_denied" in page.text
    third = await google.agree((await begin(browser, redirectUri=BACK_TO))["authUrl"], address, denies=True)
    answer = await browser.get("/auth/callback", params=third)
    assert answer.headers["location"].startswith(f"{BACK_TO}#error=sign_in_refused")


async def test_attacks_on_the_callback_get_nothing(
    with_google: Runtime, browser: Client, google: Google, database: Addresses, settings: Settings
) -> None:
    """Each is tried against a sign-in that would have worked."""
    through = []

    async def attempt(name: str, client: Client, params: dict[str, str]) -> None:
        answer = await client.get("/auth/callback", params=params)
        if answer.status_code < 400 and "error" not in answer.headers.get("location", ""):
            through.append((name, answer.status_code))

    async with Client(create_app(with_google)) as stranger:
        good = await google.agree((await begin(browser))["authUrl"], new_address(google))
        await attempt("another browser", stranger, good)
        await attempt("no state", browser, {"code": good["code"]})
        await attempt("foreign state", browser, {**good, "state": "x" * 43})
        foreign = await google.agree((await begin(stranger))["authUrl"], new_address(google))
        await attempt("foreign code under own state", browser, {**good, "code": foreign["code"]})
        await attempt("replayed state after a failure", browser, good)
        good = await google.agree((await begin(browser))["authUrl"], new_address(google))
        assert (await browser.get("/auth/callback", params=good)).status_code == 200
        await attempt("replayed whole", browser, good)
        again = await google.agree((await begin(browser))["authUrl"], new_address(google))
        await attempt("used code under fresh state", browser, {**again, "code": good["code"]})
        late = await google.agree((await begin(browser))["authUrl"], new_address(google))
        async with with_google.db.begin() as db:
            await db.execute(update(SignIn).values(expires_at=now() - timedelta(seconds=1)))
        await attempt("too late", browser, late)
        narrow = await google.agree(
            (await begin(browser))["authUrl"], new_address(google), scopes="openid email profile"
        )
        await attempt("fewer scopes", browser, narrow)
        forged = await google.agree((await begin(browser))["authUrl"], new_address(google))
        _, asked = google.codes[forged["code"]]
        asked["nonce"] = "another"
        await attempt("another nonce", browser, forged)
        downgrade = await google.agree((await begin(browser))["authUrl"], new_address(google))
        google.codes[downgrade["code"]][1]["code_challenge"] = "another"
        await attempt("another verifier", browser, downgrade)
        moved = await google.agree((await begin(browser))["authUrl"], new_address(google))
        google.codes[moved["code"]][1]["redirect_uri"] = "https://evil.test/"
        await attempt("another redirect_uri", browser, moved)
    print(f"\nattacks on the callback that got through: {len(through)} of 12")
    assert through == []


async def test_of_two_that_come_back_at_once_one_gets_in(browser: Client, google: Google) -> None:
    good = await google.agree((await begin(browser))["authUrl"], new_address(google))
    answers = await asyncio.gather(*(browser.get("/auth/callback", params=good) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 422, 422, 422, 422]


async def test_a_newcomer_from_elsewhere_is_turned_away_where_sign_up_is_narrow(
    settings: Settings, database: Addresses, google: Google
) -> None:
    async with (
        google_runtime(settings, database, google, sign_up=("hopper.test", "eve@gmail.test")) as runtime,
        Client(create_app(runtime)) as client,
    ):
        known = await make_user(runtime, email=new_address(google))
        answer = await come_back(client, google, new_address(google), await begin(client))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        answer = await come_back(client, google, known.user.email, await begin(client))
        assert answer.status_code == 200
        await retire_boxes(runtime, google)


async def test_a_viewer_connects_no_mailbox(with_google: Runtime, browser: Client, google: Google) -> None:
    vera = await make_user(with_google, role=Role.VIEWER, email=new_address(google))
    assert (await browser.signed_in(vera.access_token).post("/auth/connect", json={})).status_code == 403
    assert (await come_back(browser, google, vera.user.email, await begin(browser))).status_code == 403


async def test_a_disabled_user_does_not_come_back_by_google(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    eve = await make_user(with_google, email=new_address(google))
    async with with_google.db.begin(eve.scope) as db:
        (await db.get_one(User, eve.user.id)).disabled_at = now()
    assert (await come_back(browser, google, eve.user.email, await begin(browser))).status_code == 403


async def test_a_google_that_does_not_answer_is_said_so(browser: Client, google: Google) -> None:
    google.fail("/token", 503)
    answer = await come_back(browser, google, new_address(google), await begin(browser))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_without_a_google_project_the_way_by_imap_is_named(anonymous: Client) -> None:
    answer = await anonymous.post("/auth/connect", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "provider_unavailable")
    assert "imap" in answer.json()["error"]["message"]


async def test_disconnecting_revokes_at_google_erases_and_pauses(
    with_google: Runtime, browser: Client, google: Google
) -> None:
    address = new_address(google)
    session = (await come_back(browser, google, address, await begin(browser))).json()
    mailbox, user = await mailbox_of(with_google, address)
    actor = Actor(user.id, mailbox.workspace_id, user.email, Role.OWNER)
    ada = Someone(user, mailbox.workspace_id, actor, session["accessToken"])
    async with with_google.db.begin(Scope(ada.workspace_id)) as db:
        stored = await db.scalar(select(Grant.refresh_token))
    email = await make_message(with_google, mailbox)
    await make_enrollment(with_google, ada, email, await make_sequence(with_google, ada))
    answer = await browser.signed_in(session["accessToken"]).delete("/auth/disconnect")
    assert answer.json() == {"disconnected": True, "mailboxes": 1, "pausedEnrollments": 1}
    assert google.count("/revoke") == 1
    assert all(each.is_revoked for each in google.grants.values() if each.address == address)
    async with with_google.db.begin(Scope(ada.workspace_id)) as db:
        assert (await db.scalars(select(Grant))).all() == []
        assert await db.scalar(select(Mailbox.grant_id)) is None
    assert stored


@pytest.fixture
async def with_microsoft(settings: Settings, database: Addresses, microsoft: Microsoft) -> AsyncIterator[Runtime]:
    async with outlook_runtime(settings, database, microsoft, redirect_uris=(BACK_TO,)) as opened:
        yield opened
        await retire_outlooks(opened, microsoft)


@pytest.fixture
async def edge(with_microsoft: Runtime) -> AsyncIterator[Client]:
    """A client that keeps cookies, as a browser does."""
    async with Client(create_app(with_microsoft)) as client:
        yield client


@pytest.fixture
def outlook(microsoft: Microsoft) -> str:
    """An address with a mailbox at Microsoft."""
    address = f"ada-{new_id().hex}@outlook.test"
    Mail(microsoft).box(address)
    return address


async def return_from(client: Client, microsoft: Microsoft, address: str, **body: str) -> httpx2.Response:
    begun = await begin(client, provider="microsoft", **body)
    return await client.get("/auth/callback", params=await microsoft.agree(begun["authUrl"], address))


async def test_a_newcomer_by_microsoft_has_an_outlook_mailbox(
    with_microsoft: Runtime, edge: Client, microsoft: Microsoft, outlook: str
) -> None:
    session = (await return_from(edge, microsoft, outlook)).json()
    assert (session["user"]["email"], session["user"]["provider"]) == (outlook, "microsoft")
    status = (await edge.signed_in(session["accessToken"]).get("/auth/status")).json()
    assert [(each["address"], each["provider"]) for each in status["mailboxes"]] == [(outlook, "microsoft")]
    assert status["sync"]["status"] == "queued"
    answer = await return_from(edge, microsoft, outlook, redirectUri=BACK_TO)
    assert answer.headers["location"].startswith(f"{BACK_TO}#code=")


async def test_whom_microsoft_does_not_vouch_for_comes_in_as_nobody(
    with_microsoft: Runtime, edge: Client, microsoft: Microsoft, outlook: str
) -> None:
    """Any organisation may write anybody's address into its accounts."""
    victim = await make_user(with_microsoft, email=outlook)
    microsoft.account(outlook).is_domain_verified = False
    answer = await return_from(edge, microsoft, outlook)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "sign_in_refused")
    assert "xms_edov" in answer.json()["error"]["message"]
    signed_in = edge.signed_in(victim.access_token)
    assert (await return_from(signed_in, microsoft, outlook)).status_code == 200, "who is in already may connect it"
    microsoft.account(outlook).tenant = CONSUMERS
    assert (await return_from(edge, microsoft, outlook)).status_code == 200, "a personal account's address is proved"


async def test_a_refusal_at_microsoft_and_its_absence_are_told(
    edge: Client, microsoft: Microsoft, outlook: str
) -> None:
    denied = await microsoft.agree((await begin(edge, provider="microsoft"))["authUrl"], outlook, denies=True)
    answer = await edge.get("/auth/callback", params=denied)
    assert "Microsoft did not let us in: access_denied" in answer.json()["error"]["message"]
    microsoft.fail("/token", 503)
    answer = await return_from(edge, microsoft, outlook)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_disconnecting_from_microsoft_erases_what_can_not_be_revoked(
    with_microsoft: Runtime, edge: Client, microsoft: Microsoft, outlook: str
) -> None:
    session = (await return_from(edge, microsoft, outlook)).json()
    mailbox, _ = await mailbox_of(with_microsoft, outlook, "microsoft")
    answer = await edge.signed_in(session["accessToken"]).delete("/auth/disconnect")
    assert answer.json()["disconnected"] is True
    async with with_microsoft.db.begin(Scope(mailbox.workspace_id)) as db:
        assert (await db.scalars(select(Grant))).all() == []


async def test_a_state_of_one_provider_is_of_no_use_with_the_code_of_another(
    settings: Settings, database: Addresses, google: Google, microsoft: Microsoft, outlook: str
) -> None:
    async with (
        google_runtime(settings, database, google) as of_google,
        outlook_runtime(settings, database, microsoft) as of_microsoft,
    ):
        both = dataclasses.replace(of_google, oauth={**of_google.oauth, **of_microsoft.oauth})
        async with Client(create_app(both)) as client:
            theirs = await microsoft.agree((await begin(client, provider="microsoft"))["authUrl"], outlook)
            begun = await begin(client)
            mixed = {"state": begun["state"], "code": theirs["code"]}
            assert (await client.get("/auth/callback", params=mixed)).status_code == 422
    assert google.grants == {}
