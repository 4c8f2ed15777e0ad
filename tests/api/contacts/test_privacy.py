"""What is held of a contact and its erasure, over HTTP, for whoever owns the workspace."""

from uuid import UUID

from outrider.core.ids import new_id
from outrider.domain.accounts.models import Role
from outrider.domain.erasure.jobs import erase_contact
from outrider.runtime import Runtime
from tests.client import Client
from tests.factories.accounts import make_user
from tests.factories.contact_canary import furnish_contact

BASE = "/api/v1/contacts"


async def test_a_contact_is_exported_and_then_erased(runtime: Runtime, anonymous: Client) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    client = anonymous.signed_in(canary.owner.access_token)
    told = await client.get(f"{BASE}/{canary.contact_id}/export")
    assert told.status_code == 200
    assert told.headers["content-disposition"] == f'attachment; filename="contact-{canary.contact_id}.json"'
    assert told.headers["cache-control"] == "no-store"
    assert told.json()["data"]["held"]["contact_emails"][0]["address"] == canary.address
    begun = await client.post(f"{BASE}/{canary.contact_id}/erase")
    assert begun.status_code == 202
    erasure = begun.json()["data"]
    assert (erasure["status"], erasure["progress"], erasure["erased"]) == ("queued", 0, {})
    await erase_contact(runtime, workspace_id=canary.owner.workspace_id, erasure_id=UUID(erasure["id"]))
    done = (await client.get(f"{BASE}/erasures/{erasure['id']}")).json()["data"]
    assert (done["status"], done["progress"], done["erased"]["contacts"]) == ("succeeded", 100, 1)
    assert (await client.get(f"{BASE}/{canary.contact_id}/export")).status_code == 404
    assert (await client.post(f"{BASE}/{canary.contact_id}/erase")).status_code == 404


async def test_only_owners_reach_into_everybodys_mailbox(runtime: Runtime, anonymous: Client) -> None:
    canary = await furnish_contact(runtime, f"canary{new_id().hex}")
    member = await make_user(runtime, role=Role.MEMBER, workspace_id=canary.owner.workspace_id)
    stranger = await make_user(runtime)
    for path, method in (("export", "GET"), ("erase", "POST")):
        refused = await anonymous.signed_in(member.access_token).request(method, f"{BASE}/{canary.contact_id}/{path}")
        unknown = await anonymous.signed_in(stranger.access_token).request(method, f"{BASE}/{canary.contact_id}/{path}")
        assert (refused.status_code, unknown.status_code) == (403, 404)
    unknown = await anonymous.signed_in(stranger.access_token).get(f"{BASE}/erasures/{new_id()}")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ERASURE_NOT_FOUND")
