"""The leak matrix: every route, called by everybody who must not see a thing, with everybody's identifiers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from outrider.core.clock import now
from outrider.core.ids import new_id
from outrider.domain.accounts import actions as accounts
from outrider.domain.accounts.models import Role, Session
from outrider.domain.erasure import contact_erasing, subjects
from outrider.domain.mailboxes.models import Folder, Mailbox
from outrider.domain.people.actions import upsert as contacts_of
from outrider.domain.people.person import make_person
from outrider.domain.preferences.models import Preferences
from outrider.domain.senders import actions as senders
from outrider.domain.senders.models import Sender
from outrider.routes import all_routes
from outrider.runtime import Runtime
from tests.client import Client
from tests.console.test_leaks import MATRIX as CONSOLE
from tests.console.test_leaks import PUBLIC as CONSOLE_PUBLIC
from tests.factories import harvest
from tests.factories.accounts import Someone, make_user
from tests.factories.calendars import make_event
from tests.factories.calls import make_call
from tests.factories.drafts import make_draft
from tests.factories.imports import contacts, start
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sending import make_send
from tests.factories.sequences import make_enrollment, make_sequence
from tests.factories.urgency import make_judgement

CANARY = "canary"
IMPORT = "/api/v1/contacts/import"
PEOPLE = "/api/v1/contacts"
API = "/api"
# Reviewed: what anybody may call.
PUBLIC = {
    ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", f"{IMPORT}/openapi.json"), ("GET", f"{PEOPLE}/openapi.json"), ("GET", f"{IMPORT}/health"),
    ("GET", f"{IMPORT}/{{provider}}/callback"),
    ("GET", "/health"),
    ("GET", "/c/{token}"), ("GET", "/o/{token}"), ("GET", "/u/{token}"), ("POST", "/u/{token}"),
    ("GET", "/api/gmail/openapi.json"), ("GET", "/api/processing/openapi.json"), ("POST", "/api/gmail/webhook"),
    ("GET", f"{API}/openapi.json"), ("POST", f"{API}/auth/register"), ("POST", f"{API}/auth/login"), ("POST", f"{API}/auth/refresh"),
    *((method, f"/webhooks/twilio/{{token}}/{what}") for method, what in (("POST", "voice"), ("POST", "keys"), ("POST", "status"), ("GET", "audio"))),
    ("POST", "/webhooks/gmail"), ("POST", "/webhooks/microsoft"), ("POST", "/auth/connect"), ("GET", "/auth/callback"), ("POST", "/auth/refresh"),
}  # fmt: skip
SECRET_FIELDS = ("password", "passwordHash", "secret", "digest", "wrapped")


@dataclass(frozen=True)
class Treasure:
    """What the victim owns; every text of it carries the canary."""

    owner: Someone
    mailbox: Mailbox
    email_id: str
    sequence_id: str
    enrollment_id: str
    job_id: str
    sender_id: str
    scan_id: str
    batch_id: str
    integration_id: str
    draft_id: str
    letter_id: str
    contact_id: str
    erasure_id: str


@dataclass(frozen=True)
class Row:
    """One route of the matrix. `is_named` says that it names somebody's thing: then strangers get 404. `is_for_all`:
    also who may only read does this for themselves.
    """

    body: Callable[[Treasure], dict[str, Any]] | None = None
    query: str = ""
    is_named: bool = False
    is_for_all: bool = False


SEQUENCE: dict[str, Any] = {"name": "Mine", "steps": [{"delayDays": 1, "body": "Hello"}]}
MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/auth/status"): Row(),
    ("DELETE", "/auth/disconnect"): Row(),
    ("GET", "/user/profile"): Row(),
    ("GET", "/emails/sent"): Row(query="?search=canary"),
    ("POST", "/emails/sync"): Row(),
    ("GET", "/emails/sent/{emailId}"): Row(is_named=True),
    ("POST", "/emails/check-replies"): Row(body=lambda it: {"emailIds": [it.email_id]}),
    ("GET", "/sequences"): Row(),
    ("POST", "/sequences"): Row(body=lambda _: SEQUENCE),
    ("GET", "/sequences/{sequenceId}"): Row(is_named=True),
    ("PUT", "/sequences/{sequenceId}"): Row(body=lambda _: SEQUENCE, is_named=True),
    ("DELETE", "/sequences/{sequenceId}"): Row(is_named=True),
    ("GET", "/enrollments"): Row(query="?sequenceId={sequenceId}"),
    ("POST", "/enrollments"): Row(
        body=lambda it: {"emailId": it.email_id, "sequenceId": it.sequence_id}, is_named=True
    ),
    ("GET", "/enrollments/{enrollmentId}"): Row(is_named=True),
    ("PUT", "/enrollments/{enrollmentId}"): Row(body=lambda _: {"variables": {"a": "b"}}, is_named=True),
    ("DELETE", "/enrollments/{enrollmentId}"): Row(is_named=True),
    ("POST", "/enrollments/{enrollmentId}/pause"): Row(is_named=True),
    ("POST", "/enrollments/{enrollmentId}/resume"): Row(is_named=True),
    ("GET", "/schedules"): Row(query="?enrollmentId={enrollmentId}"),
    ("POST", "/schedules/{enrollmentId}/trigger"): Row(is_named=True),
    ("GET", "/schedules/health"): Row(),
    ("POST", "/sync"): Row(body=lambda _: {}),
    ("GET", f"{IMPORT}/status/{{jobId}}"): Row(is_named=True),
    ("GET", f"{IMPORT}/list"): Row(),
    ("POST", f"{IMPORT}/csv"): Row(),
    ("POST", f"{IMPORT}/{{provider}}/start"): Row(),
    ("POST", f"{IMPORT}/{{jobId}}/cancel"): Row(is_named=True),
    ("POST", f"{IMPORT}/{{jobId}}/retry"): Row(is_named=True),
    ("POST", "/api/gmail/token"): Row(body=lambda _: {"access_token": "a", "refresh_token": "b", "expires_in": 3600}),
    ("GET", "/api/gmail/messages"): Row(query="?query=canary"),
    ("GET", "/api/gmail/labels"): Row(),
    ("POST", "/api/gmail/process-batch"): Row(
        body=lambda it: {"message_ids": [it.email_id], "mailbox_id": str(it.mailbox.id)}, is_named=True
    ),
    ("GET", "/api/processing/status/{batchId}"): Row(is_named=True),
    ("POST", "/api/processing/retry/{batchId}"): Row(is_named=True),
    ("POST", "/api/processing/cancel/{batchId}"): Row(is_named=True),
    ("GET", "/api/processing/history"): Row(),
    ("GET", "/api/processing/results/{batchId}"): Row(is_named=True),
    ("GET", "/analytics/sends"): Row(query="?sequenceId={sequenceId}"),
    ("GET", "/analytics/enrollments"): Row(query="?sequenceId={sequenceId}"),
    ("GET", f"{API}/auth/me"): Row(),
    ("GET", f"{API}/users/profile"): Row(),
    ("PUT", f"{API}/users/profile"): Row(body=lambda _: {"name": "Mine"}),
    ("GET", f"{API}/senders"): Row(query="?search=canary"),
    ("POST", f"{API}/senders/scan"): Row(),
    ("GET", f"{API}/senders/scan/{{job_id}}"): Row(is_named=True),
    ("PUT", f"{API}/senders/{{id}}/category"): Row(body=lambda _: {"category": "keep-quiet"}, is_named=True),
    ("POST", f"{API}/senders/bulk-update"): Row(
        body=lambda it: {"updates": [{"sender_id": it.sender_id, "category": "keep-quiet"}]}, is_named=True
    ),
    ("GET", f"{API}/preferences"): Row(),
    ("PUT", f"{API}/preferences"): Row(body=lambda _: {"voice_preference": "nova"}),
    ("POST", f"{API}/preferences/reset"): Row(),
    ("GET", f"{API}/drafts"): Row(),
    ("POST", f"{API}/drafts"): Row(body=lambda it: {"message_id": it.letter_id}, is_named=True),
    ("GET", f"{API}/drafts/{{draft_id}}"): Row(is_named=True),
    ("PUT", f"{API}/drafts/{{draft_id}}"): Row(body=lambda _: {"body": "Mine"}, is_named=True),
    ("POST", f"{API}/drafts/{{draft_id}}/approve"): Row(is_named=True),
    ("POST", f"{API}/drafts/{{draft_id}}/decline"): Row(is_named=True),
    ("GET", f"{API}/language-model"): Row(),
    ("PUT", f"{API}/language-model"): Row(body=lambda _: {"consents": False}),
    ("GET", f"{API}/calls"): Row(),
    ("POST", f"{API}/calls/schedule-urgent"): Row(body=lambda _: {"content": "Mine", "priority": "medium"}),
    ("GET", f"{API}/calls/next-digest"): Row(),
    ("GET", f"{API}/calls/settings"): Row(),
    ("PUT", f"{API}/calls/settings"): Row(body=lambda _: {"daily_budget": 3}),
    ("GET", f"{API}/urgency"): Row(),
    ("PUT", f"{API}/urgency/{{message_id}}"): Row(body=lambda _: {"urgent": False}, is_named=True),
    ("POST", f"{API}/integrations/email/connect"): Row(body=lambda _: {"provider": "imap", "auth_token": "x"}),
    ("GET", f"{API}/integrations/email/status"): Row(),
    ("POST", f"{API}/integrations/email/sync"): Row(),
    ("POST", f"{API}/integrations/calendar/connect"): Row(
        body=lambda _: {"provider": "ics", "url": "http://10.0.0.1/a"}
    ),
    ("GET", f"{API}/integrations/calendar/events"): Row(query="?days_ahead=90"),
    ("DELETE", f"{API}/integrations/calendar/connections/{{integration_id}}"): Row(is_named=True),
    ("GET", f"{PEOPLE}/{{contactId}}/export"): Row(),
    ("POST", f"{PEOPLE}/{{contactId}}/erase"): Row(),
    ("GET", f"{PEOPLE}/erasures/{{erasureId}}"): Row(),
    # These end the session that they are called with.
    ("DELETE", f"{API}/users/account"): Row(),
    ("POST", f"{API}/auth/logout"): Row(is_for_all=True),
}


@pytest.fixture(scope="module")
async def treasure(runtime: Runtime) -> Treasure:
    owner = await make_user(runtime, name=f"{CANARY} owner", email=f"{CANARY}-{new_id().hex}@a.test")
    mailbox = await make_mailbox(runtime, owner)
    email = await make_message(
        runtime, mailbox, subject=f"{CANARY} subject", text=f"{CANARY} text", to=f"{CANARY}@b.test"
    )
    await make_judgement(runtime, owner, email)
    sequence = await make_sequence(runtime, owner, body=f"{CANARY} body")
    enrollment = await make_enrollment(runtime, owner, email, sequence, variables={"note": CANARY})
    await make_send(runtime, owner, mailbox, email)
    job = await start(runtime, owner, contacts(1), name=f"{CANARY}.csv")
    integration_id = (await make_event(runtime, owner, title=f"{CANARY} event")).id
    async with runtime.db.begin(owner.scope) as db:
        sender = Sender(
            workspace_id=owner.workspace_id, id=new_id(), user_id=owner.user.id, email=f"{CANARY}@b.test", words=CANARY,
            domain="b.test", email_count=1, latest_date=now(),
        )  # fmt: skip
        db.add(sender)
        scan = await senders.scan(db, owner.workspace_id, owner.user.id)
        db.add(Preferences(workspace_id=owner.workspace_id, user_id=owner.user.id, voice_preference=CANARY))
        db.add(Folder(workspace_id=owner.workspace_id, id=new_id(), mailbox_id=mailbox.id, name=f"{CANARY} folder"))
    await make_call(runtime, owner, content=f"{CANARY} call")
    batch_id = await harvest.start(runtime, owner, [harvest.letter(1, name=f"{CANARY} Hopper")])
    await harvest.finish(runtime, owner, batch_id)
    async with runtime.db.begin(owner.scope) as db:
        await db.execute(text("update harvest_batches set query = :q"), {"q": CANARY})
        names = [
            make_person(name=f"{CANARY} {each}", emails=[(f"{CANARY}.{each}@c.test", "")]) for each in ("Kept", "Gone")
        ]
        people = await contacts_of(db, owner.workspace_id, owner.user.id, names, provider="csv", account="")
        going = await subjects.of_contact(db, owner.workspace_id, people[1].contact_id)
        erasure, _ = await contact_erasing.begin(db, runtime.keyring, owner.actor, going)
        erasure.proof = {"erased": {CANARY: 1}}
    draft = await make_draft(runtime, owner, mailbox, subject=f"{CANARY} letter", body=f"{CANARY} draft")
    return Treasure(
        owner, mailbox, str(email.id), str(sequence.id), str(enrollment.id), str(job.id), str(sender.id), str(scan.id),
        str(batch_id), str(integration_id), str(draft.id), str(draft.message_id),
        str(people[0].contact_id), str(erasure.id),
    )  # fmt: skip


def fill(path: str, treasure: Treasure) -> str:
    return (
        path.replace("{emailId}", treasure.email_id)
        .replace("{sequenceId}", treasure.sequence_id)
        .replace("{enrollmentId}", treasure.enrollment_id)
        .replace("{jobId}", treasure.job_id)
        .replace("{provider}", "google")
        .replace("{job_id}", treasure.scan_id)
        .replace("{id}", treasure.sender_id)
        .replace("{batchId}", treasure.batch_id)
        .replace("{contactId}", treasure.contact_id)
        .replace("{erasureId}", treasure.erasure_id)
        .replace("{integration_id}", treasure.integration_id)
        .replace("{message_id}", treasure.email_id)
        .replace("{draft_id}", treasure.draft_id)
    )


async def call(client: Client, method: str, path: str, treasure: Treasure) -> Any:
    row = MATRIX[method, path]
    options = {"json": row.body(treasure)} if row.body else {}
    return await client.request(method, fill(path + row.query, treasure), **options)


def test_every_route_declares_its_need_and_has_its_row() -> None:
    routes = {(each["method"], each["path"]): each["needs"] for each in all_routes()}
    undeclared = [route for route, needs in routes.items() if not needs]
    pages = {(method, f"/console{path}") for method, path in CONSOLE_PUBLIC}
    # Its pages are asked for by a cookie, each as its own matrix says.
    own_matrix = {(method, f"/console{path}") for method, path in CONSOLE}
    print(f"\nroutes without a declaration: {len(undeclared)} of {len(routes)}")
    assert undeclared == []
    assert {route for route, needs in routes.items() if needs == "public"} == PUBLIC | pages
    assert set(routes) - PUBLIC - pages == set(MATRIX) | own_matrix, "a route without a row in the matrix"


async def test_whoever_is_not_signed_in_gets_nothing(runtime: Runtime, anonymous: Client, treasure: Treasure) -> None:
    callers = {
        "anonymous": anonymous,
        "garbage": anonymous.signed_in("eyJ.eyJ.x"),
        "expired": anonymous.signed_in(await expired(runtime)),
        "revoked": anonymous.signed_in(await revoked(runtime)),
        "revoked key": Client(anonymous.app, {"X-API-Key": await revoked_key(runtime)}),
        "unknown key": Client(anonymous.app, {"X-API-Key": "outr_live_" + "a" * 36}),
    }
    leaks, tried = [], 0
    for name, client in callers.items():
        for method, path in MATRIX:
            response = await call(client, method, path, treasure)
            tried += 1
            if response.status_code != 401 or CANARY in response.text:
                leaks.append((name, method, path, response.status_code))
    print(f"\nunauthenticated calls that got through: {len(leaks)} of {tried}")
    assert leaks == []


@pytest.mark.parametrize("stranger", ["other workspace", "same workspace"])
async def test_strangers_see_nothing_of_it(
    runtime: Runtime, anonymous: Client, treasure: Treasure, stranger: str
) -> None:
    workspace_id = treasure.owner.workspace_id if stranger == "same workspace" else None
    eve = await make_user(runtime, role=Role.MEMBER, workspace_id=workspace_id, name="Eve")
    client = anonymous.signed_in(eve.access_token)
    leaks, tried = [], 0
    for (method, path), row in MATRIX.items():
        response = await call(client, method, path, treasure)
        tried += 1
        if CANARY in response.text.replace("?search=canary", "").replace("?query=canary", "") or (
            row.is_named and response.status_code != 404
        ):
            leaks.append((method, path, response.status_code, response.text[:200]))
    print(f"\nleaks to a stranger of the {stranger}: {len(leaks)} of {tried}")
    assert leaks == []


async def test_body_identifiers_of_others_are_unknown(runtime: Runtime, anonymous: Client, treasure: Treasure) -> None:
    eve = await make_user(runtime, name="Eve")
    client = anonymous.signed_in(eve.access_token)
    own_email = await make_message(runtime, await make_mailbox(runtime, eve))
    own_sequence = await make_sequence(runtime, eve)
    own = await make_enrollment(runtime, eve, own_email, own_sequence)
    other_email = await make_message(runtime, await make_mailbox(runtime, eve, address="two@a.test"))
    tries = [
        ("POST", "/enrollments", {"emailId": treasure.email_id, "sequenceId": str(own_sequence.id)}),
        ("POST", "/enrollments", {"emailId": str(other_email.id), "sequenceId": treasure.sequence_id}),
        ("PUT", f"/enrollments/{own.id}", {"sequenceId": treasure.sequence_id}),
    ]
    for method, path, body in tries:
        assert (await client.request(method, path, json=body)).status_code == 404
    found = (await client.post("/emails/check-replies", json={"emailIds": [treasure.email_id]})).json()
    assert found == {"results": [], "pending": [], "notFound": [treasure.email_id]}


async def test_a_viewer_changes_nothing(runtime: Runtime, anonymous: Client, treasure: Treasure) -> None:
    viewer = await make_user(runtime, role=Role.VIEWER, name="Vera")
    client = anonymous.signed_in(viewer.access_token)
    through = []
    writes = [route for route, row in MATRIX.items() if route[0] != "GET" and not row.is_for_all]
    for method, path in writes:
        response = await call(client, method, path, treasure)
        if response.status_code != 403:
            through.append((method, path, response.status_code))
    print(f"\nwrites by a viewer: {len(through)} of {len(writes)}")
    assert through == []


async def test_no_body_takes_what_its_route_does_not_name(
    runtime: Runtime, anonymous: Client, treasure: Treasure
) -> None:
    client = anonymous.signed_in(treasure.owner.access_token)
    injected = ("id", "userId", "workspaceId", "workspace_id", "role", "isAdmin", "createdAt", "status_", "balance")
    taken, tried = [], 0
    for (method, path), row in MATRIX.items():
        if row.body is None:
            continue
        for name in injected:
            body = {**row.body(treasure), name: "injected"}
            response = await client.request(method, fill(path, treasure), json=body)
            tried += 1
            if response.status_code != 422:
                taken.append((method, path, name, response.status_code))
    print(f"\ninjected fields taken: {len(taken)} of {tried}")
    assert tried > 50
    assert taken == []


async def test_no_answer_has_a_secrets_name(anonymous: Client, treasure: Treasure) -> None:
    client = anonymous.signed_in(treasure.owner.access_token)
    for method, path in MATRIX:
        if method == "GET":
            text = (await call(client, method, path, treasure)).text
            assert CANARY in text or path in {
                f"{API}/senders/scan/{{job_id}}",
                "/schedules/health",
                f"{API}/calls/next-digest",
                f"{API}/calls/settings",
                f"{API}/language-model",
                "/analytics/sends",
                "/analytics/enrollments",
                "/schedules",
            }
            assert not [name for name in SECRET_FIELDS if f'"{name}"' in text]


async def expired(runtime: Runtime) -> str:
    someone = await make_user(runtime)
    assert someone.actor.session_id is not None
    token, _ = runtime.tokens.issue(
        user_id=someone.user.id,
        session_id=someone.actor.session_id,
        workspace_id=someone.workspace_id,
        now=now() - timedelta(hours=1),
    )
    return token


async def revoked(runtime: Runtime) -> str:
    someone = await make_user(runtime)
    async with runtime.db.begin(someone.scope) as db:
        session = await db.get_one(Session, (someone.workspace_id, someone.actor.session_id))
        session.revoke(now(), "test")
    return someone.access_token


async def revoked_key(runtime: Runtime) -> str:
    someone = await make_user(runtime)
    async with runtime.db.begin(someone.scope) as db:
        made = await accounts.create_access_key(
            db, workspace_id=someone.workspace_id, user_id=someone.user.id, name="old"
        )
        accounts.revoke_access_key(made.key)
    return made.plaintext
