"""The caller's profile, and the end of their account."""

import pytest
from sqlalchemy import select, text

from outrider.core.ids import new_id
from outrider.domain.accounts import actions
from outrider.domain.grants.models import Grant
from outrider.domain.grants.models import State as GrantState
from outrider.domain.imports.models import ImportJob
from outrider.domain.imports.models import Status as ImportStatus
from outrider.domain.mailboxes.models import Mailbox, State
from outrider.domain.operations import actions as operations
from outrider.domain.operations.models import Operation, OperationStatus
from outrider.domain.sequences.models import Enrollment, EnrollmentStatus
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.imports import contacts, start
from tests.factories.mailboxes import make_mailbox, make_message
from tests.factories.sequences import make_enrollment, make_sequence


async def test_name_and_zone_can_be_changed_and_nothing_else(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    client = anonymous.signed_in(ada.access_token)
    changed = (await client.put("/api/users/profile", json={"name": "Ada King", "timezone": "Asia/Kolkata"})).json()
    assert (changed["data"]["name"], changed["data"]["timezone"]) == ("Ada King", "Asia/Kolkata")
    kept = (await client.put("/api/users/profile", json={})).json()
    assert kept["data"]["name"] == "Ada King"
    assert (await client.get("/api/users/profile")).json()["data"]["timezone"] == "Asia/Kolkata"


@pytest.mark.parametrize("body", [{"email": "eve@a.test"}, {"timezone": "Moon"}], ids=["email", "zone"])
async def test_a_profile_refuses_what_it_does_not_have(
    anonymous: Client, runtime: Runtime, body: dict[str, str]
) -> None:
    ada = await make_user(runtime)
    refused = await anonymous.signed_in(ada.access_token).put("/api/users/profile", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_a_deleted_account_is_out_at_once_and_nothing_of_it_goes_on(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    mailbox = await make_mailbox(runtime, ada)
    email = await make_message(runtime, mailbox)
    enrollment = await make_enrollment(runtime, ada, email, await make_sequence(runtime, ada))
    job = await start(runtime, ada, contacts(3))
    async with runtime.db.begin(ada.scope) as db:
        grant = Grant(
            workspace_id=ada.workspace_id, id=new_id(), user_id=ada.user.id, provider="google", subject="1",
            address=ada.user.email,
        )  # fmt: skip
        db.add(grant)
        operation = await operations.start(
            db, workspace_id=ada.workspace_id, user_id=ada.user.id, type="mailbox.sync", subject_id=mailbox.id
        )
        made = await actions.create_access_key(db, workspace_id=ada.workspace_id, user_id=ada.user.id, name="key")
    client = anonymous.signed_in(ada.access_token)
    deleted = (await client.delete("/api/users/account")).json()
    assert deleted["data"]["deleted"]
    assert (await client.get("/api/auth/me")).status_code == 401
    assert (await Client(anonymous.app, {"X-API-Key": made.plaintext}).get("/api/auth/me")).status_code == 401
    log_in = {"email": ada.user.email, "password": PASSWORD}
    assert (await anonymous.post("/api/auth/login", json=log_in)).status_code == 401
    async with runtime.db.begin(ada.scope) as db:
        key = ada.workspace_id
        assert (await db.get_one(Mailbox, (key, mailbox.id))).state is State.DISCONNECTED
        assert (await db.get_one(Mailbox, (key, mailbox.id))).secret is None
        assert (await db.get_one(Enrollment, (key, enrollment.id))).status is EnrollmentStatus.PAUSED
        assert (await db.get_one(Grant, (key, grant.id))).state is GrantState.REVOKING
        assert (await db.get_one(Operation, (key, operation.id))).status is OperationStatus.CANCELLED
        assert (await db.get_one(ImportJob, (key, job.id))).status is ImportStatus.CANCELLED
        queued = select(text("payload")).select_from(text("pgqueuer")).where(text("entrypoint = 'grants.revoke'"))
        assert any(str(grant.id).encode() in payload for payload in await db.scalars(queued))


async def test_an_access_key_can_not_delete_the_account(anonymous: Client, runtime: Runtime) -> None:
    ada = await make_user(runtime)
    async with runtime.db.begin(ada.scope) as db:
        made = await actions.create_access_key(db, workspace_id=ada.workspace_id, user_id=ada.user.id, name="key")
    refused = await Client(anonymous.app, {"X-API-Key": made.plaintext}).delete("/api/users/account")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert (await anonymous.signed_in(ada.access_token).get("/api/auth/me")).status_code == 200
